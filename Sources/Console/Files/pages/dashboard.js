import { h, show, said } from '../core/dom.js';
import { get, getIfAny, listIfAny, remove, path } from '../core/api.js';
import { t, number, rate, bytes, time, ago } from '../core/words.js';
import { heading, nothing, pill, facts, button, notice } from '../core/parts.js';
import { saveFile } from '../core/files.js';
import { quotaView, changeQuota } from '../core/quota.js';
import { answers, askForAccess, requestsOf, roleWord } from './requests.js';

/** How the tenant's network is, at a glance. */
export async function render(place, context) {
  const { account, tenant } = context;
  const hash = (page, ...rest) => `#/t/${[tenant, page, ...rest].map(encodeURIComponent).join('/')}`;
  const [about, quota] = await Promise.all([
    getIfAny(path`/v1/tenants/${tenant}`), account.can('showQuota') ? getIfAny(path`/v1/tenants/${tenant}/quota`) : null,
  ]);
  const limits = h('div', {});
  const drawQuota = (items) => show(limits, quotaView(items),
    account.can('changeQuota') ? h('div', { class: 'buttons' }, button(t('tenants.quota.change'), () => changeQuota(tenant, items, (answer) => drawQuota(answer.items)))) : null);
  if (quota) drawQuota(quota.items);
  const quotaCard = quota ? h('section', { class: 'card span', id: 'quota' }, h('h2', {}, t('dashboard.quota')), limits) : null;
  const head = heading(tenant, account.can('exportTenant') ? button(t('tenants.export'), async () => saveFile(`${tenant}.json`, await get(path`/v1/tenants/${tenant}/export`), 'application/json')) : null,
    account.can('listEndpoints') ? h('a', { class: 'button primary', href: hash('bay') }, t('dashboard.open-bay')) : null);
  const suspended = about?.state === 'suspended'
    ? h('p', { class: 'card', role: 'status' }, pill(t('tenants.state.suspended'), 'bad'), ' ', t('dashboard.suspended'), ' ', about.suspension_reason ? said(about.suspension_reason) : '') : null;
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
    place.append(...[head, suspended, h('div', { class: 'cards' }, h('div', { class: 'card stack' }, facts([[t('dashboard.endpoints'), number(about?.endpoints ?? 0)]]), h('p', {}, t('dashboard.outside')),
      account.isProvider && account.can('requestAccess') ? h('div', { class: 'buttons' }, button(t('requests.ask'), () => askForAccess(tenant, () => { location.hash = hash('access'); }))) : null), quotaCard)].filter(Boolean));
    return undefined;
  }
  const cards = h('div', { class: 'cards' });
  const guests = account.tenant && account.can('listAccessGrants') ? await openGrants() : null;
  const asking = h('div', { class: 'asking' });
  const drawAsking = async () => show(asking, await waitingRequests());
  if (account.tenant && account.can('listAccessGrants')) await drawAsking();
  place.append(...[head, suspended, asking, guests, cards].filter(Boolean));

  /** What the provider's people ask for and nobody has answered yet. */
  async function waitingRequests() {
    const waiting = (await listIfAny(requestsOf(tenant)) ?? []).filter((one) => one.state === 'waiting');
    if (!waiting.length) return null;
    return h('section', { class: 'card stack warned', id: 'asking' }, h('h2', { tabindex: '-1' }, t('dashboard.asking')), h('ul', { class: 'stack' }, waiting.map((one) => h('li', { class: 'guest' },
      h('span', {}, t(one.consoles ? 'dashboard.asks.consoles' : 'dashboard.asks', { who: one.requester, roles: one.roles.map(roleWord).join(', '), hours: one.hours }), ' ', said(one.reason)),
      answers(one, tenant, account, async () => { context.recount(); await context.reload(); })))));
  }

  /** Who of the provider is in now, and the way to end that. */
  async function openGrants() {
    const grants = (await listIfAny(path`/v1/tenants/${tenant}/access`) ?? []).filter((one) => one.holds);
    if (!grants.length) return null;
    return h('section', { class: 'card stack warned', id: 'guests' }, h('h2', {}, t('dashboard.guests')), h('ul', { class: 'stack' }, grants.map((one) => h('li', { class: 'guest' },
      h('span', {}, t('dashboard.guest', { who: one.grantee ?? t('access.grantee.all'), time: time(one.until, 'short'), when: ago(one.until) }), ' ', said(one.reason)),
      account.can('revokeAccessGrant') ? button(t('access.revoke'), async () => {
        await remove(path`/v1/tenants/${tenant}/access/${one.id}`);
        notice(t('access.revoked'));
        await context.reload();
      }, { class: 'danger', 'aria-label': `${t('access.revoke')}: ${one.reason}` }) : null))));
  }

  // Which do not run is asked for only where they are not all here.
  let strays = [];
  async function askStrays() {
    if (network.isWhole) return;
    const wanted = ['failed', 'moving', 'waiting'].filter((state) => network.summary.items.some((one) => one[state]));
    const pages = await Promise.all(wanted.map((state) => getIfAny(path`/v1/tenants/${tenant}/endpoints`, { state, limit: 10 })));
    strays = pages.flatMap((page) => page?.items ?? []);
    draw();
  }


  function figure(label, value, hint, where) {
    return h(where ? 'a' : 'div', { class: 'card figure', href: where }, h('span', {}, label), h('b', {}, value), h('span', { class: 'quiet small' }, hint ?? ''));
  }
  function draw() {
    const away = network.isWhole ? [...network.endpoints.values()].filter((one) => one.state !== 'running') : strays;
    const awayCount = network.count - network.summary.items.reduce((sum, one) => sum + one.running, 0);
    const cables = [...network.cables().values()];
    const live = cables.filter((one) => one.isLive);
    const plain = live.filter((one) => one.security === 'none' && !one.isLocal).length;
    const busy = live.filter((one) => one.rate > 0).sort((a, b) => b.rate - a.rate).slice(0, 6);
    const document = network.policy?.document;
    const silent = network.leaves.filter((one) => !one.answered);
    show(cards,
      figure(t('dashboard.endpoints'), number(network.count), awayCount ? t('dashboard.not-running', { count: awayCount }) : t('dashboard.all-running'), hash('endpoints')),
      figure(t('dashboard.wires'), number(live.length), plain ? t('dashboard.plain', { count: plain }) : '', hash('bay')),
      figure(t('dashboard.traffic'), rate(live.reduce((sum, one) => sum + one.rate, 0)), bytes(live.reduce((sum, one) => sum + one.bytes, 0)), account.can('showUsage') ? hash('usage') : null),
      figure(t('dashboard.groups'), number(network.groups.length), '', account.can('listGroups') ? hash('groups') : null),
      network.policy ? figure(t('dashboard.policy'), t('dashboard.policy.rules', { count: (document?.rules ?? 0) + network.entries.length }),
        t('dashboard.revision', { revision: String(network.policy.revision) }), hash('policy')) : null,
      h('section', { class: 'card span' }, h('h2', {}, t('dashboard.busiest')), busy.length ? h('ul', { class: 'wire-list' }, busy.map((one) =>
        h('li', {}, h('a', { class: `button wire-button ${one.state} ${one.security}`, href: `${hash('explain')}?from=${encodeURIComponent(one.a)}&to=${encodeURIComponent(one.b)}` },
          h('span', { class: 'swatch', 'aria-hidden': 'true' }), h('span', { class: 'other' }, one.oneWay ? one.oneWay.replace('>', ' → ') : `${one.a} ↔ ${one.b}`),
          h('span', { class: 'what' }, `${t(`security.${one.security}`)} · ${rate(one.rate)}`))))) : nothing(t('dashboard.no-traffic'))),
      away.length || silent.length ? h('section', { class: 'card span' }, h('h2', {}, t('dashboard.trouble')), h('ul', { class: 'stack' },
        away.slice(0, 20).map((one) => h('li', {}, pill(t(`state.${one.state}`), one.state), ' ', h('a', { href: hash('endpoints', one.name) }, one.name), ' ', one.detail ? said(one.detail) : '')),
        silent.map((one) => h('li', {}, pill(t('hosts.disconnected'), 'failed'), ' ', one.host)))) : null,
      quotaCard);
  }
  let print = '';
  const changed = () => {
    // Nothing is drawn anew under the reader's hands unless it has changed.
    const next = JSON.stringify([network.edition, network.policyPrint, network.leaves, [...network.wires.values()].map((one) => [one.key, Math.round(one.rate), one.bytes])]);
    if (next !== print && !cards.contains(document.activeElement)) { print = next; draw(); }
  };
  draw();
  askStrays().catch(() => {});
  const asked = (event) => {
    // Nor is a request taken away under the hands of who answers it.
    if (event.detail === 'access' && account.tenant && account.can('listAccessGrants') && !asking.contains(document.activeElement)) drawAsking().catch(() => {});
  };
  network.addEventListener('changed', changed);
  network.addEventListener('changed', asked);
  return () => {
    network.removeEventListener('changed', changed);
    network.removeEventListener('changed', asked);
  };
}
