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

/** How large a panel is that is folded. */
const folded = { width: 190, height: 92 };

/**
 * Lays out panels as books on shelves: left to right, a new shelf when one is full. `parts` are those that are to have a
 * panel in any case, `isFolded` tells of which no sockets are shown: their cables end at the panel.
 */
export function layOut(endpoints, { by, parts = [], isFolded = () => false, width }) {
  const lists = new Map(parts.map((title) => [title, []]));
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
    const isClosed = isFolded(title);
    const names = lists.get(title);
    if (!isClosed) names.sort(collator.compare);
    const wished = names.length <= 6 ? Math.max(names.length, 1) : Math.max(6, Math.ceil(Math.sqrt(names.length * 2.2)));
    const columns = Math.min(wished, most);
    const rows = isClosed ? 0 : Math.max(1, Math.ceil(names.length / columns));
    const panel = isClosed ? { key: title, names, columns, rows, isClosed, ...folded }
      : { key: title, names, columns, rows, isClosed, width: Math.max(columns * cell.width + 2 * pad, 156), height: head + rows * cell.height + pad };
    if (x > gap.x && x + panel.width > width - gap.x) {
      x = gap.x;
      // Between folded panels less room is needed for cables to hang.
      y += tallest + (tallest > folded.height ? gap.y : gap.y / 2);
      tallest = 0;
    }
    panel.x = x;
    panel.y = y;
    x += panel.width + (isClosed ? gap.x / 2 : gap.x);
    right = Math.max(right, panel.x + panel.width);
    tallest = Math.max(tallest, panel.height);
    const middle = { panel, index: -1, x: panel.x + panel.width / 2, y: panel.y + folded.height - 24 };
    names.forEach((name, index) => {
      places.set(name, isClosed ? middle : {
        panel, index,
        x: panel.x + panel.width / 2 + ((index % columns) + 0.5 - columns / 2) * cell.width,
        y: panel.y + head + Math.floor(index / columns) * cell.height + cell.jackY,
      });
    });
    panels.push(panel);
  }
  return { panels, places, width: Math.max(right + gap.x, 300), height: y + tallest + gap.y + 60 };
}

/** The layout that can be shown largest in a window. */
export function layOutFor(endpoints, options, window) {
  // Many are laid out once: as wide as gives the picture the window's shape.
  const isFolded = options.isFolded ?? (() => false);
  const sockets = endpoints.reduce((sum, one) => sum + (isFolded(groupings[options.by](one)) ? 0 : 1), 0);
  if (sockets > 400) {
    const area = sockets * cell.width * cell.height * 1.9 + (options.parts?.length ?? 0) * folded.width * folded.height * 2;
    return layOut(endpoints, { ...options, width: Math.max(window.width, Math.sqrt(area)) });
  }
  let best = null;
  let most = 0;
  for (const share of [0.7, 0.85, 1, 1.2, 1.45, 1.75, 2.1]) {
    const plan = layOut(endpoints, { ...options, width: Math.max(window.width * share, 330) });
    const zoom = Math.min(window.width / plan.width, window.height / plan.height, 1.4);
    if (zoom > most + 0.02) { most = zoom; best = plan; }
  }
  // On a small window it is better scrolled than made too small to be read.
  return most < 0.6 ? layOut(endpoints, { ...options, width: window.width }) : best;
}

/** The rows of a panel that lie between two heights. */
export function rowsBetween(panel, top, bottom) {
  const start = panel.y + head;
  return [
    Math.max(0, Math.floor((top - start) / cell.height)),
    Math.min(panel.rows - 1, Math.floor((bottom - start) / cell.height)),
  ];
}

/** Where cables of whole groups end: the head of a panel, or the socket of one that is folded. */
export const headOf = (panel) => (panel.isClosed ? { x: panel.x + panel.width / 2, y: panel.y + panel.height - 24 } : { x: panel.x + panel.width - 24, y: panel.y + 20 });

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
  // One that would hang straight down over other sockets keeps to a side.
  const bow = Math.max(0, 1 - Math.abs(to.x - from.x) / 150) * (46 + scatter(key) * 46) * (scatter(`${key}!`) < 0.5 ? -1 : 1);
  // The steeper it is, the less it hangs below its lower end.
  const steep = (to.y - from.y) / (Math.abs(to.x - from.x) + Math.abs(to.y - from.y) + 1);
  const [first, last] = [sag * (1 + 0.75 * Math.min(steep, 0)), sag * (1 - 0.75 * Math.max(steep, 0))];
  return [from, { x: from.x + lean + bow, y: from.y + first }, { x: to.x - lean + bow, y: to.y + last }, to];
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
    if (other === name || place.index < 0) continue;
    const along = (place.x - here.x) * dx + (place.y - here.y) * dy;
    const across = Math.abs((place.x - here.x) * dy) + Math.abs((place.y - here.y) * dx);
    if (along < 8 || across > along * 2.5) continue;
    const cost = along + across * 2.2;
    if (cost < least) { least = cost; best = other; }
  }
  return best;
}
