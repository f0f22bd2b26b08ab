// The frame around the pages: who is signed in, which page is shown, language and colours.

import { h, show, said, announce } from './core/dom.js';
import { bus, Problem, path, remove, post, listIfAny, setForgeryToken, askForFreshSignIn } from './core/api.js';
import { t, time, ago, hasWord, setLanguage, preferredLanguage, languages, language, problemText } from './core/words.js';
import { whoAmI } from './core/account.js';
import { Network } from './core/network.js';
import { failure, nothing, button, dialog, form } from './core/parts.js';
import { icon } from './core/icons.js';
import { canUsePasskeys, signInByPasskey } from './core/passkeys.js';
import { goToProvider } from './core/provider.js';

/** The pages of a tenant: part of the address, the right that it needs, its module. */
const tenantPages = [
  { id: 'dashboard', needs: 'showTenant' },
  { id: 'bay', needs: 'listEndpoints' },
  { id: 'endpoints', needs: 'listEndpoints' },
  { id: 'vnets', needs: 'listVNets' },
  { id: 'groups', needs: 'listGroups' },
  { id: 'policy', needs: 'showPolicy' },
  { id: 'explain', needs: 'explain' },
  { id: 'usage', needs: 'showUsage' },
  { id: 'users', needs: 'listUsers', side: true },
  { id: 'access', needs: 'listAccessGrants' },
  { id: 'audit', needs: 'listAudit', side: true },
];
const providerPages = [
  { id: 'tenants', needs: 'listTenants' },
  { id: 'hosts', needs: 'listHosts' },
  { id: 'guardrails', needs: 'showGuardrails' },
  { id: 'users', needs: 'listUsers' },
  { id: 'providers', needs: 'listIdentityProviders' },
  { id: 'usage', needs: 'listTenantUsage' },
  { id: 'audit', needs: 'listAudit' },
];

const app = document.getElementById('app');
let account = null;
/** The account as it is in the tenant that is shown. */
let visitor = null;
let tenants = [];
let network = null;
let cleanup = null;
let main = null;
let visit = 0;
let grantTimer = null;

// MARK: Colours

