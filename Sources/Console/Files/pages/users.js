import { h, said } from '../core/dom.js';
import { listIfAny, list, post, put, remove, path } from '../core/api.js';
import { t, hasWord } from '../core/words.js';
import { heading, table, pill, button, formDialog, confirm, secretDialog, nothing } from '../core/parts.js';
import { showCertificates, showIdentities, showPasskeys, showSessions } from './person.js';

const roleWord = (role) => (hasWord(`role.${role}`) ? t(`role.${role}`) : role);

/** People: of a tenant, or of the provider. */
export async function render(place, context) {
  const { account, tenant } = context;
  const base = tenant ? path`/v1/tenants/${tenant}/users` : '/v1/users';
  const users = await listIfAny(base);
  if (!users) {
    place.append(heading(t('page.users')), nothing(t('users.unavailable')));
    return;
  }
  const groups = tenant && account.can('listGroups') ? await listIfAny(path`/v1/tenants/${tenant}/groups`) ?? [] : [];
  const roles = tenant ? ['owner', 'network-admin', 'security-admin', 'viewer'] : ['operator', 'auditor'];
  const local = (one) => one.name.split('@')[0];
  const at = (one) => `${base}${path`/${local(one)}`}`;
  const refresh = async () => people.update(await list(base));
  const showLink = (name, url) => secretDialog(t('users.created', { name }), t('users.link', { name }), url);
  const fields = (one) => [
    one ? null : { name: 'name', label: t('users.name'), hint: t('users.name.hint'), required: true },
    { name: 'display_name', label: t('users.display-name'), required: true, value: one?.display_name },
    { name: 'roles', label: t('users.roles'), type: 'choices', required: true, value: one?.roles ?? [roles[roles.length - 1]], options: roles.map((role) => ({ value: role, label: roleWord(role) })) },
    groups.length ? { name: 'groups', label: t('users.groups'), hint: t('users.groups.hint'), type: 'choices', value: one?.groups ?? [], options: groups.map((group) => ({ value: group.name, label: group.name })) } : null,
  ];
  const clean = (values) => ({ ...values, groups: values.groups?.length ? values.groups : undefined });
  const create = () => formDialog(t('users.create'), {
    fields: fields(), submit: t('add'),
    send: async (values) => {
      const made = await post(base, clean(values));
      await refresh();
      showLink(values.name, made.setup_url);
    },
  });
  const edit = (one) => formDialog(one.name, {
    fields: fields(one), submit: t('save'),
    send: async (values) => {
      // The version is what was looked at: a change of somebody else's meanwhile is not overwritten.
      await put(at(one), { ...clean(values), version: one.version });
      await refresh();
    },
  });
  const act = (one, what) => async () => {
    const made = await post(`${at(one)}/${what}`);
    await refresh();
    if (made?.setup_url) showLink(one.name, made.setup_url);
  };
  const erase = (one) => confirm(t('users.delete'), t('users.delete.text', { name: one.name }), t('delete'), async () => {
    await remove(at(one));
    await refresh();
  });
  const state = (one) => (one.state === 'disabled' ? 'disabled' : one.has_password ? 'active' : 'invited');
  const isSelf = (one) => one.name === account.name;
  const people = table({
    label: t('page.users'), key: (one) => one.name, items: users, empty: nothing(t('users.none')),
    search: (one) => [one.name, one.display_name, ...one.roles, ...one.roles.map(roleWord), ...(one.groups ?? [])].join(' '),
    columns: [
      { label: t('users.name'), sort: (one) => one.name, cell: (one) => one.name },
      { label: t('users.display-name'), sort: (one) => one.display_name ?? '', cell: (one) => said(one.display_name ?? '') },
      { label: t('users.roles'), sort: (one) => one.roles.join(), cell: (one) => h('span', { class: 'pills' }, one.roles.map((role) => pill(roleWord(role))), (one.groups ?? []).map((group) => pill(group, 'group'))) },
      { label: t('users.state'), sort: state, cell: (one) => pill(t(`users.${state(one)}`), { active: 'good', disabled: 'bad', invited: 'warn' }[state(one)]) },
      { label: t('users.factor'), sort: (one) => String(Boolean(one.has_second_factor)), cell: (one) => t(one.has_second_factor ? 'yes' : 'no') },
      { label: '', cell: (one) => h('div', { class: 'row-tools many' },
        account.can('changeUser') && !isSelf(one) ? button(t('edit'), () => edit(one), { 'aria-label': `${t('edit')}: ${one.name}` }) : null,
        account.can('listUserSessions') ? button(t('users.show-sessions'), () => showSessions(one, at(one), account), { 'aria-label': t('users.sessions', { name: one.name }) }) : null,
        one.passkeys && account.can('listUserPasskeys') ? button(t('users.show-passkeys'), () => showPasskeys(one, at(one), account, isSelf(one), refresh), { 'aria-label': t('users.passkeys', { name: one.name }) }) : null,
        account.can('listUserCertificates') ? button(t('users.show-certificates'), () => showCertificates(one, at(one), account), { 'aria-label': t('users.certificates', { name: one.name }) }) : null,
        account.can('listUserIdentities') ? button(t('users.show-identities'), () => showIdentities(one, at(one), account, isSelf(one)), { 'aria-label': t('users.identities', { name: one.name }) }) : null,
        account.can('resetPassword') && !isSelf(one) ? button(t('users.invite'), act(one, 'invite'), { 'aria-label': `${t('users.invite')}: ${one.name}` }) : null,
        isSelf(one) ? null : state(one) === 'disabled'
          ? account.can('enableUser') ? button(t('users.enable'), act(one, 'enable'), { 'aria-label': `${t('users.enable')}: ${one.name}` }) : null
          : account.can('disableUser') ? button(t('users.disable'), act(one, 'disable'), { 'aria-label': `${t('users.disable')}: ${one.name}` }) : null,
        account.can('deleteUser') && !isSelf(one) ? button(t('users.delete'), () => erase(one), { 'aria-label': `${t('users.delete')}: ${one.name}` }) : null) },
    ],
  });
  place.append(heading(t('page.users'), account.can('createUser') ? button(t('users.create'), create, { class: 'primary' }) : null), people);
}
