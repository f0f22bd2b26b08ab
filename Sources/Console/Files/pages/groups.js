import { h, show } from '../core/dom.js';
import { list, post, put, remove, path } from '../core/api.js';
import { t } from '../core/words.js';
import { heading, button, formDialog, confirm, notice, nothing } from '../core/parts.js';

/** Groups and who is in them. */
export async function render(place, context) {
  const { account, tenant } = context;
  const base = path`/v1/tenants/${tenant}/groups`;
  const network = await context.network();
  const cards = h('div', { class: 'cards' });
  let print = '';
  let wanted = '';
  // Each has the names of its first members, and how many there are.
  let groups = await list(base);
  const refresh = async () => {
    await network.refresh();
    groups = await list(base);
    draw();
  };

  const create = () => formDialog(t('groups.create'), {
    fields: [{ name: 'name', label: t('groups.name'), hint: t('form.names.hint'), required: true }],
    submit: t('add'),
    send: async (values) => {
      await post(base, values);
      notice(t('groups.created', values));
      await refresh();
    },
  });
  const add = (group) => formDialog(`${t('groups.add')}: ${group.name}`, {
    fields: [{ name: 'endpoint', label: t('endpoint'), required: true, suggestions: [...network.endpoints.keys()].filter((name) => !group.members.includes(name)).slice(0, 2000) }],
    submit: t('add'),
    send: async ({ endpoint }) => {
      await put(`${base}${path`/${group.name}/members/${endpoint}`}`);
      await refresh();
    },
  });
  const erase = (group) => confirm(t('groups.delete'), t('groups.delete.text', { name: group.name }), t('delete'), async () => {
    await remove(`${base}${path`/${group.name}`}`);
    await refresh();
  });
  const takeOut = async (group, name) => {
    await remove(`${base}${path`/${group.name}/members/${name}`}`);
    await refresh();
  };

  function draw() {
    const next = JSON.stringify([groups, wanted]);
    if (next === print) return;
    print = next;
    const shown = groups.filter((one) => one.name.includes(wanted));
    found.textContent = wanted ? t('table.found', { count: shown.length, all: groups.length }) : '';
    show(cards, shown.slice(0, 200).map((group) => h('section', { class: 'card stack', data: { group: group.name } },
      h('h2', {}, group.name), h('p', { class: 'quiet' }, t('groups.members', { count: group.member_count })),
      h('ul', { class: 'pills' }, group.members.map((name) => h('li', { class: 'pill' },
        h('a', { href: `#/t/${encodeURIComponent(tenant)}/endpoints/${encodeURIComponent(name)}` }, name),
        account.can('removeMember') ? button('✕', () => takeOut(group, name), { class: 'bare', 'aria-label': t('groups.remove', { name, group: group.name }) }) : null)),
      group.member_count > group.members.length ? h('li', {}, h('a', { class: 'pill', href: `#/t/${encodeURIComponent(tenant)}/endpoints` }, t('groups.others', { count: group.member_count - group.members.length }))) : null),
      account.can('addMember') || account.can('deleteGroup') ? h('div', { class: 'buttons' },
        account.can('addMember') ? button(t('groups.add'), () => add(group), { 'aria-label': `${t('groups.add')}: ${group.name}` }) : null,
        account.can('deleteGroup') ? button(t('delete'), () => erase(group), { class: 'danger', 'aria-label': `${t('delete')}: ${group.name}` }) : null) : null)));
    if (!shown.length) show(cards, h('div', { class: 'span' }, nothing(t(groups.length ? 'table.nothing-found' : 'groups.none'))));
    else if (shown.length > 200) cards.append(h('p', { class: 'span quiet' }, t('groups.more', { count: shown.length - 200 })));
  }
  const found = h('p', { class: 'count', role: 'status' });
  const search = groups.length > 12 ? h('div', { class: 'table-tools' }, h('input', {
    type: 'search', placeholder: t('search'), 'aria-label': `${t('search')}: ${t('page.groups')}`, spellcheck: 'false',
    oninput: (event) => { wanted = event.target.value.trim().toLowerCase(); draw(); },
  }), found) : null;
  place.append(heading(t('page.groups'), account.can('createGroup') ? button(t('groups.create'), create, { class: 'primary' }) : null), ...[search, cards].filter(Boolean));
  draw();
  const changed = ({ detail }) => { if (detail === 'rest') list(base).then((fresh) => { groups = fresh; draw(); }).catch(() => {}); };
  network.addEventListener('changed', changed);
  return () => network.removeEventListener('changed', changed);
}
