import { h, show, s } from '../core/dom.js';
import { post, put, remove, list, listIfAny, path, setForgeryToken } from '../core/api.js';
import { t, time, ago, hasWord } from '../core/words.js';
import { heading, form, facts, pill, button, table, dialog, formDialog, confirm, notice, secretDialog, nothing } from '../core/parts.js';
import { qrPath } from '../core/qr.js';
import { canUsePasskeys, addPasskey } from '../core/passkeys.js';
import { goToProvider } from '../core/provider.js';
import { certificateTable, createCertificate } from '../core/certificates.js';

const scopes = ['read', 'network', 'policy-read', 'policy', 'people', 'platform', 'audit', 'usage'];

/** One's own account: password, second factor, tokens, sessions. */
export async function render(place, context) {
  const { account } = context;
  const rolesOf = (account.roles ?? []).map((role) => pill(hasWord(`role.${role}`) ? t(`role.${role}`) : role));
  const cards = [h('section', { class: 'card stack' }, h('h2', {}, t('account.who')),
    facts([[t('users.name'), account.name], [t('users.display-name'), account.display_name ?? '–'], account.tenant ? [t('nav.tenant'), account.tenant] : null,
      [t('account.roles'), h('span', { class: 'pills' }, rolesOf, (account.groups ?? []).map((group) => pill(group, 'group')))]]),
    account.means === 'installation' ? h('p', {}, t('account.installation')) : null, context.settings('-own'))];

  if (account.can('changeOwnPassword') && account.means === 'session') {
    const fields = form({
      fields: [
        { name: 'current', label: t('account.current'), type: 'password', required: true, autocomplete: 'current-password', keep: true },
        { name: 'password', label: t('account.new'), hint: t('setup.password.hint'), type: 'password', required: true, autocomplete: 'new-password', keep: true },
        { name: 'again', label: t('setup.again'), type: 'password', required: true, autocomplete: 'new-password', keep: true },
      ],
      submit: t('save'),
      send: async (values) => {
        if (values.password !== values.again) { fields.complain('again', t('setup.differ')); return; }
        // Other sessions end, and this one gets another secret.
        setForgeryToken((await put('/v1/self/password', { current: values.current, password: values.password })).csrf_token);
        fields.reset();
        notice(t('account.password.changed'));
      },
    });
    cards.push(h('section', { class: 'card stack' }, h('h2', {}, t('account.password')), fields));
  }

  if (account.can('enrolOwnTOTP') && account.means === 'session') {
    cards.push(h('section', { class: 'card stack' }, h('h2', {}, t('account.factor')),
      h('p', {}, pill(t(account.has_second_factor ? 'yes' : 'no'), account.has_second_factor ? 'good' : 'warn'), ' ',
        t(account.has_one_time_codes ? 'account.factor.on' : account.has_second_factor ? 'account.factor.passkey' : 'account.factor.off')),
      h('div', { class: 'buttons' }, button(t('account.factor.begin'), () => enrol(context)),
        account.has_one_time_codes ? button(t('account.factor.remove'), () => confirm(t('account.factor.remove'), t('account.factor.remove.text'), t('account.factor.remove'), async () => {
          await remove('/v1/self/totp');
          location.reload();
        }), { class: 'danger' }) : null)));
  }

  const wide = [];
  const passkeys = account.can('listOwnPasskeys') && account.means === 'session' ? await listIfAny('/v1/self/passkeys') : null;
  if (passkeys) wide.push(passkeyCard(account, passkeys));
  const links = account.means === 'session' && account.can('listOwnIdentities') ? await identities(account) : null;
  if (links) wide.push(links);
  const tokens = account.can('listOwnTokens') ? await listIfAny('/v1/self/tokens') : null;
  if (tokens) {
    const refresh = async () => tokenTable.update(await list('/v1/self/tokens'));
    const create = () => formDialog(t('account.tokens.create'), {
      fields: [
        { name: 'label', label: t('account.tokens.label'), required: true },
        { name: 'scopes', label: t('account.tokens.scopes'), type: 'choices', required: true, value: ['read'], options: scopes.map((one) => ({ value: one, label: t(`scope.${one}`) })) },
        { name: 'days', label: t('account.tokens.days'), type: 'number', min: 1, max: 366, value: 90, required: true },
      ],
      submit: t('add'),
      send: async (values) => {
        const made = await post('/v1/self/tokens', values);
        await refresh();
        secretDialog(t('account.tokens.title', { name: values.label }), t('account.tokens.text'), made.token);
      },
    });
    const tokenTable = table({
      label: t('account.tokens'), key: (one) => one.id, items: tokens, empty: nothing(t('account.tokens.none')),
      columns: [
        { label: t('account.tokens.label'), sort: (one) => one.label, cell: (one) => one.label },
        { label: t('account.tokens.scopes'), cell: (one) => h('span', { class: 'pills' }, (one.scopes ?? []).map((scope) => pill(hasWord(`scope.${scope}`) ? t(`scope.${scope}`) : scope))) },
        { label: t('account.tokens.expires'), sort: (one) => one.expires_at, cell: (one) => h('span', { title: time(one.expires_at) }, ago(one.expires_at)) },
        { label: '', cell: (one) => h('div', { class: 'row-tools' }, button(t('delete'), async () => {
          await remove(path`/v1/self/tokens/${one.id}`);
          await refresh();
        }, { 'aria-label': `${t('delete')}: ${one.label}` })) },
      ],
    });
    wide.push(h('section', { class: 'card span stack' }, h('div', { class: 'page-head' }, h('h2', {}, t('account.tokens')), h('span', { class: 'spring' }),
      account.can('createOwnToken') ? button(t('account.tokens.create'), create) : null), tokenTable));
  }

  const certificates = account.can('listOwnCertificates') ? await listIfAny('/v1/self/certificates') : null;
  if (certificates) wide.push(certificateCard(account, certificates));

  const sessions = account.can('listOwnSessions') ? await listIfAny('/v1/self/sessions') : null;
  if (sessions) {
    const refresh = async () => sessionTable.update(await list('/v1/self/sessions'));
    const sessionTable = table({
      label: t('account.sessions'), key: (one) => one.id, items: sessions,
      columns: [
        { label: t('account.sessions.begun'), cell: (one) => [time(one.created_at), one.is_current ? [' ', pill(t('account.here'), 'good')] : null] },
        { label: t('account.sessions.used'), cell: (one) => ago(one.last_seen_at) },
        { label: t('account.sessions.from'), cell: (one) => [one.source, h('p', { class: 'quiet small' }, one.agent)] },
        { label: '', cell: (one) => (account.can('endOwnSession') && !one.is_current ? h('div', { class: 'row-tools' }, button(t('account.sessions.end'), async () => {
          await remove(path`/v1/self/sessions/${one.id}`);
          await refresh();
        })) : '') },
      ],
    });
    wide.push(h('section', { class: 'card span stack' }, h('h2', {}, t('account.sessions')), sessionTable));
  }
  place.append(heading(t('page.account')), h('div', { class: 'cards' }, cards, wide));
  // What came of a link that was begun here.
  if (context.query.get('linked')) notice(t('account.identities.added'));
  const problem = context.query.get('problem');
  if (problem) notice(hasWord(`problem.${problem}`) ? t(`problem.${problem}`) : t('problem.provider-failed'), 'failed');
  if (context.query.size) history.replaceState(null, '', '#/account');
}

