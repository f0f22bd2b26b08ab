import { h } from '../core/dom.js';
import { list, post } from '../core/api.js';
import { t, number } from '../core/words.js';
import { heading, table, pill, button, formDialog, notice, nothing } from '../core/parts.js';
import { tenantPage, invite, suspend, resume, isSuspended } from './tenant.js';

/** The tenants, as the provider sees them: from outside. */
export async function render(place, context) {
  const { account } = context;
  if (context.params[0]) {
    await tenantPage(place, context, context.params[0]);
    return;
  }
  const refresh = async () => {
    tenants.update(await list('/v1/tenants'));
    await context.reloadTenants();
  };
  const create = () => formDialog(t('tenants.create'), {
    fields: [{ name: 'name', label: t('tenants.name'), hint: t('form.names.hint'), required: true }],
    submit: t('add'),
    send: async (values) => {
      await post('/v1/tenants', values);
      notice(t('tenants.created', values));
      await refresh();
    },
  });
  const tenants = table({
    label: t('page.tenants'), key: (one) => one.name, items: await list('/v1/tenants'), search: (one) => one.name, empty: nothing(t('tenants.none')),
    columns: [
      { label: t('tenants.name'), sort: (one) => one.name, cell: (one) => h('a', { href: `#/provider/tenants/${encodeURIComponent(one.name)}` }, one.name) },
      { label: t('tenants.state'), sort: (one) => String(isSuspended(one)), cell: (one) => (isSuspended(one) ? pill(t('tenants.state.suspended'), 'bad') : pill(t('tenants.state.active'), 'good')) },
      { label: t('tenants.endpoints'), class: 'number', sort: (one) => one.endpoints, cell: (one) => number(one.endpoints) },
      { label: '', cell: (one) => h('div', { class: 'row-tools' },
        account.can('inviteFirstOwner') ? button(t('tenants.invite'), () => invite(one.name), { 'aria-label': `${t('tenants.invite')}: ${one.name}` }) : null,
        isSuspended(one)
          ? account.can('resumeTenant') ? button(t('tenants.resume'), () => resume(one.name, refresh), { 'aria-label': `${t('tenants.resume')}: ${one.name}` }) : null
          : account.can('suspendTenant') ? button(t('tenants.suspend'), () => suspend(one.name, refresh), { 'aria-label': `${t('tenants.suspend')}: ${one.name}` }) : null) },
    ],
  });
  place.append(heading(t('page.tenants'), account.can('createTenant') ? button(t('tenants.create'), create, { class: 'primary' }) : null), tenants);
}
