import { h, said } from '../core/dom.js';
import { post, path } from '../core/api.js';
import { t, time, ago, hasWord } from '../core/words.js';
import { button, confirm, formDialog, nothing, notice, pill, table } from '../core/parts.js';

// What the provider's people ask a tenant for, and what becomes of it.

/** As what the provider's people can be let in. */
export const roles = ['viewer', 'network-admin', 'security-admin'];
export const roleWord = (role) => (hasWord(`role.${role}`) ? t(`role.${role}`) : role);

/** Where a tenant's requests are. */
export const requestsOf = (tenant) => path`/v1/tenants/${tenant}/access-requests`;

/** Roles, and whether consoles come with them, as pills. */
export const rolePills = (one) => h('span', { class: 'pills' }, one.roles.map((role) => pill(roleWord(role))), one.consoles ? pill(t('access.consoles'), 'warn') : null);

/** Asks a tenant's owners. */
export const askForAccess = (tenant, done) => formDialog(t('requests.ask'), {
  fields: [
    { name: 'roles', label: t('users.roles'), type: 'choices', required: true, value: ['viewer'], options: roles.map((role) => ({ value: role, label: roleWord(role) })) },
    { name: 'hours', label: t('access.hours'), type: 'number', min: 1, max: 168, value: 4, required: true },
    { name: 'reason', label: t('access.reason'), hint: t('requests.reason.hint'), required: true, maxlength: 64 },
    { name: 'consoles', label: t('access.consoles'), type: 'check' },
  ],
  submit: t('requests.ask'),
  send: async (values) => {
    await post(requestsOf(tenant), values);
    notice(t('requests.asked', { tenant }));
    await done();
  },
}, { intro: t('requests.ask.text', { tenant }) });

/** The buttons by which a request that waits is answered, as far as the account may. */
export function answers(one, tenant, account, done) {
  const at = `${requestsOf(tenant)}${path`/${one.id}`}`;
  const named = (word) => ({ 'aria-label': `${t(word)}: ${one.requester}, ${one.reason}` });
  const words = one.roles.map(roleWord).join(', ');
  const grant = () => confirm(t('requests.grant'), t(one.consoles ? 'requests.grant.consoles' : 'requests.grant.text', { who: one.requester, roles: words, hours: one.hours }), t('requests.grant'), async () => {
    await post(`${at}/grant`);
    notice(t('requests.granted.done', { who: one.requester }));
    await done();
  });
  const decline = async () => {
    await post(`${at}/decline`);
    notice(t('requests.declined.done', { who: one.requester }));
    await done();
  };
  if (one.state !== 'waiting') return [];
  return [
    account.can('createAccessGrant') ? button(t('requests.grant'), grant, named('requests.grant')) : null,
    account.can('revokeAccessGrant') ? button(t('requests.decline'), decline, named('requests.decline')) : null,
  ].filter(Boolean);
}

/** A table of requests; `done` is called when one was answered. */
export const requestTable = ({ tenant, account, items, done }) => table({
  label: t('requests.title'), key: (one) => one.id, items, empty: nothing(t('requests.none')),
  columns: [
    { label: t('requests.who'), cell: (one) => one.requester },
    { label: t('users.roles'), cell: rolePills },
    { label: t('access.hours'), class: 'number', cell: (one) => String(one.hours) },
    { label: t('access.reason'), cell: (one) => said(one.reason) },
    { label: t('requests.when'), cell: (one) => h('span', { title: time(one.created_at) }, ago(one.created_at)) },
    { label: t('requests.state'), cell: (one) => [
      pill(t(`requests.${one.state}`), { waiting: 'warn', granted: 'good', declined: 'bad' }[one.state] ?? ''),
      h('p', { class: 'quiet small' }, one.decided_at ? time(one.decided_at, 'short') : one.state === 'waiting' ? t('requests.until', { time: time(one.expires_at, 'short') }) : ''),
    ] },
    { label: '', cell: (one) => h('div', { class: 'row-tools' }, answers(one, tenant, account, done)) },
  ],
});