/** The identities of providers by which the account is signed in to; nothing where there is neither one nor a provider. */
async function identities(account) {
  const linked = await listIfAny('/v1/self/identities');
  const providers = await listIfAny('/v1/self/identity-providers');
  if (!linked || !(linked.length || providers?.length)) return null;
  const refresh = async () => linkTable.update(await list('/v1/self/identities'));
  const linkTable = table({
    label: t('account.identities'), key: (one) => one.id, items: linked, empty: nothing(t('account.identities.none')),
    columns: [
      { label: t('account.identities.provider'), sort: (one) => one.display_name, cell: (one) => one.display_name },
      { label: t('account.identities.subject'), cell: (one) => [h('span', { class: 'mono' }, one.subject), one.expected ? [' ', pill(t('account.identities.expected'))] : null] },
      { label: t('account.identities.used'), cell: (one) => (one.last_used_at ? ago(one.last_used_at) : '–') },
      { label: '', cell: (one) => (!account.can('removeOwnIdentity') ? '' : h('div', { class: 'row-tools' }, button(t('account.identities.remove'), () => confirm(t('account.identities.remove'), t('account.identities.remove.text', { name: one.display_name }), t('account.identities.remove'), async () => {
        await remove(path`/v1/self/identities/${one.id}`);
        await refresh();
      }), { 'aria-label': `${t('account.identities.remove')}: ${one.display_name}` }))) },
    ],
  });
  return h('section', { class: 'card span stack', id: 'identities' }, h('h2', {}, t('account.identities')), h('p', { class: 'quiet' }, t('account.identities.text')), linkTable,
    h('div', { class: 'buttons' }, (account.can('addOwnIdentity') ? providers ?? [] : []).map((one) => button(t('account.identities.add', { name: one.display_name }),
      () => goToProvider('/v1/self/identities', { provider: one.id }), { data: { provider: one.id } }))));
}

