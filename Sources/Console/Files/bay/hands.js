// What hands do in the picture of the patch bay: with a mouse, with fingers, and by keyboard.

import { neighbour } from './layout.js';

export class Hands {
  constructor(picture) {
    this.picture = picture;
    this.element = picture.element;
    this.dragging = false;
    this.element.addEventListener('pointerdown', (event) => this.#down(event));
    this.element.addEventListener('pointermove', (event) => this.#hover(event));
    this.element.addEventListener('keydown', (event) => this.#key(event));
    this.element.addEventListener('wheel', (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      picture.setZoom(picture.zoom * Math.exp(-event.deltaY * 0.002), event);
    }, { passive: false });
    this.#pinch();
  }

  #hover(event) {
    if (this.dragging || event.pointerType === 'touch') return;
    this.picture.cables.near(event.target.closest?.('.panel.folded')?.dataset.panel);
    const key = event.target.closest('.jack') ? null : this.picture.cables.at(this.#point(event));
    this.element.classList.toggle('over-cable', Boolean(key));
    this.picture.cables.hover(key);
  }

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
      this.picture.cables.looseTo(target ? this.picture.plan.places.get(target.dataset.endpoint) : this.#point(last));
      scrolling = requestAnimationFrame(step);
    };
    this.#follow(event, (other) => {
      last = other;
      if (!this.dragging) {
        if (!this.picture.canPlug || Math.hypot(other.clientX - start.x, other.clientY - start.y) < 6) return;
        this.dragging = true;
        this.picture.carried = name;
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
      if (!wasDragging) { if (!isCancelled) { jack.focus({ preventScroll: true }); this.picture.pick(name); } return; }
      this.picture.drop();
      if (to && !isCancelled) this.picture.actions.plug(name, to);
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
      if (before.width > 0) this.picture.setZoom((this.picture.zoom * now.width) / before.width, { clientX: now.x, clientY: now.y });
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
    const key = this.picture.cables.at(this.#point(event));
    this.#follow(event, (other) => {
      if (Math.hypot(other.clientX - start.x, other.clientY - start.y) > 6) moved = true;
      if (event.pointerType !== 'touch' && moved) {
        this.element.scrollTo(start.left - other.clientX + start.x, start.top - other.clientY + start.y);
      }
    }, (other, isCancelled) => {
      if (moved || isCancelled) return;
      if (key) this.picture.actions.selectCable(key);
      else this.picture.actions.selectNothing();
    });
  }

  #key(event) {
    const name = event.target.dataset?.endpoint;
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '+' || event.key === '=') this.picture.setZoom(this.picture.zoom * 1.25);
    else if (event.key === '-') this.picture.setZoom(this.picture.zoom / 1.25);
    else if (event.key === '0') this.picture.fit();
    else if (event.key === 'Escape' && this.picture.carried) this.picture.drop();
    else if (!name) return;
    else if (arrows[event.key]) {
      const next = neighbour(this.picture.plan.places, name, arrows[event.key]);
      if (next) this.picture.focus(next);
    } else if (event.key === 'Home' || event.key === 'End') {
      const { names } = this.picture.plan.places.get(name).panel;
      this.picture.focus(event.key === 'Home' ? names[0] : names[names.length - 1]);
    } else if (event.key === 'Enter' || event.key === ' ') {
      if (!this.picture.canPlug) return;
      if (!this.picture.carried) this.picture.carry(name);
      else if (this.picture.carried === name) this.picture.drop();
      else {
        const from = this.picture.carried;
        this.picture.drop();
        this.picture.actions.plug(from, name);
      }
    } else if (event.key === 'w') this.picture.actions.openWires(name);
    else return;
    event.preventDefault();
  }

  #point(event) {
    const box = this.picture.world.getBoundingClientRect();
    return { x: (event.clientX - box.left) / this.picture.zoom, y: (event.clientY - box.top) / this.picture.zoom };
  }
}
