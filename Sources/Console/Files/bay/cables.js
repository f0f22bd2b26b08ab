// The cables of the patch bay: between sockets, in bundles between panels, and the loose one in the hand.

import { s } from '../core/dom.js';
import { number } from '../core/words.js';
import { headOf, hang, pathOf, pointOn, distanceTo, boxOf } from './layout.js';

const MOST_CABLES = 900;

export class Cables {
  /** `picture` has what is shown: `plan`, `connections`, `trunkList`, `selected`, `carried`, `isOverview`, `zoom`. */
  constructor(picture) {
    this.picture = picture;
    this.elements = new Map();
    this.curves = new Map();
    this.loose = s('g', { class: 'loose', visibility: 'hidden' }, s('path', { class: 'casing' }), s('path', { class: 'core' }), s('circle', { r: 7 }));
    this.trunkGroup = s('g', { class: 'trunks' });
    this.cableGroup = s('g', {});
    this.layer = s('svg', { class: 'cables', 'aria-hidden': 'true' }, this.trunkGroup, this.cableGroup, this.loose);
  }

  resize(width, height) {
    this.layer.setAttribute('width', width);
    this.layer.setAttribute('height', height);
  }

  /** The curves of all cables. */
  trace() {
    if (!this.picture.plan) return;
    this.curves.clear();
    for (const [key, cable] of this.picture.connections) {
      const [a, b] = [this.picture.plan.places.get(cable.a), this.picture.plan.places.get(cable.b)];
      if (!a || !b || a === b) continue;
      // Those that end at a folded panel are drawn together, in one.
      const isBundled = a.index < 0 || b.index < 0;
      const curve = isBundled ? null : hang(a, b, key);
      this.curves.set(key, { curve, box: curve && boxOf(curve), cable, a, b });
    }
  }

  /** Draws those that are in a part of the picture, and the bundles and trunks between panels. */
  draw(view) {
    const wanted = new Set();
    const near = (box) => box.left < view.right && box.right > view.left && box.top < view.bottom && box.bottom > view.top;
    this.omitted = 0;
    this.#bundles();
    if (!this.picture.isOverview) {
      const drawn = [...this.curves.values()].filter(({ box, cable }) => box && near(box) && this.isShown(cable));
      // Where there are too many, those of the selected socket first, then those that carry most.
      if (drawn.length > MOST_CABLES) {
        const weight = ({ cable }) => (this.isSelected(cable) ? 1e18 : 0) + cable.rate + (cable.isLive ? 1 : 0);
        drawn.sort((one, other) => weight(other) - weight(one));
        this.omitted += drawn.length - MOST_CABLES;
        drawn.length = MOST_CABLES;
      }
      for (const { cable } of drawn) wanted.add(cable.key);
    }
    for (const [key, element] of this.elements) {
      if (!wanted.has(key)) { element.remove(); this.elements.delete(key); }
    }
    for (const key of wanted) this.#cable(this.curves.get(key));
    this.picture.actions.omitted?.(this.omitted);
    this.#trunks();
  }

  isSelected(cable) {
    return this.picture.selected?.cable === cable.key || this.picture.selected?.socket === cable.a || this.picture.selected?.socket === cable.b;
  }

  /** What is blocked is drawn only for what is selected: else a long list of denials would hide what is there. */
  isShown(cable) { return cable.state !== 'blocked' || this.isSelected(cable); }