/** One's own passkeys. Other sessions end with a change, and this one gets another secret, so the page is loaded anew. */
function passkeyCard(account, passkeys) {
  const label = (value) => ({ name: 'label', label: t('account.passkeys.label'), required: true, maxlength: 64, value });
  const add = () => formDialog(t('account.passkeys.add'), {
    fields: [label()], submit: t('add'),
    send: async (values) => {
      await addPasskey(values.label);
      location.reload();
    },
  });
  const rename = (one) => formDialog(t('account.passkeys.rename'), {
    fields: [label(one.label)], submit: t('save'),
    send: async (values) => {
      await put(path`/v1/self/passkeys/${one.id}`, values);
      rows.update(await list('/v1/self/passkeys'));
    },
  });
  const erase = (one) => confirm(t('account.passkeys.remove'), t('account.passkeys.remove.text', { name: one.label }), t('account.passkeys.remove'), async () => {
    await remove(path`/v1/self/passkeys/${one.id}`);
    location.reload();
  });
  const rows = table({
    label: t('account.passkeys'), key: (one) => one.id, items: passkeys, empty: nothing(t('account.passkeys.none')),
    columns: [
      { label: t('account.passkeys.label'), sort: (one) => one.label, cell: (one) => [one.label, one.is_backed_up ? [' ', pill(t('account.passkeys.copied'))] : null] },
      { label: t('account.passkeys.added'), sort: (one) => one.created_at, cell: (one) => time(one.created_at) },
      { label: t('account.sessions.used'), cell: (one) => (one.last_used_at ? ago(one.last_used_at) : '–') },
      { label: '', cell: (one) => h('div', { class: 'row-tools' },
        account.can('renameOwnPasskey') ? button(t('account.passkeys.rename'), () => rename(one), { 'aria-label': `${t('account.passkeys.rename')}: ${one.label}` }) : null,
        account.can('removeOwnPasskey') ? button(t('account.passkeys.remove'), () => erase(one), { 'aria-label': `${t('account.passkeys.remove')}: ${one.label}` }) : null) },
    ],
  });
  return h('section', { class: 'card span stack', id: 'passkeys' }, h('div', { class: 'page-head' }, h('h2', {}, t('account.passkeys')), h('span', { class: 'spring' }),
    account.can('addOwnPasskey') && canUsePasskeys() ? button(t('account.passkeys.add'), add) : null),
  h('p', {}, t(canUsePasskeys() ? 'account.passkeys.text' : 'account.passkeys.address')), rows);
}

/** One's own certificates, with which programs sign in. */
function certificateCard(account, certificates) {
  const where = '/v1/self/certificates';
  const refresh = async () => rows.update(await list(where));
  const command = account.tenant ? `patchbay endpoint list ${account.tenant}` : 'patchbay tenant list';
  const rows = certificateTable({ label: t('account.certificates'), items: certificates, where, mayRevoke: account.can('deleteOwnCertificate'), changed: refresh });
  return h('section', { class: 'card span stack', id: 'certificates' }, h('div', { class: 'page-head' }, h('h2', {}, t('account.certificates')), h('span', { class: 'spring' }),
    account.can('createOwnCertificate') ? button(t('certificates.create'), () => createCertificate(where, command, refresh)) : null),
  h('p', {}, t('account.certificates.text')), rows);
}

async function enrol(context) {
  const { secret, uri } = await post('/v1/self/totp');
  const { path: dots, size } = qrPath(uri);
  // Dark on light in both colour schemes: that is what cameras expect.
  const picture = s('svg', { class: 'qr', viewBox: `-4 -4 ${size + 8} ${size + 8}`, role: 'img', 'aria-label': t('account.factor.qr'), 'shape-rendering': 'crispEdges' }, s('path', { d: dots, fill: '#000' }));
  const body = h('div', { class: 'stack' });
  const element = dialog(t('account.factor'), () => [body]);
  show(body, h('p', {}, t('account.factor.scan')), picture, facts([[t('account.factor.secret'), secret, 'mono']]), form({
    fields: [{ name: 'code', label: t('account.factor.code'), required: true, autocomplete: 'one-time-code', inputmode: 'numeric' }],
    submit: t('save'), cancel: () => element.close(),
    send: async ({ code }) => {
      const { recovery_codes: codes } = await put('/v1/self/totp', { code: code.replace(/\s+/g, '') });
      show(body, h('h3', {}, t('account.codes')), h('p', {}, t('account.codes.text')), h('ul', { class: 'codes' }, codes.map((one) => h('li', {}, one))),
        h('div', { class: 'buttons' }, button(t('copy'), async () => { await navigator.clipboard.writeText(codes.join('\n')); notice(t('copied')); }),
          h('button', { type: 'button', class: 'primary', onclick: () => { element.close(); location.reload(); } }, t('done'))));
    },
  }));
  body.querySelector('input').focus();
}
