import { h } from '../core/dom.js';
import { list, post, remove, path } from '../core/api.js';
import { t, number, time } from '../core/words.js';
import { heading, table, pill, button, formDialog, confirm, secretDialog, nothing } from '../core/parts.js';

/** The machines with leaves. */
export async function render(place, context) {
  const { account } = context;
  const token = (invitation) => secretDialog(t('hosts.token.title', { name: invitation.name }), t('hosts.token.text', { time: time(invitation.expires_at) }), invitation.token);
  const refresh = async () => hosts.update(await list('/v1/hosts'));
  const create = () => formDialog(t('hosts.create'), {
    fields: [{ name: 'name', label: t('hosts.name'), hint: t('form.names.hint'), required: true }],
    submit: t('add'),
    send: async (values) => {
      const invitation = await post('/v1/hosts', values);
      await refresh();
      token(invitation);
    },
  });
  const erase = (host) => confirm(t('hosts.delete'), t('hosts.delete.text', { name: host.name }), t('delete'), async () => {
    await remove(path`/v1/hosts/${host.name}`);
    await refresh();
  });
  const state = (host) => (host.connected ? 'connected' : host.enrolled ? 'disconnected' : 'invited');
  const hosts = table({
    label: t('page.hosts'), key: (one) => one.name, items: await list('/v1/hosts'), empty: nothing(t('hosts.none')),
    search: (one) => [one.name, ...one.locators, one.version, one.engine, t(`hosts.${state(one)}`)].join(' '),
    columns: [
      { label: t('hosts.name'), sort: (one) => one.name, cell: (one) => one.name },
      { label: t('endpoint.state'), sort: state, cell: (one) => pill(t(`hosts.${state(one)}`), { connected: 'good', disconnected: 'bad', invited: 'warn' }[state(one)]) },
      { label: t('hosts.endpoints'), class: 'number', sort: (one) => one.endpoints, cell: (one) => number(one.endpoints) },
      { label: t('hosts.address'), class: 'mono', cell: (one) => one.locators.join(', ') || '–' },
      { label: t('hosts.engine'), cell: (one) => h('span', { class: 'small' }, one.engine ?? '–') },
      { label: t('hosts.version'), sort: (one) => one.version ?? '', cell: (one) => one.version ?? '–' },
      { label: '', cell: (one) => h('div', { class: 'row-tools' },
        account.can('renewToken') && !one.connected ? button(t('hosts.token'), async () => token(await post(path`/v1/hosts/${one.name}/token`)), { 'aria-label': `${t('hosts.token')}: ${one.name}` }) : null,
        account.can('deleteHost') ? button(t('delete'), () => erase(one), { 'aria-label': `${t('delete')}: ${one.name}` }) : null) },
    ],
  });
  place.append(heading(t('page.hosts'), account.can('createHost') ? button(t('hosts.create'), create, { class: 'primary' }) : null), hosts);
  const timer = setInterval(() => { if (!document.hidden) refresh().catch(() => {}); }, 10000);
  return () => clearInterval(timer);
}
