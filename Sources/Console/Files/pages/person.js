import { h, said } from '../core/dom.js';
import { list, listIfAny, post, remove, path } from '../core/api.js';
import { t, time } from '../core/words.js';
import { button, confirm, dialog, formDialog, nothing, table } from '../core/parts.js';
import { certificateTable } from '../core/certificates.js';

// What somebody else's account has, each in a dialog of its own. `at` is the address of the account; `isSelf` is whether it
// is one's own, of which one changes nothing here.

export async function showSessions(one, at, account) {
  const where = `${at}/sessions`;
  const rows = table({
    label: t('users.sessions', { name: one.name }), key: (session) => session.id, items: await list(where),
    columns: [
      { label: t('account.sessions.begun'), cell: (session) => time(session.created_at) },
      { label: t('account.sessions.used'), cell: (session) => time(session.last_seen_at) },
      { label: t('account.sessions.from'), cell: (session) => [session.source, h('p', { class: 'quiet small' }, said(session.agent))] },
      { label: '', cell: (session) => (account.can('endUserSession') ? h('div', { class: 'row-tools' }, button(t('users.sessions.end'), async () => {
        await remove(`${where}${path`/${session.id}`}`);
        rows.update(await list(where));
      })) : '') },
    ],
  });
  dialog(t('users.sessions', { name: one.name }), () => [rows], { wide: true });
}

export async function showPasskeys(one, at, account, isSelf, changed) {
  const where = `${at}/passkeys`;
  const rows = table({
    label: t('users.passkeys', { name: one.name }), key: (passkey) => passkey.id, items: await list(where),
    columns: [
      { label: t('account.passkeys.label'), cell: (passkey) => passkey.label },
      { label: t('account.passkeys.added'), cell: (passkey) => time(passkey.created_at) },
      { label: t('account.sessions.used'), cell: (passkey) => (passkey.last_used_at ? time(passkey.last_used_at) : '–') },
      { label: '', cell: (passkey) => (account.can('removeUserPasskey') && !isSelf ? h('div', { class: 'row-tools' }, button(t('account.passkeys.remove'), async () => {
        await remove(`${where}${path`/${passkey.id}`}`);
        rows.update(await list(where));
        await changed();
      }, { 'aria-label': `${t('account.passkeys.remove')}: ${passkey.label}` })) : '') },
    ],
  });
  dialog(t('users.passkeys', { name: one.name }), () => [rows], { wide: true });
}

export async function showCertificates(one, at, account) {
  const where = `${at}/certificates`;
  const title = t('users.certificates', { name: one.name });
  const rows = certificateTable({
    label: title, where, items: await list(where), mayRevoke: account.can('revokeUserCertificate'),
    changed: async () => rows.update(await list(where)),
  });
  dialog(title, () => [rows], { wide: true });
}

/** Who of a provider of identities signs in as this account, and whom it is to expect. */
export async function showIdentities(one, at, account, isSelf) {
  const where = `${at}/identities`;
  const title = t('users.identities', { name: one.name });
  const refresh = async () => rows.update(await list(where));
  // Those that serve the one who manages the accounts serve the accounts; the installation is nobody's account.
  const providers = account.can('addUserIdentity') && !isSelf ? await listIfAny('/v1/self/identity-providers') ?? [] : [];
  const add = () => formDialog(t('identities.expect'), {
    fields: [
      { name: 'provider', label: t('account.identities.provider'), type: 'select', required: true, options: providers.map((provider) => ({ value: provider.name, label: provider.display_name })) },
      { name: 'subject', label: t('account.identities.subject'), hint: t('identities.subject.hint'), required: true, maxlength: 255 },
    ],
    submit: t('add'),
    send: async (values) => {
      await post(where, values);
      await refresh();
    },
  }, { intro: t('identities.expect.text', { name: one.name }) });
  const erase = (identity) => confirm(t('account.identities.remove'), t('identities.remove.text', { provider: identity.display_name, name: one.name }), t('account.identities.remove'), async () => {
    await remove(`${where}${path`/${identity.id}`}`);
    await refresh();
  });
  const rows = table({
    label: title, key: (identity) => identity.id, items: await list(where), empty: nothing(t('account.identities.none')),
    tools: providers.length ? button(t('identities.expect'), add) : null,
    columns: [
      { label: t('account.identities.provider'), cell: (identity) => identity.display_name },
      { label: t('account.identities.subject'), cell: (identity) => h('span', { class: 'mono' }, said(identity.subject)) },
      { label: t('identities.by'), cell: (identity) => t(identity.expected ? 'identities.by.manager' : 'identities.by.user') },
      { label: t('account.identities.used'), cell: (identity) => (identity.last_used_at ? time(identity.last_used_at) : '–') },
      { label: '', cell: (identity) => (account.can('removeUserIdentity') && !isSelf ? h('div', { class: 'row-tools' },
        button(t('account.identities.remove'), () => erase(identity), { 'aria-label': `${t('account.identities.remove')}: ${identity.display_name}` })) : '') },
    ],
  });
  dialog(title, () => [rows], { wide: true });
}
