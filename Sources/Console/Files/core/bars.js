import { h, s } from './dom.js';

/** Figures over time as bars: `items` are `{label, parts: [{kind, value}], title}`. What it says is in a table beside it. */
export function bars(items, label, unit) {
  const [width, height] = [900, 180];
  const most = Math.max(...items.map((one) => one.parts.reduce((sum, part) => sum + part.value, 0)), 1);
  const step = (width - 70) / Math.max(items.length, 1);
  const svg = s('svg', { class: 'bars', viewBox: `0 0 ${width} ${height + 26}`, role: 'img', 'aria-label': label });
  for (const share of [0, 0.5, 1]) {
    const y = height - share * (height - 14);
    svg.append(s('line', { x1: 64, x2: width, y1: y, y2: y }), s('text', { x: 58, y: y + 4, 'text-anchor': 'end' }, unit(most * share)));
  }
  const every = Math.max(1, Math.ceil(items.length / 10));
  items.forEach((one, i) => {
    let y = height;
    const x = 70 + i * step;
    for (const part of one.parts) {
      const tall = (part.value / most) * (height - 14);
      y -= tall;
      if (tall > 0) svg.append(s('rect', { class: `bar ${part.kind}`, x, y, width: Math.max(step * 0.76, 1), height: tall }, s('title', {}, one.title)));
    }
    if (i % every === 0) svg.append(s('text', { x: x + step * 0.38, y: height + 20, 'text-anchor': 'middle' }, one.label));
  });
  return h('div', {}, svg);
}
