import { h, show, said } from '../core/dom.js';
import { get, getIfAny, list, listIfAny, post, remove, path } from '../core/api.js';
import { t, time, ago, number, kindWord } from '../core/words.js';
import { heading, table, pill, facts, button, form, formDialog, confirm, notice, secretDialog } from '../core/parts.js';
import { quotaView, changeQuota } from '../core/quota.js';
import { askForAccess, requestsOf, requestTable } from './requests.js';

export const isSuspended = (one) => one.state === 'suspended';

export const suspend = (name, done) => confirm(t('tenants.suspend'), t('tenants.suspend.text', { name }), t('tenants.suspend'), async (values) => {
  await post(path`/v1/tenants/${name}/suspend`, values);
  notice(t('tenants.suspended', { name }));
  await done();
}, [{ name: 'reason', label: t('access.reason'), hint: t('tenants.reason.hint'), required: true, maxlength: 200 }]);

export async function resume(name, done) {
  await post(path`/v1/tenants/${name}/resume`);
  notice(t('tenants.resumed', { name }));
  await done();
}

export const invite = (name) => formDialog(t('tenants.invite'), {
  fields: [
    { name: 'name', label: t('users.name'), hint: t('users.name.hint'), required: true },
    { name: 'display_name', label: t('users.display-name'), required: true },
  ],
  submit: t('add'),
  send: async (values) => {
    const made = await post(path`/v1/tenants/${name}/first-owner`, values);
    secretDialog(t('users.created', { name: values.name }), t('users.link', { name: values.name }), made.setup_url);
  },
});

/** One tenant, as the provider has it: from outside. */
export async function tenantPage(place, context, name) {
  const { account } = context;
  const base = path`/v1/tenants/${name}`;
  const [about, quota, asked] = await Promise.all([
    get(base), account.can('showQuota') ? getIfAny(`${base}/quota`) : null, account.can('listAccessGrants') ? listIfAny(requestsOf(name)) : null,
  ]);
  const again = async () => {
    await context.reloadTenants();
    await context.reload();
  };
  const limits = h('div', {});
  const drawQuota = (items) => show(limits, quotaView(items), account.can('changeQuota') ? h('div', { class: 'buttons' }, button(t('tenants.quota.change'), () => changeQuota(name, items, (answer) => drawQuota(answer.items)))) : null);
  if (quota) drawQuota(quota.items);
  const link = (page, word) => h('a', { class: 'button', href: `#/t/${encodeURIComponent(name)}/${page}` }, word);
  place.append(...[
    heading(name, link('dashboard', t('tenants.inside')), account.can('showUsage') ? link('usage', t('page.usage')) : null,
      account.can('inviteFirstOwner') ? button(t('tenants.invite'), () => invite(name)) : null),
    isSuspended(about) ? h('p', { class: 'card', role: 'status' }, pill(t('tenants.state.suspended'), 'bad'), ' ', t('tenants.since', { time: time(about.suspended_at) }), ' ', said(about.suspension_reason)) : null,
    h('div', { class: 'split' },
      h('section', { class: 'card stack' }, h('h2', {}, t('tenants.about')), facts([
        [t('tenants.state'), isSuspended(about) ? pill(t('tenants.state.suspended'), 'bad') : pill(t('tenants.state.active'), 'good')],
        [t('tenants.endpoints'), number(about.endpoints)], [t('tenants.created-at'), time(about.created_at)],
        [t('tenants.certificate'), `${ago(about.certificate_expires_at)} (${time(about.certificate_expires_at)})`], [t('tenants.id'), about.id, 'mono small'],
      ])),
      quota ? h('section', { class: 'card stack', id: 'tenant-quota' }, h('h2', {}, t('dashboard.quota')), limits) : null),
    asked ? requests(name, account, asked) : null,
    account.can('suspendTenant') || account.can('resumeTenant') ? h('section', { class: 'card stack gap-above' }, h('h2', {}, t('tenants.suspension')), h('p', {}, t('tenants.suspension.text')),
      h('div', {}, isSuspended(about) ? button(t('tenants.resume'), () => resume(name, again), { class: 'primary' }) : button(t('tenants.suspend'), () => suspend(name, again), { class: 'danger' }))) : null,
    account.can('previewTenantDeletion') ? deletion(name, base, account, context) : null,
  ].filter(Boolean));
}

/** What the provider's people have asked the tenant for, what became of it, and the way to ask. */
function requests(name, account, asked) {
  const refresh = async () => rows.update(await list(requestsOf(name)));
  const rows = requestTable({ tenant: name, account, items: asked, done: refresh });
  return h('section', { class: 'card stack gap-above', id: 'tenant-requests' }, h('h2', {}, t('requests.title')), h('p', {}, t('requests.lead')),
    account.can('requestAccess') ? h('div', {}, button(t('requests.ask'), () => askForAccess(name, refresh))) : null, rows);
}

/** What would go, first; then just that, and nothing that came since. */
function deletion(name, base, account, context) {
  const place = h('div', { class: 'stack' });
  async function look() {
    const preview = await get(`${base}/deletion`);
    const parts = preview.items.filter((one) => one.count);
    show(place,
      table({
        label: t('tenants.goes'), key: (one) => one.kind, items: parts,
        columns: [
          { label: t('tenants.goes.kind'), sort: (one) => kindWord(one.kind), cell: (one) => kindWord(one.kind) },
          { label: t('tenants.goes.count'), class: 'number', sort: (one) => one.count, cell: (one) => number(one.count) },
          { label: t('tenants.goes.names'), cell: (one) => h('span', { class: 'names' }, said(one.names.join(', ')), one.count > one.names.length ? t('tenants.goes.more', { count: one.count - one.names.length }) : '') },
        ],
      }),
      account.can('deleteTenant') ? confirmation(preview) : null);
    place.querySelector('.table-scroll')?.focus();
  }
  function confirmation(preview) {
    const fields = form({
      fields: [{ name: 'name', label: t('tenants.delete.name'), required: true }],
      submit: t('tenants.delete'), danger: true,
      send: async (values) => {
        if (values.name !== name) {
          fields.complain('name', t('tenants.differs'));
          return;
        }
        await remove(base, { query: { confirm: preview.confirmation } });
        notice(t('tenants.deleted', { name }));
        await context.reloadTenants();
        location.hash = '#/provider/tenants';
      },
    });
    return h('div', {}, h('p', {}, t('tenants.delete.text', { name })), fields);
  }
  return h('section', { class: 'card stack gap-above', id: 'tenant-deletion' }, h('h2', {}, t('tenants.delete')), h('p', {}, t('tenants.delete.lead')),
    h('div', {}, button(t('tenants.preview'), look)), place);
}