function applyTheme(choice = localStorage.getItem('patchbay.theme') ?? 'auto') {
  if (choice === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
}

function chooser(label, id, options, value, choose) {
  const field = h('select', { id, 'aria-label': label, onchange: () => choose(field.value) },
    options.map((one) => h('option', { value: one.value, selected: one.value === value }, one.label)));
  return field;
}

export function settings(suffix = '') {
  return h('div', { class: 'settings' },
    chooser(t('settings.language'), `language${suffix}`, languages.map((one) => ({ value: one.id, label: one.name })), language,
      async (id) => { await setLanguage(id, true); await start(false); document.getElementById(`language${suffix}`)?.focus(); }),
    chooser(t('settings.theme'), `theme${suffix}`, ['auto', 'light', 'dark'].map((one) => ({ value: one, label: t(`settings.theme.${one}`) })),
      localStorage.getItem('patchbay.theme') ?? 'auto',
      (id) => { localStorage.setItem('patchbay.theme', id); applyTheme(id); frameSettings(id); }));
}

/** The same choice is in the bar and on the page of the account. */
function frameSettings(id) {
  for (const field of document.querySelectorAll('select[id^="theme"]')) field.value = id;
}

// MARK: Where we are

function parse() {
  const [where, queryText] = location.hash.replace(/^#\/?/, '').split('?');
  const parts = where.split('/').filter(Boolean).map((part) => { try { return decodeURIComponent(part); } catch { return part; } });
  return { parts, query: new URLSearchParams(queryText ?? '') };
}

/** The address of a page of a tenant. */
export const tenantHash = (tenant, page, ...rest) =>
  `#/t/${[tenant, page, ...rest].map(encodeURIComponent).join('/')}`;

function home() {
  if (account.tenant) return tenantHash(account.tenant, 'dashboard');
  return account.can('listTenants') ? '#/provider/tenants' : '#/account';
}

/** A tenant's people need the rights of its side; the provider's get at a tenant's page as far as the API lets them. */
const offered = (page, isTenant) => (isTenant ? visitor : account).can(page.needs) && !(isTenant && page.side && account.isProvider && account.means !== 'installation');

// MARK: The frame

/** Of more tenants than so many, one is found by writing its name. */
const MANY = 200;

function finder(tenant, go) {
  const field = h('input', {
    id: 'tenant', type: 'text', list: 'tenants', value: tenant ?? '', placeholder: t('nav.choose-tenant'), 'aria-label': t('nav.tenant'), spellcheck: 'false', autocapitalize: 'none',
    oninput: () => {
      const letters = field.value.trim();
      if (tenants.some((one) => one.name === letters)) { go(letters); return; }
      show(names, tenants.filter((one) => one.name.includes(letters)).slice(0, 100).map((one) => h('option', { value: one.name })));
    },
  });
  const names = h('datalist', { id: 'tenants' });
  return h('div', { class: 'finder' }, field, names);
}

/** Above the pages of a tenant that has let one of the provider's people in: by whom, as what, until when. */
function guestBanner() {
  const grants = visitor?.grants ?? [];
  clearTimeout(grantTimer);
  if (!grants.length) return null;
  const ends = Math.min(...grants.map((one) => new Date(one.until).getTime()));
  // What is over is taken away when it is over.
  grantTimer = setTimeout(() => route().catch(failure), Math.min(Math.max(ends - Date.now() + 1000, 1000), 2147000000));
  return h('aside', { class: 'banner', 'aria-label': t('access.banner') }, grants.map((one) => h('p', {},
    h('b', {}, t('access.banner.who', { who: one.granted_by ?? t('access.banner.somebody'), roles: one.roles.map((role) => (hasWord(`role.${role}`) ? t(`role.${role}`) : role)).join(', ') })), ' ',
    t('access.banner.until', { time: time(one.until, 'short'), when: ago(one.until) }), ' ', said(one.reason), ' ', h('span', { class: 'quiet' }, t('access.banner.audit')))));
}

function frame() {
  const { parts } = parse();
  const tenant = parts[0] === 't' ? parts[1] : account.tenant;
  const item = (page, hash, current) => h('li', {}, h('a', {
    href: hash, 'aria-current': current ? 'page' : null,
    onclick: () => document.body.classList.remove('menu-open'),
  }, icon(page.id), t(`page.${page.id}`), page.id === 'access' ? h('span', { class: 'mark', id: 'waiting', hidden: true }) : null));
  const blocks = [];
  if (account.isProvider) {
    blocks.push(h('h2', { id: 'nav-provider' }, t('nav.provider')), h('ul', { 'aria-labelledby': 'nav-provider' },
      providerPages.filter((page) => offered(page, false)).map((page) =>
        item(page, `#/provider/${page.id}`, parts[0] === 'provider' && parts[1] === page.id))));
  }
  if (tenant || tenants.length) {
    const go = (name) => { if (name) location.hash = tenantHash(name, parts[0] === 't' && parts[2] ? parts[2] : 'dashboard'); };
    const choose = !account.isProvider || !tenants.length ? null : tenants.length > MANY ? finder(tenant, go) : chooser(t('nav.tenant'), 'tenant',
      [...(tenant ? [] : [{ value: '', label: t('nav.choose-tenant') }]), ...tenants.map((one) => ({ value: one.name, label: one.name }))],
      tenant ?? '', go);
    blocks.push(h('h2', { id: 'nav-tenant' }, choose ? t('nav.tenant') : tenant), choose);
    if (tenant) {
      blocks.push(h('ul', { 'aria-labelledby': 'nav-tenant' }, tenantPages.filter((page) => offered(page, true)).map((page) =>
        item(page, tenantHash(tenant, page.id), parts[0] === 't' && (parts[2] ?? 'dashboard') === page.id))));
    }
  }
  const nav = h('nav', { id: 'nav', 'aria-label': t('nav.label') }, blocks);
  const menu = h('button', {
    type: 'button', class: 'bare menu', 'aria-label': t('nav.menu'), 'aria-controls': 'nav', 'aria-expanded': 'false',
    onclick: () => menu.setAttribute('aria-expanded', String(document.body.classList.toggle('menu-open'))),
  }, '☰');
  main = h('main', { id: 'main' });
  show(app,
    h('a', { class: 'skip', href: '#main', onclick: (event) => { event.preventDefault(); focusHeading(); } }, t('nav.skip')),
    h('header', { class: 'top' }, menu,
      h('a', { class: 'brand', href: home() }, h('img', { src: 'icon.svg', alt: '', width: 28, height: 28 }), h('span', {}, 'Patchbay')),
      h('div', { class: 'spring' }), settings(),
      h('a', { class: 'me', href: '#/account' }, said(account.display_name || account.name)),
      account.means === 'session' ? button(t('signout'), signOut, { class: 'quiet', id: 'sign-out' }) : null),
    h('div', { class: 'body' }, nav, h('div', { class: 'content' }, parts[0] === 't' && account.isProvider ? guestBanner() : null, main)));
}

/** The mark at the page of access: so many of the provider's people wait for an answer of this account. */
async function countRequests() {
  if (!account?.tenant || !(account.can('createAccessGrant') || account.can('revokeAccessGrant'))) return;
  const mine = account;
  const requests = await listIfAny(path`/v1/tenants/${account.tenant}/access-requests`) ?? [];
  if (mine !== account) return;
  const count = requests.filter((one) => one.state === 'waiting').length;
  // One that has come meanwhile is said aloud.
  if (count > mine.waiting) announce(t('requests.wait', { count }));
  mine.waiting = count;
  const place = document.getElementById('waiting');
  if (!place) return;
  place.hidden = !count;
  show(place, h('span', { 'aria-hidden': 'true' }, String(count)), h('span', { class: 'unseen' }, t('requests.wait', { count })));
}
/** Counts in the background; what goes wrong with it is told by the page itself. */
const recount = () => { countRequests().catch(() => {}); };

async function signOut() {
  await remove('/v1/session');
  leave();
}

function leave() {
  network?.stop();
  network = null;
  account = null;
  clearTimeout(grantTimer);
  setForgeryToken(null);
  // Other addresses of this browser's session hold nothing of the former account's.
  location.hash = '#/signin';
  start();
}

function focusHeading() {
  const heading = main?.querySelector('h1') ?? document.querySelector('h1');
  heading?.focus({ preventScroll: true });
}

// MARK: Pages

function resolve(parts) {
  if (parts[0] === 'account') return { module: 'account' };
  if (parts[0] === 'provider') {
    const page = providerPages.find((one) => one.id === parts[1]);
    return page && offered(page, false) ? { module: page.id, params: parts.slice(2) } : null;
  }
  if (parts[0] === 't' && parts[1]) {
    if (account.tenant && parts[1] !== account.tenant) return null;
    const page = tenantPages.find((one) => one.id === (parts[2] ?? 'dashboard'));
    return page && offered(page, true) ? { module: page.id, tenant: parts[1], params: parts.slice(3) } : null;
  }
  return null;
}

/** Shows the page of the address; when it is there, the document says so. */
async function route() {
  const { hash } = location;
  const mine = visit + 1;
  try {
    return await showPage();
  } finally {
    if (mine === visit) document.documentElement.dataset.shown = hash;
  }
}

async function showPage() {
  const mine = ++visit;
  const { parts, query } = parse();
  if (parts[0] === 'setup') return outside('setup', query);
  if (!account) return outside('signin', query);
  if (!parts.length || parts[0] === 'signin') {
    if (query.get('problem')) failure(new Problem(0, { code: query.get('problem') }));
    // Back from a provider, to where the sign-in was asked for.
    const wanted = parts.length ? null : sessionStorage.getItem('patchbay.wanted');
    if (wanted) sessionStorage.removeItem('patchbay.wanted');
    location.replace(wanted ?? home());
    return undefined;
  }
  try { await cleanup?.(); } catch (error) { console.error(error); }
  cleanup = null;
  main?.setAttribute('aria-busy', 'true');
  visitor = parts[0] === 't' && parts[1] ? await account.inside(parts[1]) : account;
  if (mine !== visit) return undefined;
  frame();
  recount();
  const found = resolve(parts);
  if (!found) {
    document.title = 'Patchbay';
    show(main, h('div', { class: 'page' }, h('h1', { tabindex: '-1' }, t('page.none')), nothing(t('page.none.text'), h('a', { class: 'button', href: home() }, t('page.home')))));
    focusHeading();
    return undefined;
  }
  let used = false;
  const context = {
    account: visitor, settings, tenant: found.tenant, params: found.params ?? [], query, tenants,
    network: async () => {
      used = true;
      if (network?.tenant !== found.tenant) {
        network?.stop();
        network = new Network(found.tenant, visitor);
        network.addEventListener('changed', (event) => { if (event.detail === 'access') recount(); });
        network.ready = network.start();
      }
      await network.ready;
      return network;
    },
    reloadTenants: loadTenants,
    reload: () => route(), recount,
    isCurrent: () => mine === visit,
  };
  main.setAttribute('aria-busy', 'true');
  main.className = `page-${found.module}`;
  try {
    const page = await import(`./pages/${found.module}.js`);
    if (mine !== visit) return undefined;
    document.title = [t(`page.${found.module}`), found.tenant, 'Patchbay'].filter(Boolean).join(' – ');
    const place = h('div', { class: 'page' });
    const ending = await page.render(place, context);
    if (mine !== visit) { ending?.(); return undefined; }
    cleanup = ending ?? null;
    show(main, place);
    context.shown?.();
    announce(document.title);
    focusHeading();
  } catch (problem) {
    if (mine !== visit) return undefined;
    if (!used || problem) { network?.stop(); network = null; }
    if (problem?.code === 'unauthenticated') return undefined;
    if (!(problem instanceof Problem)) console.error(problem);
    show(main, h('div', { class: 'page' }, h('h1', { tabindex: '-1' }, t(`page.${found.module}`)),
      h('div', { class: 'nothing', role: 'alert' }, h('p', {}, problem instanceof Problem ? problemText(problem) : t('problem.unknown')),
        button(t('again'), () => route()))));
    focusHeading();
  } finally {
    // A later page has its own; after the session's end there is no place for any.
    if (mine === visit) {
      main?.removeAttribute('aria-busy');
      if (!used) { network?.stop(); network = null; }
    }
  }
  return undefined;
}

async function outside(name, query) {
  const mine = visit;
  const page = await import(`./pages/${name}.js`);
  if (mine !== visit) return;
  document.title = `${t(`page.${name}`)} – Patchbay`;
  main = null;
  const place = h('main', { class: 'door', id: 'main' });
  show(app, h('div', { class: 'door-frame' }, place, settings()));
  await page.render(place, {
    query,
    entered: async () => {
      const wanted = sessionStorage.getItem('patchbay.wanted');
      sessionStorage.removeItem('patchbay.wanted');
      if (wanted) location.hash = wanted;
      else if (/^#\/(signin|setup)/.test(location.hash)) history.replaceState(null, '', '#/');
      await start();
    },
  });
}

async function loadTenants() {
  tenants = account?.isProvider && account.can('listTenants') ? (await listIfAny('/v1/tenants')) ?? [] : [];
  tenants.sort((a, b) => a.name.localeCompare(b.name));
}

async function start(ask = true) {
  if (ask) {
    try {
      account = await whoAmI();
      await loadTenants();
    } catch (problem) {
      account = null;
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status !== 401) failure(problem);
    }
  }
  await route();
}

/** What is open over a page goes with it. */
function closeDialogs() {
  for (const one of document.querySelectorAll('dialog[open]')) one.close();
}

addEventListener('hashchange', () => { closeDialogs(); route().catch(failure); });
bus.addEventListener('signed-out', () => {
  if (!account) return;
  if (!/^#\/(signin|setup)/.test(location.hash)) sessionStorage.setItem('patchbay.wanted', location.hash);
  network?.stop();
  network = null;
  account = null;
  closeDialogs();
  announce(t('signin.ended'), true);
  route().catch(failure);
});

askForFreshSignIn(() => new Promise((resolveWith) => {
  let isDone = false;
  const enter = (close) => (answer) => {
    setForgeryToken(answer.csrf_token);
    if (answer.stage === 'second-factor') return false;
    isDone = true;
    close();
    return true;
  };
  const passkey = (label, close) => (account.passkeys && canUsePasskeys() ? h('div', { class: 'buttons' }, button(label, async () => {
    const { name } = account;
    const isDone = enter(close)(await signInByPasskey());
    // The authenticator chose whose passkey it was.
    if (isDone && (await whoAmI()).name !== name) location.reload();
  })) : null);
  const providers = h('div', { class: 'buttons providers' });
  listIfAny('/v1/self/identities').then(async (links) => {
    const known = new Set((links ?? []).map((one) => one.provider));
    const offered = known.size ? await listIfAny('/v1/self/identity-providers') ?? [] : [];
    show(providers, offered.filter((one) => known.has(one.name)).map((one) => button(t('signin.provider', { name: one.display_name }),
      () => goToProvider('/v1/session/provider', { provider: one.id, tenant: account.tenant, fresh: true }))));
  }).catch(failure);
  const element = dialog(t('signin.again'), (close) => [
    h('p', {}, t('signin.again.text')), providers,
    form({
      fields: [{ name: 'password', label: t('signin.password'), type: 'password', required: true, autocomplete: 'current-password', keep: true }],
      submit: t('signin.submit'), cancel: close,
      send: async ({ password }) => {
        const answer = await post('/v1/session', { name: account.name, password });
        if (enter(close)(answer)) return;
        element.querySelector('.by-passkey')?.remove();
        const byPasskey = passkey(t('signin.passkey.second'), close);
        if (!(answer.factors ?? ['code']).includes('code')) {
          element.querySelector('form').replaceWith(byPasskey ?? h('p', {}, t('signin.passkey.elsewhere')));
          return;
        }
        const code = form({
          fields: [{ name: 'code', label: t('signin.code'), hint: t('signin.code.hint'), required: true, autocomplete: 'one-time-code' }],
          submit: t('signin.submit'), cancel: close,
          send: async (values) => { enter(close)(await post('/v1/session/code', { code: values.code.replace(/\s+/g, '') })); },
        });
        element.querySelector('form').replaceWith(code, ...(byPasskey ? [byPasskey] : []));
        code.querySelector('input').focus();
      },
    }),
    h('div', { class: 'by-passkey' }, passkey(t('signin.passkey'), close)),
  ]);
  element.addEventListener('close', () => resolveWith(isDone));
}));

applyTheme();
await setLanguage(preferredLanguage());
await start();
