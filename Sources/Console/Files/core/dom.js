// Making elements. Whatever text comes in becomes a text node: nothing here, or anywhere in the console, parses markup,
// and the page's Content-Security-Policy (Trusted Types) would not let it.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'class') element.setAttribute('class', value);
    else if (name === 'data') Object.assign(element.dataset, value);
    else if (name === 'value' || name === 'checked' || name === 'selected') element[name] = value;
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  append(element, children);
  return element;
}

export function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** An HTML element: `h('button', {class: 'quiet', onclick: go}, 'Go')`. */
export function h(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** An SVG element. */
export function s(tag, properties, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

/** What is not seen in a text and may change how the rest is read: controls, marks of direction, letters without width. */
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** The same text with such letters written out, so that it cannot pass for another. */
export const visible = (text) => String(text ?? '').replace(HIDDEN, (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`);

/** What somebody wrote himself: by itself, whatever its direction, with nothing hidden in it. */
export const said = (text) => h('bdi', {}, visible(text));

/** Replaces what is in an element. */
export function show(element, ...children) {
  element.replaceChildren();
  return append(element, children);
}

/** Says something to who listens instead of looks. */
export function announce(text, urgent = false) {
  const place = document.getElementById(urgent ? 'urgent' : 'polite');
  if (!place) return;
  place.textContent = '';
  // The same text twice is said twice only if it was gone in between.
  setTimeout(() => { place.textContent = text; }, 30);
}

let counter = 0;
/** A fresh id, to tie a label to its field. */
export function freshID(prefix = 'x') {
  counter += 1;
  return `${prefix}-${counter}`;
}

/** Calls at most once in so many milliseconds, and a last time at the end. */
export function throttled(milliseconds, action) {
  let timer = null;
  let last = 0;
  return (...values) => {
    clearTimeout(timer);
    const wait = last + milliseconds - performance.now();
    const run = () => { last = performance.now(); action(...values); };
    if (wait <= 0) run();
    else timer = setTimeout(run, wait);
  };
}
