// The picture of the patch bay: panels with sockets, and cables between them. Only what is in sight has elements.

import { h, s, throttled } from '../core/dom.js';
import { t, number } from '../core/words.js';
import {
  layOutFor, rowsBetween, headOf, hang, pathOf, pointOn, distanceTo, boxOf, neighbour, cell,
} from './layout.js';

const MOST_SOCKETS = 900;
const MOST_CABLES = 900;
const MARGIN = 240;

export class Picture {
  /** `actions`: selectSocket(name), selectCable(key), plug(from, to), carry(name or null), openWires(), fold(part, isFolded). */
  constructor(actions) {
    this.actions = actions;
    this.zoom = 1;
    this.selected = null;
    this.carried = null;
    this.jacks = new Map();
    this.panelElements = new Map();
    this.cableElements = new Map();
    this.curves = new Map();
    this.cables = new Map();
    this.trunkList = [];
    this.panelLayer = h('div', { class: 'panels' });
    this.cableLayer = s('svg', { class: 'cables', 'aria-hidden': 'true' });
    this.loose = s('g', { class: 'loose', visibility: 'hidden' }, s('path', { class: 'casing' }), s('path', { class: 'core' }), s('circle', { r: 7 }));
    this.trunkGroup = s('g', { class: 'trunks' });
    this.cableGroup = s('g', {});
    this.cableLayer.append(this.trunkGroup, this.cableGroup, this.loose);
    this.world = h('div', { class: 'world' }, this.panelLayer, this.cableLayer);
    this.sizer = h('div', { class: 'sizer' }, this.world);
    this.element = h('div', { class: 'bay-scroll', tabindex: '0', role: 'group', 'aria-label': t('bay.picture'), 'aria-describedby': 'bay-keys' }, this.sizer);
    this.draw = throttled(40, () => this.#draw());
    this.element.addEventListener('scroll', () => this.draw(), { passive: true });
    this.element.addEventListener('pointerdown', (event) => this.#down(event));
    this.element.addEventListener('pointermove', (event) => this.#hover(event));
    this.element.addEventListener('keydown', (event) => this.#key(event));
    this.element.addEventListener('focusin', (event) => {
      const jack = event.target.closest('.jack');
      if (jack && !this.dragging) { this.#pick(jack.dataset.endpoint); }
      this.#near(event.target.closest('.panel.folded')?.dataset.panel);
    });
    this.#pinch();
    this.element.addEventListener('wheel', (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.setZoom(this.zoom * Math.exp(-event.deltaY * 0.002), event);
    }, { passive: false });
    this.observer = new ResizeObserver(() => { if (this.lastWidth !== this.element.clientWidth) this.#place(); });
    this.observer.observe(this.element);
  }

  end() { this.observer.disconnect(); }

  /**
   * Shows these endpoints and cables. `parts` has the parts that have a panel in any case, with how many endpoints each
   * has; `edition` is another when anything else than cables is.
   */
  show({ endpoints, cables, trunks, by, parts, isFolded, isSearch, canPlug, edition }) {
    this.endpoints = endpoints;
    this.cables = cables;
    this.trunkList = by === 'group' ? trunks : [];
    this.canPlug = canPlug;
    this.options = { by, parts: [...parts.keys()], isFolded, isSearch };
    this.counts = parts;
    this.wireCount = new Map();
    for (const cable of cables.values()) {
      if (cable.state === 'blocked') continue;
      for (const end of [cable.a, cable.b]) this.wireCount.set(end, (this.wireCount.get(end) ?? 0) + 1);
    }
    if (edition !== this.edition) {
      this.edition = edition;
      this.byName = new Map(endpoints.map((one) => [one.name, one]));
      const print = JSON.stringify([by, [...parts], [...parts.keys()].map(isFolded), endpoints.map((one) => [one.name, one.groups[0], one.host, one.vnet, one.level])]);
      if (print === this.print) {
        this.#trace();
        this.#draw();
        return;
      }
      this.print = print;
      this.#place();
    } else {
      this.#trace();
      this.#draw();
    }
  }

  #place() {
    if (!this.endpoints || !this.element.isConnected) return;
    this.lastWidth = this.element.clientWidth;
    performance.mark('patchbay:layout');
    this.plan = layOutFor(this.endpoints, this.options, { width: this.lastWidth, height: this.element.clientHeight });
    const { activeElement } = document;
    const focused = this.element.contains(activeElement) ? { endpoint: activeElement.dataset.endpoint, panel: activeElement.closest('.panel')?.dataset.panel } : null;
    for (const element of this.panelElements.values()) element.remove();
    this.panelElements.clear();
    this.jacks.clear();
    this.#size();
    this.#trace();
    this.#draw();
    // Whoever was in the picture is where he was, though everything is new.
    if (focused?.endpoint) this.jacks.get(focused.endpoint)?.focus({ preventScroll: true });
    else if (focused?.panel !== undefined) this.panelElements.get(focused.panel)?.querySelector('.plate')?.focus({ preventScroll: true });
  }

  #size() {
    const { width, height } = this.plan;
    this.sizer.style.width = `${width * this.zoom}px`;
    this.sizer.style.height = `${height * this.zoom}px`;
    this.world.style.width = `${width}px`;
    this.world.style.height = `${height}px`;
    this.world.style.transform = `scale(${this.zoom})`;
    this.cableLayer.setAttribute('width', width);
    this.cableLayer.setAttribute('height', height);
    this.element.classList.toggle('far', this.zoom < 0.55);
    // What has to be read from afar grows as the picture shrinks.
    this.element.style.setProperty('--zoom', String(this.zoom));
  }

  /** The curves of all cables. */
  #trace() {
    if (!this.plan) return;
    this.curves.clear();
    for (const [key, cable] of this.cables) {
      const [a, b] = [this.plan.places.get(cable.a), this.plan.places.get(cable.b)];
      if (!a || !b || a === b) continue;
      // Those that end at a folded panel are drawn together, in one.
      const isBundled = a.index < 0 || b.index < 0;
      const curve = isBundled ? null : hang(a, b, key);
      this.curves.set(key, { curve, box: curve && boxOf(curve), cable, a, b });
    }
  }

  #view(margin) {
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = this.element;
    return {
      left: scrollLeft / this.zoom - margin, right: (scrollLeft + clientWidth) / this.zoom + margin,
      top: scrollTop / this.zoom - margin, bottom: (scrollTop + clientHeight) / this.zoom + margin,
    };
  }

  #draw() {
    if (!this.plan || !this.element.isConnected) return;
    const view = this.#view(MARGIN);
    const visible = this.plan.panels.filter((panel) =>
      panel.x < view.right && panel.x + panel.width > view.left && panel.y < view.bottom && panel.y + panel.height > view.top);
    let sockets = 0;
    for (const panel of visible) {
      if (panel.isClosed) continue;
      const [first, last] = rowsBetween(panel, view.top, view.bottom);
      sockets += Math.max(0, last - first + 1) * panel.columns;
    }
    this.isOverview = sockets > MOST_SOCKETS;
    this.element.classList.toggle('overview', this.isOverview);
    const keep = new Set(visible.map((panel) => panel.key));
    for (const [key, element] of this.panelElements) {
      if (!keep.has(key) && !element.contains(document.activeElement)) { element.remove(); this.panelElements.delete(key); }
    }
    const wanted = new Set();
    for (const panel of visible) {
      let element = this.panelElements.get(panel.key);
      if (!element) {
        element = this.#panel(panel);
        element.style.transform = `translate(${panel.x}px, ${panel.y}px)`;
        element.style.width = `${panel.width}px`;
        element.style.height = `${panel.height}px`;
        this.panelElements.set(panel.key, element);
        this.panelLayer.append(element);
      }
      if (this.isOverview || panel.isClosed) continue;
      const [first, last] = rowsBetween(panel, view.top, view.bottom);
      for (let i = first * panel.columns; i < Math.min((last + 1) * panel.columns, panel.names.length); i += 1) wanted.add(panel.names[i]);
    }
    const focused = document.activeElement?.dataset?.endpoint;
    if (focused && this.plan.places.get(focused)?.index >= 0) wanted.add(focused);
    if (this.tabStop && !wanted.has(this.tabStop)) this.tabStop = null;
    this.tabStop ??= wanted.values().next().value;
    for (const [name, jack] of this.jacks) {
      if (!wanted.has(name)) { jack.remove(); this.jacks.delete(name); }
    }
    for (const name of wanted) this.#jack(name);
    this.#drawCables(view);
    this.#drawTrunks();
    performance.mark('patchbay:drawn');
  }

  #panel(panel) {
    const all = Math.max(this.counts.get(panel.key)?.count ?? 0, panel.names.length);
    const shown = this.options.isSearch ? panel.names.length : all;
    const title = this.#title(panel);
    const many = !panel.isClosed && panel.names.length < shown ? t('bay.some', { count: panel.names.length, all: shown }) : number(shown);
    const element = h('section', { class: `panel${panel.isClosed ? ' folded' : ''}`, data: { panel: panel.key } },
      h('h2', {}, h('button', {
        type: 'button', class: 'plate', 'aria-expanded': String(!panel.isClosed), title: t(panel.isClosed ? 'bay.unfold' : 'bay.fold'),
        onclick: () => { this.actions.fold(panel.key, !panel.isClosed); this.panelElements.get(panel.key)?.querySelector('.plate')?.focus({ preventScroll: true }); },
      }, title), h('span', { class: 'many' }, many)));
    if (panel.isClosed) {
      const away = this.counts.get(panel.key)?.away ?? 0;
      element.append(h('span', { class: 'hole', 'aria-hidden': 'true' }), h('p', { class: 'note' }, away ? h('b', {}, t('dashboard.not-running', { count: away })) : shown ? t('dashboard.all-running') : null));
    }
    element.setAttribute('aria-label', `${title}: ${t('bay.sockets', { count: shown })}`);
    return element;
  }

  #title(panel) {
    if (this.options.by === 'none') return t('bay.all');
    if (panel.key === '') return t('bay.ungrouped');
    return this.options.by === 'level' ? t('bay.level', { level: panel.key }) : panel.key;
  }

