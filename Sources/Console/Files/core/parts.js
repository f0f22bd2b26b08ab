// Parts that pages are made of: forms whose errors stand at their fields, dialogs, tables, notices.

import { h, show, announce, freshID, throttled } from './dom.js';
import { Problem } from './api.js';
import { t, problemText } from './words.js';

/** A notice at the foot of the page that goes by itself; an error stays until it is closed. */
export function notice(text, kind = 'done') {
  let place = document.getElementById('notices');
  if (!place) {
    place = h('div', { id: 'notices' });
    document.body.append(place);
  }
  const item = h('div', { class: `notice ${kind}` },
    h('span', {}, text),
    h('button', { class: 'bare', 'aria-label': t('close'), onclick: () => item.remove() }, '✕'));
  place.append(item);
  announce(text, kind === 'failed');
  if (kind !== 'failed') setTimeout(() => item.remove(), 6000);
}

export function failure(problem) {
  if (problem?.name === 'AbortError') return;
  if (!(problem instanceof Problem)) console.error(problem);
  if (problem?.code === 'unauthenticated') return;
  notice(problem instanceof Problem ? problemText(problem) : t('problem.unknown'), 'failed');
}

/** A button that is busy until what it began is over, and tells what went wrong. */
export function button(label, action, properties = {}) {
  const element = h('button', {
    type: 'button', ...properties,
    onclick: async (event) => {
      if (element.getAttribute('aria-disabled') === 'true') return;
      element.setAttribute('aria-disabled', 'true');
      try { await action(event); } catch (problem) { failure(problem); } finally { element.removeAttribute('aria-disabled'); }
    },
  }, label);
  return element;
}

export const link = (label, hash, properties) => h('a', { href: hash, ...properties }, label);

/** A state as a coloured pill; the word says it, the colour only helps. */
export const pill = (text, kind = '') => h('span', { class: `pill ${kind}` }, text);

/** A list of names and values. */
export function facts(pairs) {
  return h('dl', { class: 'facts' }, pairs.filter(Boolean).map(([name, value, kind]) =>
    h('div', {}, h('dt', {}, name), h('dd', { class: kind }, value ?? '–'))));
}

/** What stands where there is nothing. */
export const nothing = (text, ...more) => h('div', { class: 'nothing' }, h('p', {}, text), more);

export const heading = (text, ...tools) =>
  h('header', { class: 'page-head' }, h('h1', { tabindex: '-1' }, text), tools.length ? h('div', { class: 'tools' }, tools) : null);

/**
 * A form. `fields` are `{name, label, type, hint, options, required, value, …}`; `send` gets the values by name. An error of
 * the API whose pointer is `/name` stands at that field; any other stands above the buttons.
 */
