import { h } from '../core/dom.js';
import { list, post, remove, path, getIfAny } from '../core/api.js';
import { t, number } from '../core/words.js';
import { heading, table, pill, button, formDialog, confirm, notice, secretDialog, nothing, facts } from '../core/parts.js';

/** The tenants, as the provider sees them: from outside. */
export async function render(place, context) {
  const { account } = context;
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
  const erase = async (tenant) => {
    // What would be destroyed is listed first.
    const preview = await getIfAny(path`/v1/tenants/${tenant.name}/deletion`);
    const counts = Object.entries(preview ?? { endpoints: tenant.endpoints }).filter(([, value]) => typeof value === 'number');
    const element = formDialog(t('tenants.delete'), {
      fields: [{ name: 'name', label: t('tenants.delete.name'), required: true }],
      submit: t('delete'), danger: true, extra: facts(counts.map(([name, value]) => [name.replaceAll('_', ' '), number(value)])),
      send: async ({ name }) => {
        if (name !== tenant.name) {
          element.querySelector('form').complain('name', t('tenants.differs'));
          return false;
        }
        await remove(path`/v1/tenants/${tenant.name}`);
        await refresh();
        return true;
      },
    }, { intro: t('tenants.delete.text', { name: tenant.name }) });
  };
  const suspend = (tenant) => confirm(t('tenants.suspend'), t('tenants.suspend.text', { name: tenant.name }), t('tenants.suspend'), async () => {
    await post(path`/v1/tenants/${tenant.name}/suspend`);
    notice(t('tenants.suspended', { name: tenant.name }));
    await refresh();
  });
  const resume = async (tenant) => {
    await post(path`/v1/tenants/${tenant.name}/resume`);
    notice(t('tenants.resumed', { name: tenant.name }));
    await refresh();
  };
  const invite = (tenant) => formDialog(t('tenants.invite'), {
    fields: [
      { name: 'name', label: t('users.name'), hint: t('users.name.hint'), required: true },
      { name: 'display_name', label: t('users.display-name'), required: true },
    ],
    submit: t('add'),
    send: async (values) => {
      const made = await post(path`/v1/tenants/${tenant.name}/first-owner`, values);
      secretDialog(t('users.created', { name: values.name }), t('users.link', { name: values.name }), made.setup_url);
    },
  });
  const isSuspended = (one) => Boolean(one.suspended) || one.state === 'suspended';
  const tenants = table({
    label: t('page.tenants'), key: (one) => one.name, items: await list('/v1/tenants'), search: (one) => one.name, empty: nothing(t('tenants.none')),
    columns: [
      { label: t('tenants.name'), sort: (one) => one.name, cell: (one) => h('a', { href: `#/t/${encodeURIComponent(one.name)}/dashboard` }, one.name) },
      { label: t('tenants.state'), sort: (one) => String(isSuspended(one)), cell: (one) => (isSuspended(one) ? pill(t('tenants.state.suspended'), 'bad') : pill(t('tenants.state.active'), 'good')) },
      { label: t('tenants.endpoints'), class: 'number', sort: (one) => one.endpoints, cell: (one) => number(one.endpoints) },
      { label: '', cell: (one) => h('div', { class: 'row-tools' },
        account.can('inviteFirstOwner') ? button(t('tenants.invite'), () => invite(one), { 'aria-label': `${t('tenants.invite')}: ${one.name}` }) : null,
        isSuspended(one)
          ? account.can('resumeTenant') ? button(t('tenants.resume'), () => resume(one), { 'aria-label': `${t('tenants.resume')}: ${one.name}` }) : null
          : account.can('suspendTenant') ? button(t('tenants.suspend'), () => suspend(one), { 'aria-label': `${t('tenants.suspend')}: ${one.name}` }) : null,
        account.can('deleteTenant') ? button(t('delete'), () => erase(one), { 'aria-label': `${t('delete')}: ${one.name}` }) : null) },
    ],
  });
  place.append(heading(t('page.tenants'), account.can('createTenant') ? button(t('tenants.create'), create, { class: 'primary' }) : null), tenants);
}