  #jack(name) {
    const place = this.plan.places.get(name);
    const parent = this.panelElements.get(place.panel.key);
    if (!parent) return;
    let jack = this.jacks.get(name);
    if (!jack) {
      jack = h('button', { type: 'button', class: 'jack', data: { endpoint: name } },
        h('span', { class: 'hole', 'aria-hidden': 'true' }), h('span', { class: 'led', 'aria-hidden': 'true' }), h('span', { class: 'name' }, name));
      jack.style.transform = `translate(${place.x - place.panel.x - cell.width / 2}px, ${place.y - place.panel.y - cell.jackY}px)`;
      this.jacks.set(name, jack);
      // In the order of reading, wherever the view has been before.
      const indexOf = (other) => (other?.dataset?.endpoint ? this.plan.places.get(other.dataset.endpoint).index : -1);
      const next = indexOf(parent.lastElementChild) < place.index ? null : [...parent.children].find((other) => indexOf(other) > place.index);
      parent.insertBefore(jack, next ?? null);
    }
    const endpoint = this.byName.get(name);
    const count = this.wireCount.get(name) ?? 0;
    const words = `${name}, ${t(`state.${endpoint.state}`)}, ${t('bay.wires', { count })}`;
    if (jack.getAttribute('aria-label') !== words) jack.setAttribute('aria-label', words);
    jack.tabIndex = name === this.tabStop ? 0 : -1;
    jack.className = `jack ${endpoint.state}${count ? ' wired' : ''}${this.selected?.socket === name ? ' selected' : ''}${this.carried === name ? ' carried' : ''}${this.peers?.has(name) ? ' peer' : ''}`;
  }

  #drawCables(view) {
    const wanted = new Set();
    const near = (box) => box.left < view.right && box.right > view.left && box.top < view.bottom && box.bottom > view.top;
    this.omitted = 0;
    this.#bundles();
    if (!this.isOverview) {
      const drawn = [...this.curves.values()].filter(({ box, cable }) => box && near(box) && this.#isShown(cable));
      // Where there are too many, those of the selected socket first, then those that carry most.
      if (drawn.length > MOST_CABLES) {
        const weight = ({ cable }) => (this.#isSelected(cable) ? 1e18 : 0) + cable.rate + (cable.isLive ? 1 : 0);
        drawn.sort((one, other) => weight(other) - weight(one));
        this.omitted += drawn.length - MOST_CABLES;
        drawn.length = MOST_CABLES;
      }
      for (const { cable } of drawn) wanted.add(cable.key);
    }
    for (const [key, element] of this.cableElements) {
      if (!wanted.has(key)) { element.remove(); this.cableElements.delete(key); }
    }
    for (const key of wanted) this.#cable(this.curves.get(key));
    this.actions.omitted?.(this.omitted);
  }

  #isSelected(cable) {
    return this.selected?.cable === cable.key || this.selected?.socket === cable.a || this.selected?.socket === cable.b;
  }

  /** What is blocked is drawn only for what is selected: else a long list of denials would hide what is there. */
  #isShown(cable) { return cable.state !== 'blocked' || this.#isSelected(cable); }

  #cable({ curve, cable }) {
    let element = this.cableElements.get(cable.key);
    if (!element) {
      element = s('g', {}, s('path', { class: 'casing' }), s('path', { class: 'core' }), s('path', { class: 'flow' }),
        s('g', { class: 'badge' }, s('circle', { r: 9 }), s('path', {})), s('circle', { class: 'plug', r: 7 }), s('circle', { class: 'plug', r: 7 }));
      element.dataset.cable = cable.key;
      this.cableElements.set(cable.key, element);
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
    const isQuiet = this.selected && !this.#isSelected(cable);
    element.setAttribute('class', [
      'cable', cable.state, cable.security, cable.rate > 0 ? 'busy' : '', cable.oneWay ? 'one-way' : '',
      cable.oneWay?.startsWith(`${cable.b}>`) ? 'backward' : '',
      this.selected?.cable === cable.key ? 'selected' : '', isQuiet ? 'quiet' : '', this.hovered === cable.key ? 'hovered' : '',
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
    const endOf = (place, name) => (this.isOverview || place.index < 0 ? { key: `/${place.panel.key}`, point: headOf(place.panel) } : { key: name, point: place });
    for (const { cable, curve, a, b } of this.curves.values()) {
      if ((!this.isOverview && curve) || !this.#isShown(cable)) continue;
      const [one, other] = [endOf(a, cable.a), endOf(b, cable.b)];
      if (one.key === other.key) continue;
      const key = one.key < other.key ? `${one.key}|${other.key}` : `${other.key}|${one.key}`;
      const bundle = bundles.get(key) ?? { from: one.point, to: other.point, key, count: 0, rate: 0, security: new Set(), isSelected: false };
      bundle.count += 1;
      bundle.rate += cable.rate;
      bundle.security.add(cable.security);
      bundle.isSelected ||= this.#isSelected(cable);
      bundles.set(key, bundle);
    }
    this.bundleList = [...bundles.values()].sort((one, other) => other.count - one.count);
    this.omitted += Math.max(0, this.bundleList.length - MOST_CABLES);
    this.bundleList.length = Math.min(this.bundleList.length, MOST_CABLES);
  }

  #drawTrunks() {
    const panels = new Map(this.plan.panels.map((one) => [one.key, one]));
    const lines = this.trunkList.filter((one) => panels.has(one.a) && panels.has(one.b))
      .map((trunk) => ({ from: headOf(panels.get(trunk.a)), to: headOf(panels.get(trunk.b)), key: `trunk ${trunk.id}`, security: trunk.security, width: 7 }))
      .concat(this.bundleList.map((one) => ({ ...one, security: one.security.size === 1 ? [...one.security][0] : 'none', width: 3 + Math.log2(one.count + 1) * 1.6 })));
    // Where there are very many, one sees through them, and those of the panel that is pointed at come forward.
    this.trunkGroup.classList.toggle('many', lines.length > 60);
    this.trunkGroup.replaceChildren(...lines.map((line) => {
      const curve = hang(line.from, line.to, line.key);
      const middle = pointOn(curve, 0.5);
      const element = s('g', { class: `trunk ${line.security}${this.selected && !line.isSelected ? ' quiet' : ''}`, 'data-ends': line.key },
        s('path', { class: 'casing', d: pathOf(curve) }), s('path', { class: 'core', d: pathOf(curve) }),
        s('circle', { class: 'plug', r: 8, cx: curve[0].x, cy: curve[0].y }), s('circle', { class: 'plug', r: 8, cx: curve[3].x, cy: curve[3].y }),
        line.count > 1 && lines.length <= 60 ? s('text', { x: middle.x, y: middle.y, 'text-anchor': 'middle', 'dominant-baseline': 'central' }, number(line.count)) : null);
      element.style.setProperty('--width', `${line.width}px`);
      return element;
    }));
  }

  // MARK: Choosing

  #pick(name) {
    this.tabStop = name;
    if (this.carried) this.#looseTo(this.plan.places.get(name));
    this.actions.selectSocket(name);
  }

  /** Marks what is selected: `{socket}`, `{cable}` or null. */
  select(what) {
    this.selected = what;
    this.peers = new Set();
    for (const cable of this.cables.values()) {
      if (!this.#isShown(cable) || !what) continue;
      if (this.#isSelected(cable)) { this.peers.add(cable.a); this.peers.add(cable.b); }
    }
    if (what?.socket) this.peers.delete(what.socket);
    this.#draw();
  }

  /** Scrolls so that a socket is in sight. */
  reveal(name) {
    let place = this.plan?.places.get(name);
    if (!place) return false;
    if (place.panel.isClosed) {
      this.actions.fold(place.panel.key, false);
      place = this.plan.places.get(name);
      if (!place || place.panel.isClosed) return false;
    }
    if (this.isOverview) this.setZoom(1);
    const view = this.#view(-60);
    if (place.x < view.left || place.x > view.right || place.y < view.top || place.y > view.bottom) {
      this.element.scrollTo({
        left: place.x * this.zoom - this.element.clientWidth / 2, top: place.y * this.zoom - this.element.clientHeight / 2,
      });
    }
    this.tabStop = name;
    this.#draw();
    return true;
  }

  /** Scrolls to a socket and puts the focus on it. */
  focus(name) {
    if (!this.reveal(name)) return false;
    this.jacks.get(name)?.focus({ preventScroll: true });
    return true;
  }

  #point(event) {
    const box = this.world.getBoundingClientRect();
    return { x: (event.clientX - box.left) / this.zoom, y: (event.clientY - box.top) / this.zoom };
  }

  #cableAt(event) {
    const point = this.#point(event);
    let best = null;
    let least = 9 / this.zoom;
    for (const key of this.cableElements.keys()) {
      const one = this.curves.get(key);
      if (!one?.box || point.x < one.box.left - 9 || point.x > one.box.right + 9 || point.y < one.box.top - 9 || point.y > one.box.bottom + 9) continue;
      const distance = distanceTo(one.curve, point);
      if (distance < least) { least = distance; best = key; }
    }
    return best;
  }

  #hover(event) {
    if (this.dragging || event.pointerType === 'touch') return;
    this.#near(event.target.closest?.('.panel.folded')?.dataset.panel);
    const key = event.target.closest('.jack') ? null : this.#cableAt(event);
    if (key === this.hovered) return;
    const former = this.hovered;
    this.hovered = key;
    this.element.classList.toggle('over-cable', Boolean(key));
    for (const one of [former, key]) if (one && this.curves.has(one) && this.cableElements.has(one)) this.#cable(this.curves.get(one));
  }

  /** Brings the cables of a folded panel to the front. */
  #near(panel) {
    if (panel === this.nearPanel) return;
    this.nearPanel = panel;
    for (const one of this.trunkGroup.children) one.classList.toggle('near', panel !== undefined && (one.dataset.ends ?? '').split('|').includes(`/${panel}`));
  }

  // MARK: Hands

  #down(event) {
    if (event.button !== 0 || this.isPinching || event.target.closest('.plate')) return;
    const jack = event.target.closest('.jack');
    if (jack) this.#dragCable(event, jack);
    else if (event.target === this.element && event.offsetX > this.element.clientWidth) return;
    else this.#dragView(event);
  }

  #follow(event, move, up) {
    const controller = new AbortController();
    const { signal } = controller;
    const same = (other) => other.pointerId === event.pointerId;
    addEventListener('pointermove', (other) => same(other) && move(other), { signal });
    const end = (other, isCancelled) => {
      if (other && !same(other)) return;
      controller.abort();
      this.letGo = null;
      up(other, isCancelled);
    };
    this.letGo = () => end(null, true);
    addEventListener('pointerup', (other) => end(other, false), { signal });
    addEventListener('pointercancel', (other) => end(other, true), { signal });
    addEventListener('keydown', (other) => { if (other.key === 'Escape') end(null, true); }, { signal });
  }

  #dragCable(event, jack) {
    const name = jack.dataset.endpoint;
    const start = { x: event.clientX, y: event.clientY };
    let target = null;
    let scrolling = null;
    let last = event;
    if (event.pointerType === 'touch') jack.releasePointerCapture?.(event.pointerId);
    const mark = (next) => {
      if (next === target) return;
      target?.classList.remove('target');
      target = next;
      target?.classList.add('target');
    };
    const step = () => {
      // Near an edge the picture comes along.
      const box = this.element.getBoundingClientRect();
      const pull = (value, low, high) => (value < low + 40 ? value - low - 40 : value > high - 40 ? value - high + 40 : 0);
      this.element.scrollBy(pull(last.clientX, box.left, box.right) / 4, pull(last.clientY, box.top, box.bottom) / 4);
      this.#looseTo(target ? this.plan.places.get(target.dataset.endpoint) : this.#point(last));
      scrolling = requestAnimationFrame(step);
    };
    this.#follow(event, (other) => {
      last = other;
      if (!this.dragging) {
        if (!this.canPlug || Math.hypot(other.clientX - start.x, other.clientY - start.y) < 6) return;
        this.dragging = true;
        this.carried = name;
        this.element.classList.add('dragging');
        jack.classList.add('carried');
        step();
      }
      const under = document.elementFromPoint(other.clientX, other.clientY)?.closest?.('.jack');
      mark(under && under.dataset.endpoint !== name && this.element.contains(under) ? under : null);
    }, (other, isCancelled) => {
      cancelAnimationFrame(scrolling);
      const wasDragging = this.dragging;
      const to = target?.dataset.endpoint;
      mark(null);
      this.dragging = false;
      this.element.classList.remove('dragging');
      if (!wasDragging) { if (!isCancelled) { jack.focus({ preventScroll: true }); this.#pick(name); } return; }
      this.drop();
      if (to && !isCancelled) this.actions.plug(name, to);
    });
  }

  /** Two fingers: the point between them stays where it is in the picture, and what is between them grows. */
  #pinch() {
    let before = null;
    const read = ([one, other]) => ({
      x: (one.clientX + other.clientX) / 2, y: (one.clientY + other.clientY) / 2,
      width: Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY),
    });
    this.element.addEventListener('touchstart', (event) => {
      if (event.touches.length !== 2) return;
      event.preventDefault();
      this.isPinching = true;
      // What one finger had begun is over.
      this.letGo?.();
      before = read(event.touches);
    }, { passive: false });
    this.element.addEventListener('touchmove', (event) => {
      if (!before || event.touches.length !== 2) return;
      event.preventDefault();
      const now = read(event.touches);
      this.element.scrollBy(before.x - now.x, before.y - now.y);
      if (before.width > 0) this.setZoom((this.zoom * now.width) / before.width, { clientX: now.x, clientY: now.y });
      before = now;
    }, { passive: false });
    const end = (event) => {
      if (event.touches.length >= 2) return;
      before = null;
      if (!event.touches.length) this.isPinching = false;
    };
    this.element.addEventListener('touchend', end);
    this.element.addEventListener('touchcancel', end);
  }

  #dragView(event) {
    const start = { x: event.clientX, y: event.clientY, left: this.element.scrollLeft, top: this.element.scrollTop };
    let moved = false;
    const key = this.#cableAt(event);
    this.#follow(event, (other) => {
      if (Math.hypot(other.clientX - start.x, other.clientY - start.y) > 6) moved = true;
      if (event.pointerType !== 'touch' && moved) {
        this.element.scrollTo(start.left - other.clientX + start.x, start.top - other.clientY + start.y);
      }
    }, (other, isCancelled) => {
      if (moved || isCancelled) return;
      if (key) this.actions.selectCable(key);
      else this.actions.selectNothing();
    });
  }

  #looseTo(point) {
    const from = this.plan.places.get(this.carried);
    if (!from || !point) return;
    const path = pathOf(hang(from, point));
    this.loose.setAttribute('visibility', 'visible');
    this.loose.children[0].setAttribute('d', path);
    this.loose.children[1].setAttribute('d', path);
    this.loose.children[2].setAttribute('cx', point.x);
    this.loose.children[2].setAttribute('cy', point.y);
  }

  /** Takes up a cable at a socket, by keyboard. */
  carry(name) {
    this.carried = name;
    this.#looseTo(this.plan.places.get(name));
    this.#draw();
    this.actions.carry(name);
  }

  /** Lets go of the cable that is being carried. */
  drop() {
    const was = this.carried;
    this.carried = null;
    this.loose.setAttribute('visibility', 'hidden');
    this.#draw();
    if (was && !this.dragging) this.actions.carry(null);
  }

  #key(event) {
    const name = event.target.dataset?.endpoint;
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '+' || event.key === '=') this.setZoom(this.zoom * 1.25);
    else if (event.key === '-') this.setZoom(this.zoom / 1.25);
    else if (event.key === '0') this.fit();
    else if (event.key === 'Escape' && this.carried) this.drop();
    else if (!name) return;
    else if (arrows[event.key]) {
      const next = neighbour(this.plan.places, name, arrows[event.key]);
      if (next) this.focus(next);
    } else if (event.key === 'Home' || event.key === 'End') {
      const { names } = this.plan.places.get(name).panel;
      this.focus(event.key === 'Home' ? names[0] : names[names.length - 1]);
    } else if (event.key === 'Enter' || event.key === ' ') {
      if (!this.canPlug) return;
      if (!this.carried) this.carry(name);
      else if (this.carried === name) this.drop();
      else {
        const from = this.carried;
        this.drop();
        this.actions.plug(from, name);
      }
    } else if (event.key === 'w') this.actions.openWires(name);
    else return;
    event.preventDefault();
  }

  // MARK: Zoom

  setZoom(zoom, around) {
    const next = Math.max(Math.min(0.12, this.#wholeZoom()), Math.min(2, zoom));
    const box = this.element.getBoundingClientRect();
    const x = around ? around.clientX - box.left : box.width / 2;
    const y = around ? around.clientY - box.top : box.height / 2;
    const world = { x: (this.element.scrollLeft + x) / this.zoom, y: (this.element.scrollTop + y) / this.zoom };
    this.zoom = next;
    if (!this.plan) return;
    this.#size();
    this.element.scrollTo(world.x * next - x, world.y * next - y);
    this.#draw();
  }

  /** At the beginning a small picture fills the window; a large one begins at its natural size. */
  fitOnce() {
    if (!this.plan) { this.#place(); }
    if (this.plan && this.#wholeZoom() > 0.6) this.fit();
  }

  /** At what zoom the whole picture is in the window. */
  #wholeZoom() {
    return this.plan ? Math.max(0.01, Math.min(1.4, this.element.clientWidth / this.plan.width, this.element.clientHeight / this.plan.height)) : 1;
  }

  /** When a search has left little of a picture that was seen from afar, it comes nearer. */
  comeNearer() {
    if (!this.plan || this.zoom >= 0.55 || this.#wholeZoom() < this.zoom * 1.3) return;
    if (this.#wholeZoom() > 0.6) this.fit();
    else {
      this.setZoom(1);
      this.element.scrollTo(0, 0);
    }
  }

  /** The whole picture in the window. */
  fit() {
    if (!this.plan) return;
    this.zoom = this.#wholeZoom();
    this.#size();
    this.element.scrollTo(0, 0);
    this.#draw();
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