  #cable({ curve, cable }) {
    let element = this.elements.get(cable.key);
    if (!element) {
      element = s('g', {}, s('path', { class: 'casing' }), s('path', { class: 'core' }), s('path', { class: 'flow' }),
        s('g', { class: 'badge' }, s('circle', { r: 9 }), s('path', {})), s('circle', { class: 'plug', r: 7 }), s('circle', { class: 'plug', r: 7 }));
      element.dataset.cable = cable.key;
      this.elements.set(cable.key, element);
      this.cableGroup.append(element);
    }
    const path = pathOf(curve);
    const [casing, core, flow, badge, first, second] = element.children;
    if (element.dataset.path !== path) {
      element.dataset.path = path;
      for (const one of [casing, core, flow]) one.setAttribute('d', path);
      for (const [plug, end] of [[first, curve[0]], [second, curve[3]]]) {
        plug.setAttribute('cx', end.x);
        plug.setAttribute('cy', end.y);
      }
    }
    badge.lastChild.setAttribute('d', badges[cable.state === 'blocked' ? 'blocked' : cable.oneWay ? 'arrow' : cable.security] ?? '');
    const middle = pointOn(curve, 0.5);
    badge.setAttribute('transform', `translate(${middle.x} ${middle.y}) rotate(${cable.oneWay && cable.state !== 'blocked' ? this.#heading(cable, curve) : 0})`);
    const isQuiet = this.picture.selected && !this.isSelected(cable);
    element.setAttribute('class', [
      'cable', cable.state, cable.security, cable.rate > 0 ? 'busy' : '', cable.oneWay ? 'one-way' : '',
      cable.oneWay?.startsWith(`${cable.b}>`) ? 'backward' : '',
      this.picture.selected?.cable === cable.key ? 'selected' : '', isQuiet ? 'quiet' : '', this.hovered === cable.key ? 'hovered' : '',
    ].filter(Boolean).join(' '));
  }

  /** Where a cable of one way leads in its middle, in degrees. */
  #heading(cable, curve) {
    const [before, after] = [pointOn(curve, 0.45), pointOn(curve, 0.55)];
    const angle = (Math.atan2(after.y - before.y, after.x - before.x) * 180) / Math.PI;
    return cable.oneWay.startsWith(`${cable.a}>`) ? angle : angle + 180;
  }

  /** From afar one cable between two panels stands for all between their sockets, and so it does where one is folded. */
  #bundles() {
    const bundles = new Map();
    const endOf = (place, name) => (this.picture.isOverview || place.index < 0 ? { key: `/${place.panel.key}`, point: headOf(place.panel) } : { key: name, point: place });
    for (const { cable, curve, a, b } of this.curves.values()) {
      if ((!this.picture.isOverview && curve) || !this.isShown(cable)) continue;
      const [one, other] = [endOf(a, cable.a), endOf(b, cable.b)];
      if (one.key === other.key) continue;
      const key = one.key < other.key ? `${one.key}|${other.key}` : `${other.key}|${one.key}`;
      const bundle = bundles.get(key) ?? { from: one.point, to: other.point, key, count: 0, rate: 0, security: new Set(), isSelected: false };
      bundle.count += 1;
      bundle.rate += cable.rate;
      bundle.security.add(cable.security);
      bundle.isSelected ||= this.isSelected(cable);
      bundles.set(key, bundle);
    }
    this.bundleList = [...bundles.values()].sort((one, other) => other.count - one.count);
    this.omitted += Math.max(0, this.bundleList.length - MOST_CABLES);
    this.bundleList.length = Math.min(this.bundleList.length, MOST_CABLES);
  }

  #trunks() {
    const panels = new Map(this.picture.plan.panels.map((one) => [one.key, one]));
    const lines = this.picture.trunkList.filter((one) => panels.has(one.a) && panels.has(one.b))
      .map((trunk) => ({ from: headOf(panels.get(trunk.a)), to: headOf(panels.get(trunk.b)), key: `trunk ${trunk.id}`, security: trunk.security, width: 7 }))
      .concat(this.bundleList.map((one) => ({ ...one, security: one.security.size === 1 ? [...one.security][0] : 'none', width: 3 + Math.log2(one.count + 1) * 1.6 })));
    // Where there are very many, one sees through them, and those of the panel that is pointed at come forward.
    this.trunkGroup.classList.toggle('many', lines.length > 60);
    this.trunkGroup.replaceChildren(...lines.map((line) => {
      const curve = hang(line.from, line.to, line.key);
      const middle = pointOn(curve, 0.5);
      const element = s('g', { class: `trunk ${line.security}${this.picture.selected && !line.isSelected ? ' quiet' : ''}`, 'data-ends': line.key },
        s('path', { class: 'casing', d: pathOf(curve) }), s('path', { class: 'core', d: pathOf(curve) }),
        s('circle', { class: 'plug', r: 8, cx: curve[0].x, cy: curve[0].y }), s('circle', { class: 'plug', r: 8, cx: curve[3].x, cy: curve[3].y }),
        line.count > 1 && lines.length <= 60 ? s('text', { x: middle.x, y: middle.y, 'text-anchor': 'middle', 'dominant-baseline': 'central' }, number(line.count)) : null);
      element.style.setProperty('--width', `${line.width}px`);
      return element;
    }));
  }

  /** Draws the cable that is being carried, from its socket to a point. */
  looseTo(point) {
    const from = this.picture.plan.places.get(this.picture.carried);
    if (!from || !point) return;
    const path = pathOf(hang(from, point));
    this.loose.setAttribute('visibility', 'visible');
    this.loose.children[0].setAttribute('d', path);
    this.loose.children[1].setAttribute('d', path);
    this.loose.children[2].setAttribute('cx', point.x);
    this.loose.children[2].setAttribute('cy', point.y);
  }

  /** Brings the cables of a folded panel to the front. */
  near(panel) {
    if (panel === this.nearPanel) return;
    this.nearPanel = panel;
    for (const one of this.trunkGroup.children) one.classList.toggle('near', panel !== undefined && (one.dataset.ends ?? '').split('|').includes(`/${panel}`));
  }

  hideLoose() { this.loose.setAttribute('visibility', 'hidden'); }

  /** The key of the cable at a point, or null. */
  at(point) {
    let best = null;
    let least = 9 / this.picture.zoom;
    for (const key of this.elements.keys()) {
      const one = this.curves.get(key);
      if (!one?.box || point.x < one.box.left - 9 || point.x > one.box.right + 9 || point.y < one.box.top - 9 || point.y > one.box.bottom + 9) continue;
      const distance = distanceTo(one.curve, point);
      if (distance < least) { least = distance; best = key; }
    }
    return best;
  }

  /** Marks the cable that is pointed at, and no other. */
  hover(key) {
    if (key === this.hovered) return;
    const former = this.hovered;
    this.hovered = key;
    for (const one of [former, key]) if (one && this.curves.has(one) && this.elements.has(one)) this.#cable(this.curves.get(one));
  }
}

/** What stands in the middle of a cable, so that nobody has to tell colours apart. */
const badges = {
  conf: 'M-3.5 -0.5h7v5h-7zM-2 -0.5v-1.6a2 2 0 0 1 4 0v1.6',
  auth: 'M-3.5 -3.5q3.5 0 3.5 -1.5q0 1.5 3.5 1.5q0 6 -3.5 8.5q-3.5 -2.5 -3.5 -8.5',
  none: '',
  arrow: 'M-2 -4l4.5 4l-4.5 4',
  blocked: 'M-3.5 -3.5l7 7M3.5 -3.5l-7 7',
};
