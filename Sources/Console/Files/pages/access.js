import { h, said } from '../core/dom.js';
import { listIfAny, list, post, remove, path } from '../core/api.js';
import { t, time, ago } from '../core/words.js';
import { heading, table, pill, button, formDialog, nothing } from '../core/parts.js';
import { askForAccess, requestsOf, requestTable, roles, rolePills, roleWord } from './requests.js';

/** What the provider's people ask for, and the access that the tenant grants to them, for some hours. */
export async function render(place, context) {
  const { account, tenant } = context;
  const base = path`/v1/tenants/${tenant}/access`;
  const [grants, asked] = await Promise.all([listIfAny(base), listIfAny(requestsOf(tenant))]);
  if (!grants) {
    place.append(heading(t('page.access')), nothing(t('access.unavailable')));
    return undefined;
  }
  const refresh = async () => {
    const [some, others] = await Promise.all([list(base), list(requestsOf(tenant))]);
    all.update(some);
    requests.update(others);
    context.recount();
  };
  const create = () => formDialog(t('access.create'), {
    fields: [
      { name: 'roles', label: t('users.roles'), type: 'choices', required: true, value: ['viewer'], options: roles.map((role) => ({ value: role, label: roleWord(role) })) },
      { name: 'grantee', label: t('access.grantee'), hint: t('access.grantee.hint') },
      { name: 'hours', label: t('access.hours'), type: 'number', min: 1, max: 168, value: 4, required: true },
      { name: 'reason', label: t('access.reason'), required: true },
      { name: 'consoles', label: t('access.consoles'), type: 'check' },
    ],
    submit: t('access.create'),
    send: async (values) => {
      await post(base, values);
      await refresh();
    },
  });
  const requests = requestTable({ tenant, account, items: asked ?? [], done: refresh });
  const isOver = (one) => !one.holds;
  const all = table({
    label: t('access.grants'), key: (one) => one.id, items: grants, empty: nothing(t('access.none')),
    columns: [
      { label: t('access.grantee'), cell: (one) => one.grantee ?? t('access.grantee.all') },
      { label: t('users.roles'), cell: rolePills },
      { label: t('access.reason'), cell: (one) => said(one.reason) },
      { label: t('access.by'), cell: (one) => one.granted_by ?? '–' },
      { label: t('access.ends'), sort: (one) => one.until, cell: (one) => (one.revoked_at ? pill(t('access.revoked')) : one.holds ? [pill(t('access.holds'), 'warn'), ' ', `${time(one.until, 'short')} (${ago(one.until)})`] : time(one.until, 'short')) },
      { label: '', cell: (one) => (account.can('revokeAccessGrant') && !isOver(one) ? h('div', { class: 'row-tools' }, button(t('access.revoke'), async () => {
        await remove(`${base}${path`/${one.id}`}`);
        await refresh();
      }, { 'aria-label': `${t('access.revoke')}: ${one.reason}` })) : '') },
    ],
  });
  place.append(heading(t('page.access'),
    account.can('requestAccess') && account.isProvider ? button(t('requests.ask'), () => askForAccess(tenant, refresh), { class: 'primary' }) : null,
    account.can('createAccessGrant') ? button(t('access.create'), create, { class: 'primary' }) : null),
  h('p', { class: 'quiet' }, t(account.isProvider ? 'access.lead.provider' : 'access.lead')),
  ...(asked ? [h('h2', { class: 'part' }, t('requests.title')), h('div', { id: 'requests' }, requests)] : []),
  h('h2', { class: 'part' }, t('access.grants')), h('div', { id: 'grants' }, all));
  // What others did meanwhile is here when the reader comes back.
  const seen = () => { if (!document.hidden) refresh().catch(() => {}); };
  document.addEventListener('visibilitychange', seen);
  return () => document.removeEventListener('visibilitychange', seen);
}
