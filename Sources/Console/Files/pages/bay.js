import { h, show, announce, throttled } from '../core/dom.js';
import { post, path } from '../core/api.js';
import { t, rate, bytes } from '../core/words.js';
import { notice, failure, table, pill, nothing } from '../core/parts.js';
import { Picture } from '../bay/picture.js';
import { Inspector } from '../bay/inspector.js';

/** With more endpoints than so many, panels are folded until they are opened. */
const OPEN = 2000;

const remembered = (key, otherwise) => sessionStorage.getItem(`patchbay.bay.${key}`) ?? otherwise;
const remember = (key, value) => sessionStorage.setItem(`patchbay.bay.${key}`, value);

function choice(label, key, options, otherwise, change) {
  const field = h('select', { id: `bay-${key}`, 'aria-label': label, title: label, onchange: () => { remember(key, field.value); change?.(field.value); } },
    options.map((one) => h('option', { value: one.value, selected: one.value === remembered(key, otherwise) }, one.label)));
  return field;
}

/** The patch bay. */
export async function render(place, context) {
  const { account, tenant } = context;
  const network = await context.network();
  let cables = network.cables();
  let wanted = '';
  let shownAsList = remembered('view', 'picture') === 'list';
  let selected = null;
  /** Panels that are otherwise than panels are at first. */
  const turned = new Set();
  let areFolded = network.count > OPEN;

  const base = path`/v1/tenants/${tenant}`;
  async function plug(from, to, options) {
    const answer = await post(`${base}/plug`, { from, to, ...options });
    await network.hurry();
    draw();
    if (answer.verdict === 'plug') notice(t('bay.plugged', { from, to }));
    for (const note of answer.notes ?? []) notice(note, 'warning');
    select({ cable: [...cables.keys()].find((key) => key === `${from}|${to}` || key === `${to}|${from}`) });
    return answer;
  }
  async function unplug(from, to) {
    const answer = await post(`${base}/unplug`, { from, to });
    await network.hurry();
    draw();
    notice(t('bay.unplugged', { from, to }));
    for (const note of answer.notes ?? []) notice(note, 'warning');
    select(network.endpoints.has(from) ? { socket: from } : null);
    picture.focus(from);
  }
  const options = () => ({ security: security.value, one_way: direction.value === 'one-way' });

  const inspector = new Inspector(network, account, {
    plug, unplug, cables: () => cables,
    selectCable: (key, isByHand) => { select({ cable: key }); if (isByHand) inspector.focusHead(); },
    selectSocket: (name, isByHand) => { select({ socket: name }); if (isByHand) picture.focus(name); },
    close: () => { const name = selected?.socket; select(null); if (name) picture.focus(name); else search.focus(); },
  });
  const picture = new Picture({
    selectSocket: (name) => select({ socket: name }),
    selectCable: (key) => { select({ cable: key }); inspector.focusHead(); },
    selectNothing: () => select(null),
    plug: (from, to) => plug(from, to, options()).catch(failure),
    carry: (name) => {
      if (name) announce(t('bay.carrying', { name }));
      show(hint, name ? t('bay.carrying', { name }) : '');
    },
    openWires: () => inspector.focusWires(),
    fold: (part, isFolded) => fold(part, isFolded),
    omitted: (count) => {
      omitted.hidden = !count;
      if (count) omitted.textContent = t('bay.omitted', { count });
    },
  });

  function select(what) {
    if (what?.cable && !cables.has(what.cable)) what = null;
    const isSame = JSON.stringify(what) === JSON.stringify(selected);
    selected = what;
    picture.select(what);
    if (isSame && what) return;
    if (what?.socket) inspector.showSocket(what.socket);
    else if (what?.cable) inspector.showCable(what.cable);
    else inspector.showNothing();
  }

  const search = h('input', {
    type: 'search', placeholder: t('bay.search'), 'aria-label': t('bay.search'), spellcheck: 'false', id: 'bay-search',
    oninput: () => { wanted = search.value.trim().toLowerCase(); draw(); picture.comeNearer(); look(); if (selected?.socket && !shownAsList) picture.reveal(selected.socket); },
    onkeydown: async (event) => {
      if (event.key !== 'Enter' || shownAsList) return;
      if (!network.isWhole) await network.find(longest()).catch(failure);
      draw();
      const first = found()[0];
      if (first) picture.focus(first.name);
      announce(t('table.found', { count: found().length, all: network.count }));
    },
  });
  // Where not all endpoints are here, the controller is asked for those that are looked for.
  const longest = () => wanted.split(/\s+/).sort((a, b) => b.length - a.length)[0] ?? '';
  const look = throttled(400, () => { if (longest().length > 1 && !network.isWhole) network.find(longest()).catch(failure); });
  const parts = network.isPartial ? ['group', 'host', 'vnet'] : ['group', 'host', 'vnet', 'level', 'none'];
  const by = choice(t('bay.by'), 'by', parts.map((one) => ({ value: one, label: t(`bay.by.${one}`) })), 'group', async () => {
    turned.clear();
    await network.countBy(by.value).catch(failure);
    draw();
  });
  if (!parts.includes(by.value)) by.value = 'group';
  await network.countBy(by.value);
  const all = h('button', { type: 'button', id: 'bay-fold', onclick: () => { areFolded = !areFolded; turned.clear(); draw(); announce(t(areFolded ? 'bay.folded' : 'bay.unfolded')); } });
  const isFolded = (part) => !wanted && by.value !== 'none' && areFolded !== turned.has(part);
  function fold(part, isClosing) {
    if (isClosing === isFolded(part)) return;
    if (turned.has(part)) turned.delete(part); else turned.add(part);
    if (!isClosing) network.open(part).catch(failure);
    draw();
  }
  /** What has a panel in any case: as counted by the controller, or nothing where one looks for something. */
  function panels() {
    if (wanted || network.summary.by !== by.value) return new Map();
    return new Map(network.summary.items.filter((one) => one.name !== undefined || one.endpoints > 0)
      .map((one) => [one.name ?? '', { count: one.endpoints, away: one.endpoints - one.running }]));
  }
  const security = choice(t('bay.new-wires'), 'security', ['conf', 'auth', 'none'].map((one) => ({ value: one, label: t(`security.${one}`) })), 'conf');
  const direction = choice(t('bay.direction'), 'direction', [{ value: 'both', label: t('bay.both-ways') }, { value: 'one-way', label: t('bay.one-way') }], 'both');
  const view = h('button', { type: 'button', id: 'bay-view', onclick: () => {
    shownAsList = !shownAsList;
    remember('view', shownAsList ? 'list' : 'picture');
    draw();
    announce(t(shownAsList ? 'bay.as-list' : 'bay.as-picture'));
  } });
  const reading = h('p', { class: 'hint', id: 'bay-reading', hidden: true });
  const omitted = h('p', { class: 'hint', role: 'status', hidden: true });
  const hint = h('p', { class: 'carry', 'aria-hidden': 'true' });
  const status = h('p', { class: 'status', id: 'bay-status' });
  const list = table({
    label: t('wires'), key: (one) => one.key, items: [], search: (one) => `${one.a} ${one.b} ${one.security} ${t(`security.${one.security}`)}`,
    empty: nothing(t('bay.no-wires-yet')),
    columns: [
      { label: t('wire.ends'), sort: (one) => one.key, cell: (one) => h('button', { type: 'button', class: 'bare link', onclick: () => { select({ cable: one.key }); inspector.focusHead(); } }, cableName(one)) },
      { label: t('wire.state'), sort: (one) => one.state, cell: (one) => pill(t(`wire.${one.state}`), one.state) },
      { label: t('wire.protection'), sort: (one) => one.security, cell: (one) => (one.state === 'blocked' ? '–' : pill(t(`security.${one.security}`), one.security)) },
      { label: t('wire.now'), class: 'number', sort: (one) => one.rate, cell: (one) => rate(one.rate) },
      { label: t('wire.bytes'), class: 'number', sort: (one) => one.bytes, cell: (one) => bytes(one.bytes) },
    ],
  });
  const listPlace = h('div', { class: 'bay-list' }, list);
  const zoom = h('div', { class: 'zoom', role: 'group', 'aria-label': t('bay.zoom') },
    h('button', { type: 'button', 'aria-label': t('bay.zoom.in'), onclick: () => picture.setZoom(picture.zoom * 1.25) }, '+'),
    h('button', { type: 'button', 'aria-label': t('bay.zoom.out'), onclick: () => picture.setZoom(picture.zoom / 1.25) }, '−'),
    h('button', { type: 'button', 'aria-label': t('bay.zoom.fit'), onclick: () => picture.fit() }, '⤢'));
  const pictureNothing = h('div', { class: 'over' });

  function found() {
    const every = [...network.endpoints.values()];
    const words = wanted.split(/\s+/).filter(Boolean);
    if (!words.length) return every;
    return every.filter((one) => {
      const text = [one.name, one.ipv4, one.identity, one.host, one.vnet, ...one.groups, ...one.labels].join(' ').toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }

  function draw() {
    cables = network.cables();
    const endpoints = found();
    view.textContent = shownAsList ? t('bay.picture') : t('bay.list');
    pictureFrame.hidden = shownAsList;
    listPlace.hidden = !shownAsList;
    if (shownAsList) list.update([...cables.values()]);
    else {
      picture.show({
        endpoints, cables, trunks: network.trunks(), by: by.value, canPlug: account.can('plug'), parts: panels(), isFolded, isSearch: wanted !== '',
        edition: [network.edition, by.value, wanted, areFolded, ...turned].join('\n'),
      });
    }
    all.textContent = t(areFolded ? 'bay.unfold-all' : 'bay.fold-all');
    all.hidden = shownAsList || network.isPartial || by.value === 'none' || wanted !== '';
    show(pictureNothing, endpoints.length || (network.count && !wanted) ? null : nothing(t(network.count ? 'table.nothing-found' : 'bay.no-endpoints')));
    const isReading = network.readSoFar !== null && network.readSoFar !== undefined;
    reading.hidden = !isReading && !network.isPartial;
    if (isReading) reading.textContent = t('bay.reading', { count: network.readSoFar, all: network.count });
    else if (network.isPartial) reading.textContent = t('bay.partial');
    const shown = [...cables.values()];
    const live = shown.filter((one) => one.isLive).length;
    show(status,
      h('span', { class: `beacon ${network.trouble ? 'failed' : 'running'}`, 'aria-hidden': 'true' }),
      network.trouble ? t('bay.trouble') : t('bay.status', {
        endpoints: network.count, live, ready: shown.filter((one) => one.state === 'ready').length,
        rate: rate(shown.reduce((sum, one) => sum + one.rate, 0)),
      }));
    inspector.refresh();
  }

  const pictureFrame = h('div', { class: 'bay-picture' }, picture.element, pictureNothing, zoom, hint);
  const pane = h('div', { class: 'bay-main' },
    h('div', { class: 'bay-tools', role: 'toolbar', 'aria-label': t('bay.tools') }, search, by,
      view, all, account.can('plug') ? h('span', { class: 'new-wires' }, h('span', { class: 'label', 'aria-hidden': 'true' }, t('bay.new-wires')), security, direction) : null),
    status, reading, omitted, pictureFrame, listPlace);
  place.append(h('h1', { class: 'unseen', tabindex: '-1' }, t('page.bay')), h('div', { class: 'bay' }, pane, inspector.element));
  inspector.showNothing();
  const changed = throttled(60, () => { if (context.isCurrent()) draw(); });
  network.addEventListener('changed', changed);
  context.shown = () => {
    draw();
    picture.fitOnce();
    network.whole().catch(failure);
  };
  return () => {
    network.removeEventListener('changed', changed);
    picture.end();
    network.countBy('group').catch(() => {});
  };
}

const cableName = (one) => (one.oneWay ? one.oneWay.replace('>', ' → ') : `${one.a} ↔ ${one.b}`);
