import { h, s } from './dom.js';

/**
 * Figures over time as bars: `items` are `{label, parts: [{kind, value}], title}`; the parts of one stand side by side, for
 * sums of what was sent and received would count what stays inside twice. What it says is in a table beside it.
 */
export function bars(items, label, unit, { isNarrow = matchMedia('(max-width: 44rem)').matches } = {}) {
  const [width, height] = isNarrow ? [400, 150] : [900, 180];
  const left = 64;
  const most = Math.max(...items.flatMap((one) => one.parts.map((part) => part.value)), 1);
  const step = (width - left - 6) / Math.max(items.length, 1);
  const svg = s('svg', { class: 'bars', viewBox: `0 0 ${width} ${height + 26}`, role: 'img', 'aria-label': label });
  for (const share of [0, 0.5, 1]) {
    const y = height - share * (height - 14);
    svg.append(s('line', { x1: left, x2: width, y1: y, y2: y }), s('text', { x: left - 6, y: y + 4, 'text-anchor': 'end' }, unit(most * share)));
  }
  const every = Math.max(1, Math.ceil(items.length / (isNarrow ? 5 : 10)));
  items.forEach((one, i) => {
    const x = left + 6 + i * step;
    const wide = Math.max((step * 0.76) / one.parts.length, 0.6);
    one.parts.forEach((part, k) => {
      const tall = (part.value / most) * (height - 14);
      if (tall > 0) svg.append(s('rect', { class: `bar ${part.kind}`, x: x + k * wide, y: height - tall, width: wide, height: tall }, s('title', {}, one.title)));
    });
    if (i % every === 0) svg.append(s('text', { x: x + step * 0.38, y: height + 20, 'text-anchor': 'middle' }, one.label));
  });
  return h('div', {}, svg);
}
