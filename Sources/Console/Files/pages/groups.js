import { h, show } from '../core/dom.js';
import { post, put, remove, path } from '../core/api.js';
import { t } from '../core/words.js';
import { heading, button, formDialog, confirm, notice, nothing } from '../core/parts.js';

/** Groups and who is in them. */
export async function render(place, context) {
  const { account, tenant } = context;
  const base = path`/v1/tenants/${tenant}/groups`;
  const network = await context.network();
  const cards = h('div', { class: 'cards' });
  let print = '';

  const create = () => formDialog(t('groups.create'), {
    fields: [{ name: 'name', label: t('groups.name'), hint: t('form.names.hint'), required: true }],
    submit: t('add'),
    send: async (values) => {
      await post(base, values);
      notice(t('groups.created', values));
      await network.hurry();
    },
  });
  const add = (group) => formDialog(`${t('groups.add')}: ${group.name}`, {
    fields: [{ name: 'endpoint', label: t('endpoint'), required: true, suggestions: [...network.endpoints.keys()].filter((name) => !group.members.includes(name)).slice(0, 2000) }],
    submit: t('add'),
    send: async ({ endpoint }) => {
      await put(`${base}${path`/${group.name}/members/${endpoint}`}`);
      await network.hurry();
    },
  });
  const erase = (group) => confirm(t('groups.delete'), t('groups.delete.text', { name: group.name }), t('delete'), async () => {
    await remove(`${base}${path`/${group.name}`}`);
    await network.hurry();
  });
  const takeOut = async (group, name) => {
    await remove(`${base}${path`/${group.name}/members/${name}`}`);
    await network.hurry();
  };

  function draw() {
    const next = JSON.stringify(network.groups);
    if (next === print) return;
    print = next;
    show(cards, network.groups.map((group) => h('section', { class: 'card stack', data: { group: group.name } },
      h('h2', {}, group.name), h('p', { class: 'quiet' }, t('groups.members', { count: group.member_count })),
      h('ul', { class: 'pills' }, group.members.map((name) => h('li', { class: 'pill' },
        h('a', { href: `#/t/${encodeURIComponent(tenant)}/endpoints/${encodeURIComponent(name)}` }, name),
        account.can('removeMember') ? button('✕', () => takeOut(group, name), { class: 'bare', 'aria-label': t('groups.remove', { name, group: group.name }) }) : null)),
      group.member_count > group.members.length ? h('li', { class: 'pill' }, '…') : null),
      account.can('addMember') || account.can('deleteGroup') ? h('div', { class: 'buttons' },
        account.can('addMember') ? button(t('groups.add'), () => add(group), { 'aria-label': `${t('groups.add')}: ${group.name}` }) : null,
        account.can('deleteGroup') ? button(t('delete'), () => erase(group), { class: 'danger', 'aria-label': `${t('delete')}: ${group.name}` }) : null) : null)));
    if (!network.groups.length) show(cards, h('div', { class: 'span' }, nothing(t('groups.none'))));
  }
  place.append(heading(t('page.groups'), account.can('createGroup') ? button(t('groups.create'), create, { class: 'primary' }) : null), cards);
  draw();
  network.addEventListener('changed', draw);
  return () => network.removeEventListener('changed', draw);
}
