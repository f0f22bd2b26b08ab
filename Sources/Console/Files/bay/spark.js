import { s } from '../core/dom.js';

/** A small curve of figures over time; what it says is said in words beside it. */
export function spark(values, { width = 280, height = 56 } = {}) {
  const most = Math.max(...values, 1);
  const step = width / Math.max(values.length - 1, 1);
  const points = values.map((value, i) => `${(i * step).toFixed(1)} ${(height - 3 - (value / most) * (height - 8)).toFixed(1)}`);
  const svg = s('svg', { class: 'spark', viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  if (points.length > 1) {
    svg.append(
      s('path', { class: 'area', d: `M0 ${height}L${points.join('L')}L${width} ${height}Z` }),
      s('path', { class: 'line', d: `M${points.join('L')}` }));
  }
  return svg;
}