export function form({ fields, submit, send, cancel, danger, extra }) {
  const controls = new Map();
  const general = h('p', { class: 'field-error', role: 'alert', hidden: true });
  const rows = fields.filter(Boolean).map((field) => {
    const id = freshID('field');
    const errorID = `${id}-error`;
    const hintID = `${id}-hint`;
    let control;
    const common = {
      id, name: field.name, 'aria-describedby': [field.hint && hintID, errorID].filter(Boolean).join(' '),
      required: field.required || undefined, autocomplete: field.autocomplete ?? 'off',
    };
    if (field.type === 'select') {
      control = h('select', common, field.options.map((one) =>
        h('option', { value: one.value, selected: one.value === field.value }, one.label)));
    } else if (field.type === 'choices') {
      control = h('div', { id, class: 'choices', role: 'group', 'aria-labelledby': `${id}-label` }, field.options.map((one) =>
        h('label', { class: 'check' }, h('input', { type: 'checkbox', value: one.value, checked: (field.value ?? []).includes(one.value) }), one.label)));
    } else if (field.type === 'check') {
      control = h('input', { ...common, type: 'checkbox', checked: field.value });
    } else if (field.type === 'area') {
      control = h('textarea', { ...common, rows: field.rows ?? 4, spellcheck: 'false' });
      control.value = field.value ?? '';
    } else {
      const list = field.suggestions ? freshID('list') : null;
      control = h('input', {
        ...common, type: field.type ?? 'text', list, maxlength: field.maxlength, min: field.min, max: field.max,
        inputmode: field.inputmode, spellcheck: 'false', autocapitalize: 'none', placeholder: field.placeholder, pattern: field.pattern,
      });
      if (field.value !== undefined) control.value = field.value;
      if (list) control.suggestions = h('datalist', { id: list }, field.suggestions.map((one) => h('option', { value: one })));
    }
    const error = h('p', { class: 'field-error', id: errorID, hidden: true });
    controls.set(field.name, { field, control, error });
    const label = field.type === 'choices' ? h('span', { class: 'label', id: `${id}-label` }, field.label) : h('label', { class: 'label', for: id }, field.label);
    return h('div', { class: `field ${field.type === 'check' ? 'one-line' : ''}` },
      field.type === 'check' ? [control, label] : [label, control], control.suggestions,
      field.hint ? h('p', { class: 'hint', id: hintID }, field.hint) : null, error);
  });

  function read() {
    const values = {};
    for (const [name, { field, control }] of controls) {
      if (field.type === 'choices') values[name] = [...control.querySelectorAll('input:checked')].map((one) => one.value);
      else if (field.type === 'check') values[name] = control.checked;
      else if (field.type === 'number') values[name] = control.value === '' ? undefined : Number(control.value);
      else values[name] = field.keep ? control.value : control.value.trim();
      if (values[name] === '' && !field.required) values[name] = undefined;
    }
    return values;
  }
  function clear() {
    general.hidden = true;
    for (const { control, error } of controls.values()) {
      error.hidden = true;
      control.removeAttribute('aria-invalid');
    }
  }
  function complain(name, text) {
    const place = controls.get(name);
    if (!place) {
      general.textContent = text;
      general.hidden = false;
      return;
    }
    place.error.textContent = text;
    place.error.hidden = false;
    place.control.setAttribute('aria-invalid', 'true');
    (place.control.matches('.choices') ? place.control.querySelector('input') : place.control)?.focus();
    announce(text, true);
  }

  const go = h('button', { type: 'submit', class: danger ? 'danger' : 'primary' }, submit);
  const element = h('form', {
    novalidate: true,
    onsubmit: async (event) => {
      event.preventDefault();
      if (go.getAttribute('aria-disabled') === 'true') return;
      clear();
      for (const [name, { field, control }] of controls) {
        if (field.required && (field.type === 'choices' ? !control.querySelector('input:checked') : control.type === 'checkbox' ? !control.checked : !control.value.trim())) {
          complain(name, t('form.needed'));
          return;
        }
      }
      go.setAttribute('aria-disabled', 'true');
      try {
        await send(read());
      } catch (problem) {
        if (!(problem instanceof Problem)) { failure(problem); return; }
        // `/groups/0` is a complaint about `groups`.
        const name = (problem.pointer ?? '').replace(/^\//, '').split('/')[0];
        complain(name, problemText(problem));
      } finally {
        go.removeAttribute('aria-disabled');
      }
    },
  }, rows, extra, general, h('div', { class: 'buttons' }, go, cancel ? h('button', { type: 'button', onclick: cancel }, t('cancel')) : null));
  element.controls = controls;
  element.complain = complain;
  return element;
}

/**
 * Opens a dialog; `make` gets a function that closes it. The browser keeps the focus inside and gives it back; where what had
 * it is gone meanwhile, what was around that gets it.
 */
export function dialog(title, make, { wide = false } = {}) {
  const id = freshID('title');
  const places = ['.table-scroll', 'dialog', 'main'].map((one) => document.activeElement?.closest(one)).filter(Boolean);
  const element = h('dialog', { 'aria-labelledby': id, class: wide ? 'wide' : '' });
  const close = () => element.close();
  append2(element,
    h('header', {}, h('h2', { id }, title), h('button', { class: 'bare', type: 'button', 'aria-label': t('close'), onclick: close }, '✕')),
    make(close));
  element.addEventListener('close', () => {
    element.remove();
    if (document.activeElement && document.activeElement !== document.body) return;
    const place = places.find((one) => one.isConnected);
    (place?.matches('[tabindex]') ? place : place?.querySelector('h1[tabindex], button'))?.focus();
  });
  element.addEventListener('click', (event) => { if (event.target === element) close(); });
  document.body.append(element);
  element.showModal();
  return element;
}
function append2(element, ...children) { element.append(...children.flat().filter(Boolean)); }

/** A dialog with a form in it. */
export function formDialog(title, options, { wide = false, intro } = {}) {
  return dialog(title, (close) => [
    intro ? h('p', {}, intro) : null,
    form({ ...options, cancel: close, send: async (values) => { if ((await options.send(values)) !== false) close(); } }),
  ], { wide });
}

/** Asks before something that cannot be undone. */
export function confirm(title, text, submit, act, fields = []) {
  return formDialog(title, { fields, submit, danger: true, send: act }, { intro: text });
}

/** Shows a secret once, to be copied. */
export function secretDialog(title, text, secret) {
  return dialog(title, (close) => [
    h('p', {}, text),
    h('div', { class: 'secret' }, h('code', { tabindex: '0' }, secret), button(t('copy'), async () => {
      await navigator.clipboard.writeText(secret);
      announce(t('copied'));
      notice(t('copied'));
    })),
    h('div', { class: 'buttons' }, h('button', { class: 'primary', type: 'button', onclick: close }, t('done'))),
  ]);
}

const STEP = 200;

/**
 * A table with a search field; long ones are shown a piece at a time. `columns` are `{label, cell, sort, class}`.
 * `update(items)` shows other items and keeps search, order and focus where they can be kept.
 *
 * Where there are too many to have them all, `ask(letters, cursor)` gets a part of them, `{items, next}`, in its own order;
 * `total()` is how many there are. `again()` then asks anew for as many as are shown.
 */
export function table({ label, columns, items, key, empty, search, tools, ask, total }) {
  let all = items ?? [];
  let next;
  let question = 0;
  let shown = STEP;
  let order = { index: 0, down: false };
  let wanted = '';
  const body = h('tbody', {});
  const count = h('p', { class: 'count', role: 'status' });
  const more = h('button', { type: 'button', class: 'quiet', hidden: true, onclick: () => { if (ask) take(true).catch(failure); else { shown += STEP * 5; draw(); } } }, t('table.more'));
  const none = h('div', { hidden: true });
  const heads = columns.map((column, index) => {
    const cell = h('th', { scope: 'col', class: column.class });
    if (column.sort && !ask) {
      cell.append(h('button', { type: 'button', class: 'bare', onclick: () => {
        order = { index, down: order.index === index ? !order.down : false };
        draw();
      } }, column.label));
    } else if (column.label) cell.append(column.label);
    else cell.append(h('span', { class: 'unseen' }, t('table.actions')));
    return cell;
  });
  const tableElement = h('table', { 'aria-label': label }, h('thead', {}, h('tr', {}, heads)), body);
  const field = search ? h('input', {
    type: 'search', placeholder: t('search'), 'aria-label': `${t('search')}: ${label}`, spellcheck: 'false',
    oninput: () => { wanted = field.value.trim().toLowerCase(); shown = STEP; if (ask) soon(); else draw(); },
  }) : null;
  const element = h('div', { class: 'table' },
    search || tools ? h('div', { class: 'table-tools' }, field, tools, count) : null,
    h('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': label }, tableElement), none, more);

  const soon = throttled(300, () => take().catch(failure));
  /** Asks for the first part, or one more; an answer to a former question is no longer wanted. */
  async function take(isMore = false) {
    const mine = ++question;
    const page = await ask(wanted, isMore ? next : undefined);
    if (mine !== question) return;
    all = isMore ? [...all, ...page.items] : page.items;
    next = page.next;
    draw();
    if (wanted) announce(t('table.shown', { count: all.length, all: total() }));
  }
  function draw() {
    const words = ask ? [] : wanted.split(/\s+/).filter(Boolean);
    const list = words.length ? all.filter((item) => { const text = search(item).toLowerCase(); return words.every((word) => text.includes(word)); }) : [...all];
    const sort = columns[order.index]?.sort;
    if (sort && !ask) {
      list.sort((a, b) => {
        const [x, y] = [sort(a), sort(b)];
        const way = typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y), undefined, { numeric: true });
        return order.down ? -way : way;
      });
    }
    heads.forEach((cell, index) => {
      if (columns[index].sort && !ask) cell.setAttribute('aria-sort', index === order.index ? (order.down ? 'descending' : 'ascending') : 'none');
    });
    const focused = document.activeElement?.closest?.('tr')?.dataset.key;
    const place = focused && body.contains(document.activeElement)
      ? [...document.activeElement.closest('tr').querySelectorAll('a,button')].indexOf(document.activeElement) : -1;
    show(body, (ask ? list : list.slice(0, shown)).map((item) => h('tr', { data: { key: key(item) } }, columns.map((column, index) =>
      index === 0 ? h('th', { scope: 'row', class: column.class }, column.cell(item)) : h('td', { class: column.class, data: { label: column.label ?? '' } }, column.cell(item))))));
    if (place >= 0) body.querySelector(`tr[data-key="${CSS.escape(focused)}"]`)?.querySelectorAll('a,button')[place]?.focus();
    more.hidden = ask ? !next : list.length <= shown;
    count.textContent = ask ? t('table.shown', { count: list.length, all: total() }) : words.length ? t('table.found', { count: list.length, all: all.length }) : t('table.count', { count: all.length });
    none.hidden = list.length > 0;
    tableElement.hidden = list.length === 0;
    show(none, all.length || wanted ? nothing(t('table.nothing-found')) : empty ?? nothing(t('table.empty')));
  }
  if (ask) take().catch(failure); else draw();
  element.again = () => take().catch(failure);
  element.update = (list) => { all = list; draw(); };
  return element;
}
