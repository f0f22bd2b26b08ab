// The picture of the patch bay: panels with sockets, and cables between them. Only what is in sight has elements.

import { h, throttled } from '../core/dom.js';
import { t, number } from '../core/words.js';
import { layOutFor, rowsBetween, cell } from './layout.js';
import { Cables } from './cables.js';
import { Hands } from './hands.js';

const MOST_SOCKETS = 900;
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
    this.connections = new Map();
    this.trunkList = [];
    this.cables = new Cables(this);
    this.panelLayer = h('div', { class: 'panels' });
    this.world = h('div', { class: 'world' }, this.panelLayer, this.cables.layer);
    this.sizer = h('div', { class: 'sizer' }, this.world);
    this.element = h('div', { class: 'bay-scroll', tabindex: '0', role: 'group', 'aria-label': t('bay.picture'), 'aria-describedby': 'bay-keys' }, this.sizer);
    this.draw = throttled(40, () => this.#draw());
    this.element.addEventListener('scroll', () => this.draw(), { passive: true });
    this.element.addEventListener('focusin', (event) => {
      const jack = event.target.closest('.jack');
      if (jack && !this.hands.dragging) { this.pick(jack.dataset.endpoint); }
      this.cables.near(event.target.closest('.panel.folded')?.dataset.panel);
    });
    this.hands = new Hands(this);
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
    this.connections = cables;
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
        this.cables.trace();
        this.#draw();
        return;
      }
      this.print = print;
      this.#place();
    } else {
      this.cables.trace();
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
    this.cables.trace();
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
    this.cables.resize(width, height);
    this.element.classList.toggle('far', this.zoom < 0.55);
    // What has to be read from afar grows as the picture shrinks.
    this.element.style.setProperty('--zoom', String(this.zoom));
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
    this.cables.draw(view);
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

  // MARK: Choosing

  /** Takes a socket as the one that hands are at. */
  pick(name) {
    this.tabStop = name;
    if (this.carried) this.cables.looseTo(this.plan.places.get(name));
    this.actions.selectSocket(name);
  }

  /** Marks what is selected: `{socket}`, `{cable}` or null. */
  select(what) {
    this.selected = what;
    this.peers = new Set();
    for (const cable of this.connections.values()) {
      if (!this.cables.isShown(cable) || !what) continue;
      if (this.cables.isSelected(cable)) { this.peers.add(cable.a); this.peers.add(cable.b); }
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

  // MARK: The cable in the hand

  /** Takes up a cable at a socket, by keyboard. */
  carry(name) {
    this.carried = name;
    this.cables.looseTo(this.plan.places.get(name));
    this.#draw();
    this.actions.carry(name);
  }

  /** Lets go of the cable that is being carried. */
  drop() {
    const was = this.carried;
    this.carried = null;
    this.cables.hideLoose();
    this.#draw();
    if (was && !this.hands.dragging) this.actions.carry(null);
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
