// Where everything is in the picture, in pixels at zoom 1. No elements here: it can lay out thousands in a few milliseconds.

export const cell = { width: 96, height: 74, jackY: 44 };
const head = 40;
const pad = 14;
const gap = { x: 44, y: 64 };

const collator = new Intl.Collator(undefined, { numeric: true });

/** By what endpoints can be put together. */
export const groupings = {
  group: (one) => one.groups[0] ?? '',
  host: (one) => one.host,
  vnet: (one) => one.vnet,
  level: (one) => String(one.level),
  none: () => '',
};

/** Lays out panels as books on shelves: left to right, a new shelf when one is full. */
export function layOut(endpoints, { by, empty = [], width }) {
  const lists = new Map(empty.map((title) => [title, []]));
  for (const endpoint of endpoints) {
    const title = groupings[by](endpoint);
    let list = lists.get(title);
    if (!list) lists.set(title, list = []);
    list.push(endpoint.name);
  }
  // What belongs nowhere comes last.
  const titles = [...lists.keys()].sort((a, b) => (a === '') - (b === '') || collator.compare(a, b));
  const most = Math.max(2, Math.floor((width - 2 * gap.x - 2 * pad) / cell.width));
  const panels = [];
  const places = new Map();
  let [x, y, tallest, right] = [gap.x, gap.x, 0, 0];
  for (const title of titles) {
    const names = lists.get(title).sort(collator.compare);
    const wished = names.length <= 6 ? Math.max(names.length, 1) : Math.max(6, Math.ceil(Math.sqrt(names.length * 2.2)));
    const columns = Math.min(wished, most);
    const rows = Math.max(1, Math.ceil(names.length / columns));
    const panel = { key: title, names, columns, rows, width: Math.max(columns * cell.width + 2 * pad, 156), height: head + rows * cell.height + pad };
    if (x > gap.x && x + panel.width > width - gap.x) {
      x = gap.x;
      y += tallest + gap.y;
      tallest = 0;
    }
    panel.x = x;
    panel.y = y;
    x += panel.width + gap.x;
    right = Math.max(right, panel.x + panel.width);
    tallest = Math.max(tallest, panel.height);
    names.forEach((name, index) => {
      places.set(name, {
        panel, index,
        x: panel.x + panel.width / 2 + ((index % columns) + 0.5 - columns / 2) * cell.width,
        y: panel.y + head + Math.floor(index / columns) * cell.height + cell.jackY,
      });
    });
    panels.push(panel);
  }
  return { panels, places, width: Math.max(right + gap.x, 300), height: y + tallest + gap.y + 60 };
}

/** The rows of a panel that lie between two heights. */
export function rowsBetween(panel, top, bottom) {
  const start = panel.y + head;
  return [
    Math.max(0, Math.floor((top - start) / cell.height)),
    Math.min(panel.rows - 1, Math.floor((bottom - start) / cell.height)),
  ];
}

/** The middle of a panel's head, where cables of whole groups end. */
export const headOf = (panel) => ({ x: panel.x + panel.width - 24, y: panel.y + 20 });

function scatter(text) {
  let sum = 0;
  for (let i = 0; i < text.length; i += 1) sum = (sum * 31 + text.charCodeAt(i)) % 997;
  return sum / 997;
}

/** A cable hangs: the four points of a cubic Bézier curve. The key keeps neighbours from lying on one another. */
export function hang(from, to, key = '') {
  const distance = Math.hypot(to.x - from.x, to.y - from.y);
  const sag = Math.min(30 + distance * 0.3, 170) + scatter(key) * 26;
  const lean = (to.x - from.x) * 0.08;
  return [from, { x: from.x + lean, y: from.y + sag }, { x: to.x - lean, y: to.y + sag }, to];
}

export const pathOf = ([a, b, c, d]) => `M${a.x} ${a.y}C${b.x} ${b.y} ${c.x} ${c.y} ${d.x} ${d.y}`;

export function pointOn([a, b, c, d], u) {
  const v = 1 - u;
  const w = [v * v * v, 3 * v * v * u, 3 * v * u * u, u * u * u];
  return { x: w[0] * a.x + w[1] * b.x + w[2] * c.x + w[3] * d.x, y: w[0] * a.y + w[1] * b.y + w[2] * c.y + w[3] * d.y };
}

/** How far a point is from a curve. */
export function distanceTo(curve, point) {
  let least = Infinity;
  let before = curve[0];
  for (let i = 1; i <= 20; i += 1) {
    const next = pointOn(curve, i / 20);
    const [dx, dy] = [next.x - before.x, next.y - before.y];
    const along = Math.max(0, Math.min(1, ((point.x - before.x) * dx + (point.y - before.y) * dy) / (dx * dx + dy * dy || 1)));
    least = Math.min(least, Math.hypot(before.x + along * dx - point.x, before.y + along * dy - point.y));
    before = next;
  }
  return least;
}

export function boxOf(curve) {
  const xs = curve.map((one) => one.x);
  const ys = curve.map((one) => one.y);
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
}

/** The socket that lies next in a direction; by places, so that it may be one that is not drawn. */
export function neighbour(places, name, [dx, dy]) {
  const here = places.get(name);
  if (!here) return null;
  let best = null;
  let least = Infinity;
  for (const [other, place] of places) {
    if (other === name) continue;
    const along = (place.x - here.x) * dx + (place.y - here.y) * dy;
    const across = Math.abs((place.x - here.x) * dy) + Math.abs((place.y - here.y) * dx);
    if (along < 8 || across > along * 2.5) continue;
    const cost = along + across * 2.2;
    if (cost < least) { least = cost; best = other; }
  }
  return best;
}
