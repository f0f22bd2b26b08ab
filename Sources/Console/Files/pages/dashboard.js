import { h, show } from '../core/dom.js';
import { get, getIfAny, path } from '../core/api.js';
import { t, number, rate, bytes } from '../core/words.js';
import { heading, nothing, pill, facts, button } from '../core/parts.js';
import { saveFile } from '../core/files.js';
import { kindWord } from '../core/words.js';

/** How the tenant's network is, at a glance. */
export async function render(place, context) {
  const { account, tenant } = context;
  const hash = (page, ...rest) => `#/t/${[tenant, page, ...rest].map(encodeURIComponent).join('/')}`;
  const [about, quota] = await Promise.all([
    getIfAny(path`/v1/tenants/${tenant}`), account.can('showQuota') ? getIfAny(path`/v1/tenants/${tenant}/quota`) : null,
  ]);
  const limits = (quota?.items ?? []).filter((one) => one.limit !== undefined && one.limit !== null);
  const head = heading(tenant, account.can('exportTenant') ? button(t('tenants.export'), async () => saveFile(`${tenant}.json`, await get(path`/v1/tenants/${tenant}/export`), 'application/json')) : null,
    account.can('listEndpoints') ? h('a', { class: 'button primary', href: hash('bay') }, t('dashboard.open-bay')) : null);
  const suspended = about?.state === 'suspended'
    ? h('p', { class: 'card', role: 'status' }, pill(t('tenants.state.suspended'), 'bad'), ' ', t('dashboard.suspended'), ' ', about.suspension_reason ?? '') : null;
  let network = null;
  if (account.can('listEndpoints')) {
    try {
      network = await context.network();
    } catch (problem) {
      // The provider's people see a tenant from outside.
      if (problem.status !== 403 && problem.status !== 404) throw problem;
    }
  }
  if (!network) {
    place.append(head, suspended ?? '', h('div', { class: 'card stack' }, facts([[t('dashboard.endpoints'), number(about?.endpoints ?? 0)]]), h('p', {}, t('dashboard.outside'))));
    return undefined;
  }
  const cards = h('div', { class: 'cards' });
  place.append(head, suspended ?? '', cards);

  function figure(label, value, hint, where) {
    return h(where ? 'a' : 'div', { class: 'card figure', href: where }, h('span', {}, label), h('b', {}, value), h('span', { class: 'quiet small' }, hint ?? ''));
  }
  function draw() {
    const endpoints = [...network.endpoints.values()];
    const away = endpoints.filter((one) => one.state !== 'running');
    const cables = [...network.cables().values()];
    const live = cables.filter((one) => one.isLive);
    const plain = live.filter((one) => one.security === 'none' && !one.isLocal).length;
    const busy = live.filter((one) => one.rate > 0).sort((a, b) => b.rate - a.rate).slice(0, 6);
    const document = network.policy?.document;
    const silent = network.leaves.filter((one) => !one.answered);
    show(cards,
      figure(t('dashboard.endpoints'), number(endpoints.length), away.length ? t('dashboard.not-running', { count: away.length }) : t('dashboard.all-running'), hash('endpoints')),
      figure(t('dashboard.wires'), number(live.length), plain ? t('dashboard.plain', { count: plain }) : '', hash('bay')),
      figure(t('dashboard.traffic'), rate(live.reduce((sum, one) => sum + one.rate, 0)), bytes(live.reduce((sum, one) => sum + one.bytes, 0)), account.can('showUsage') ? hash('usage') : null),
      figure(t('dashboard.groups'), number(network.groups.length), '', account.can('listGroups') ? hash('groups') : null),
      network.policy ? figure(t('dashboard.policy'), t('dashboard.policy.rules', { count: (document?.rules ?? 0) + network.entries.length }),
        t('dashboard.revision', { revision: String(network.policy.revision) }), hash('policy')) : null,
      limits.length ? h('section', { class: 'card' }, h('h2', {}, t('dashboard.quota')), facts(limits.map((one) => [kindWord(one.kind), `${number(one.used)} / ${number(one.limit)}`]))) : null,
      h('section', { class: 'card span' }, h('h2', {}, t('dashboard.busiest')), busy.length ? h('ul', { class: 'wire-list' }, busy.map((one) =>
        h('li', {}, h('a', { class: `button wire-button ${one.state} ${one.security}`, href: `${hash('explain')}?from=${encodeURIComponent(one.a)}&to=${encodeURIComponent(one.b)}` },
          h('span', { class: 'swatch', 'aria-hidden': 'true' }), h('span', { class: 'other' }, one.oneWay ? one.oneWay.replace('>', ' → ') : `${one.a} ↔ ${one.b}`),
          h('span', { class: 'what' }, `${t(`security.${one.security}`)} · ${rate(one.rate)}`))))) : nothing(t('dashboard.no-traffic'))),
      away.length || silent.length ? h('section', { class: 'card span' }, h('h2', {}, t('dashboard.trouble')), h('ul', { class: 'stack' },
        away.slice(0, 20).map((one) => h('li', {}, pill(t(`state.${one.state}`), one.state), ' ', h('a', { href: hash('endpoints', one.name) }, one.name), ' ', one.detail ?? '')),
        silent.map((one) => h('li', {}, pill(t('hosts.disconnected'), 'failed'), ' ', one.host)))) : null);
  }
  let print = '';
  const changed = () => {
    // Nothing is drawn anew under the reader's hands unless it has changed.
    const next = JSON.stringify([network.print, [...network.wires.values()].map((one) => [one.key, Math.round(one.rate), one.bytes])]);
    if (next !== print && !cards.contains(document.activeElement)) { print = next; draw(); }
  };
  draw();
  network.addEventListener('changed', changed);
  return () => network.removeEventListener('changed', changed);
}
