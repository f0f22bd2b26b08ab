import { h } from '../core/dom.js';
import { get, list, post, put, remove, path } from '../core/api.js';
import { t, number, kindWord } from '../core/words.js';
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
    // What would be destroyed is listed first; only just that is then deleted.
    const preview = await get(path`/v1/tenants/${tenant.name}/deletion`);
    const element = formDialog(t('tenants.delete'), {
      fields: [{ name: 'name', label: t('tenants.delete.name'), required: true }],
      submit: t('delete'), danger: true,
      extra: facts(preview.items.filter((one) => one.count).map((one) => [kindWord(one.kind), `${number(one.count)}: ${one.names.join(', ')}${one.count > one.names.length ? ' …' : ''}`])),
      send: async ({ name }) => {
        if (name !== tenant.name) {
          element.querySelector('form').complain('name', t('tenants.differs'));
          return false;
        }
        await remove(path`/v1/tenants/${tenant.name}`, { query: { confirm: preview.confirmation } });
        await refresh();
        return true;
      },
    }, { intro: t('tenants.delete.text', { name: tenant.name }) });
  };
  const suspend = (tenant) => confirm(t('tenants.suspend'), t('tenants.suspend.text', { name: tenant.name }), t('tenants.suspend'), async (values) => {
    await post(path`/v1/tenants/${tenant.name}/suspend`, values);
    notice(t('tenants.suspended', { name: tenant.name }));
    await refresh();
  }, [{ name: 'reason', label: t('access.reason'), hint: t('tenants.reason.hint'), required: true, maxlength: 200 }]);
  const quota = async (tenant) => {
    const where = path`/v1/tenants/${tenant.name}/quota`;
    const { items } = await get(where);
    formDialog(`${t('dashboard.quota')}: ${tenant.name}`, {
      fields: items.map((one) => ({ name: one.kind, label: kindWord(one.kind), hint: t('tenants.quota.used', { used: one.used }), type: 'number', min: 0, value: one.limit ?? '' })),
      submit: t('save'),
      send: (values) => put(where, values),
    }, { intro: t('tenants.quota.text') });
  };
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
  const isSuspended = (one) => one.state === 'suspended';
  const tenants = table({
    label: t('page.tenants'), key: (one) => one.name, items: await list('/v1/tenants'), search: (one) => one.name, empty: nothing(t('tenants.none')),
    columns: [
      { label: t('tenants.name'), sort: (one) => one.name, cell: (one) => h('a', { href: `#/t/${encodeURIComponent(one.name)}/dashboard` }, one.name) },
      { label: t('tenants.state'), sort: (one) => String(isSuspended(one)), cell: (one) => (isSuspended(one) ? pill(t('tenants.state.suspended'), 'bad') : pill(t('tenants.state.active'), 'good')) },
      { label: t('tenants.endpoints'), class: 'number', sort: (one) => one.endpoints, cell: (one) => number(one.endpoints) },
      { label: '', cell: (one) => h('div', { class: 'row-tools' },
        account.can('inviteFirstOwner') ? button(t('tenants.invite'), () => invite(one), { 'aria-label': `${t('tenants.invite')}: ${one.name}` }) : null,
        account.can('changeQuota') ? button(t('dashboard.quota'), () => quota(one), { 'aria-label': `${t('dashboard.quota')}: ${one.name}` }) : null,
        isSuspended(one)
          ? account.can('resumeTenant') ? button(t('tenants.resume'), () => resume(one), { 'aria-label': `${t('tenants.resume')}: ${one.name}` }) : null
          : account.can('suspendTenant') ? button(t('tenants.suspend'), () => suspend(one), { 'aria-label': `${t('tenants.suspend')}: ${one.name}` }) : null,
        account.can('deleteTenant') ? button(t('delete'), () => erase(one), { 'aria-label': `${t('delete')}: ${one.name}` }) : null) },
    ],
  });
  place.append(heading(t('page.tenants'), account.can('createTenant') ? button(t('tenants.create'), create, { class: 'primary' }) : null), tenants);
}
