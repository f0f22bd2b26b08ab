import { h } from '../core/dom.js';
import { get, list, post, remove, path } from '../core/api.js';
import { t, number } from '../core/words.js';
import { heading, table, button, formDialog, confirm, notice, nothing } from '../core/parts.js';

/** A tenant's networks: segments of their own, each with a range of addresses. */
export async function render(place, context) {
  const { account, tenant } = context;
  const base = path`/v1/tenants/${tenant}/vnets`;
  async function read() {
    const [vnets, summary] = await Promise.all([list(base), get(path`/v1/tenants/${tenant}/summary`, { by: 'vnet' })]);
    const counts = new Map(summary.items.map((one) => [one.name, one]));
    return vnets.map((one) => ({ ...one, endpoints: counts.get(one.name)?.endpoints ?? 0, running: counts.get(one.name)?.running ?? 0 }));
  }
  const refresh = async () => vnets.update(await read());
  const create = () => formDialog(t('vnets.create'), {
    fields: [
      { name: 'name', label: t('vnets.name'), hint: t('form.names.hint'), required: true },
      { name: 'ipv4_prefix', label: t('vnets.prefix'), hint: t('vnets.prefix.hint'), required: true, placeholder: '10.0.0.0/24' },
    ],
    submit: t('add'),
    send: async (values) => {
      await post(base, values);
      notice(t('vnets.created', values));
      await refresh();
    },
  });
  const erase = (one) => confirm(t('vnets.delete'), t('vnets.delete.text', one), t('delete'), async () => {
    await remove(`${base}${path`/${one.name}`}`);
    notice(t('vnets.deleted', one));
    await refresh();
  });
  const vnets = table({
    label: t('page.vnets'), key: (one) => one.name, items: await read(), search: (one) => `${one.name} ${one.ipv4_prefix} ${one.id}`, empty: nothing(t('vnets.none')),
    columns: [
      { label: t('vnets.name'), sort: (one) => one.name, cell: (one) => one.name },
      { label: t('vnets.prefix'), class: 'mono', sort: (one) => one.ipv4_prefix, cell: (one) => one.ipv4_prefix },
      { label: t('dashboard.endpoints'), class: 'number', sort: (one) => one.endpoints, cell: (one) => number(one.endpoints) },
      { label: t('state.running'), class: 'number', sort: (one) => one.running, cell: (one) => number(one.running) },
      { label: t('vnets.id'), class: 'mono small', cell: (one) => one.id },
      { label: '', cell: (one) => h('div', { class: 'row-tools' },
        // One with endpoints stays: the API would refuse it, and why is seen beside it.
        account.can('deleteVNet') && one.endpoints === 0 ? button(t('delete'), () => erase(one), { 'aria-label': `${t('delete')}: ${one.name}` }) : null) },
    ],
  });
  place.append(heading(t('page.vnets'), account.can('createVNet') ? button(t('vnets.create'), create, { class: 'primary' }) : null), h('p', { class: 'quiet' }, t('vnets.lead')), vnets);
}
