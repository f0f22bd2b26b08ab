import { h, said } from '../core/dom.js';
import { get, post, remove, path, getIfAny, listIfAny } from '../core/api.js';
import { t, time, ago, number } from '../core/words.js';
import { heading, table, pill, facts, button, formDialog, confirm, notice, nothing } from '../core/parts.js';

const words = (text) => (text ?? '').split(/[\s,]+/).filter(Boolean);

/** Endpoints, and one of them in detail. */
export async function render(place, context) {
  return context.params[0] ? one(place, context, context.params[0]) : all(place, context);
}

async function all(place, context) {
  const { account, tenant } = context;
  const base = path`/v1/tenants/${tenant}`;
  const network = await context.network();
  const hash = (name) => `#/t/${encodeURIComponent(tenant)}/endpoints/${encodeURIComponent(name)}`;

  async function create() {
    const [vnets, hosts] = await Promise.all([listIfAny(`${base}/vnets`), listIfAny('/v1/hosts')]);
    const known = [...new Set([...(hosts ?? []).map((host) => host.name), ...[...network.endpoints.values()].map((endpoint) => endpoint.host)])].sort();
    formDialog(t('endpoint.create'), {
      fields: [
        { name: 'name', label: t('endpoint.name'), hint: t('form.names.hint'), required: true },
        { name: 'vnet', label: t('endpoint.vnet'), type: 'select', options: (vnets ?? []).map((vnet) => ({ value: vnet.name, label: `${vnet.name} (${vnet.ipv4_prefix})` })), required: true },
        { name: 'host', label: t('endpoint.host'), required: true, suggestions: known },
        { name: 'kind', label: t('endpoint.kind'), type: 'select', options: ['namespace', 'tap'].map((kind) => ({ value: kind, label: t(`endpoint.kind.${kind}`) })) },
        network.groups.length ? { name: 'groups', label: t('endpoint.groups'), type: 'choices', options: network.groups.map((group) => ({ value: group.name, label: group.name })) } : null,
        { name: 'ipv4', label: t('endpoint.ipv4'), hint: t('endpoint.ipv4.hint') },
        { name: 'labels', label: t('endpoint.labels'), hint: t('endpoint.labels.hint') },
        { name: 'level', label: t('endpoint.level'), type: 'number', min: 0, max: 255 },
      ],
      submit: t('add'),
      send: async (values) => {
        await post(`${base}/endpoints`, { ...values, labels: values.labels ? words(values.labels) : undefined });
        notice(t('endpoint.created', { name: values.name }));
        await network.hurry();
      },
    });
  }

  // Of many the controller is asked for a part; then what is looked for is in their names.
  const isLong = () => !network.isWhole;
  const choose = isLong() ? choices(network, () => list.again()) : null;
  const list = table({
    label: t('page.endpoints'), key: (one) => one.name, items: [...network.endpoints.values()], tools: choose?.element,
    ask: choose ? (letters, cursor) => get(`${base}/endpoints`, { ...choose.value(), search: letters, limit: 200, cursor }) : undefined, total: () => network.count,
    search: (one) => [one.name, one.ipv4, one.identity, one.host, one.vnet, one.state, t(`state.${one.state}`), ...one.groups, ...one.labels].join(' '),
    empty: nothing(t('endpoint.none')),
    columns: [
      { label: t('endpoint.name'), sort: (one) => one.name, cell: (one) => h('a', { href: hash(one.name) }, one.name) },
      { label: t('endpoint.state'), sort: (one) => one.state, cell: (one) => pill(t(`state.${one.state}`), one.state) },
      { label: t('endpoint.ipv4'), class: 'mono', sort: (one) => one.ipv4, cell: (one) => one.ipv4 },
      { label: t('endpoint.groups'), sort: (one) => one.groups.join(), cell: (one) => h('span', { class: 'pills' }, one.groups.map((group) => pill(group, 'group')), one.labels.map((label) => pill(label, 'label'))) },
      { label: t('endpoint.host'), sort: (one) => one.host, cell: (one) => one.host },
      { label: t('endpoint.level'), class: 'number', sort: (one) => one.level, cell: (one) => number(one.level) },
      { label: t('endpoint.identity'), class: 'mono small', sort: (one) => one.identity, cell: (one) => one.identity },
    ],
  });
  place.append(heading(t('page.endpoints'), account.can('createEndpoint') ? button(t('endpoint.create'), create, { class: 'primary' }) : null), list);
  const changed = ({ detail }) => { if (detail === 'rest') { if (choose) list.again(); else list.update([...network.endpoints.values()]); } };
  network.addEventListener('changed', changed);
  return () => network.removeEventListener('changed', changed);
}

/** By what a long list can be narrowed, besides the name. */
function choices(network, change) {
  const pick = (key, label, options) => {
    const field = h('select', { 'aria-label': label, data: { choice: key }, onchange: change }, h('option', { value: '' }, `${label}: ${t('any')}`), options.map(([value, word]) => h('option', { value }, word)));
    return [key, field];
  };
  const fields = [
    pick('group', t('endpoint.groups'), network.groups.map((one) => [one.name, `${one.name} (${number(one.count)})`])),
    pick('state', t('endpoint.state'), ['running', 'waiting', 'moving', 'failed'].map((one) => [one, t(`state.${one}`)])),
  ];
  return { element: fields.map(([, field]) => field), value: () => Object.fromEntries(fields.map(([key, field]) => [key, field.value])) };
}

async function one(place, context, name) {
  const { account, tenant } = context;
  const base = path`/v1/tenants/${tenant}/endpoints/${name}`;
  const [endpoint, certificate] = await Promise.all([get(base), account.can('showCertificate') ? getIfAny(`${base}/certificate`) : null]);
  const page = `#/t/${encodeURIComponent(tenant)}`;

  async function move() {
    const hosts = await listIfAny('/v1/hosts');
    formDialog(t('endpoint.move'), {
      fields: [{ name: 'host', label: t('endpoint.host'), required: true, suggestions: (hosts ?? []).map((host) => host.name) }],
      submit: t('endpoint.move'),
      send: async ({ host }) => {
        await post(`${base}/move`, { host });
        notice(t('endpoint.moved', { name, host }));
        context.reload();
      },
    }, { intro: t('endpoint.move.text') });
  }
  const labels = () => formDialog(t('endpoint.labels.title'), {
    fields: [{ name: 'set', label: t('endpoint.labels.set'), hint: t('endpoint.labels.hint') }, { name: 'remove', label: t('endpoint.labels.remove') }],
    submit: t('save'),
    send: async (values) => {
      await post(`${base}/labels`, { set: words(values.set), remove: words(values.remove) });
      context.reload();
    },
  });
  const level = () => formDialog(t('endpoint.level.title'), {
    fields: [{ name: 'level', label: t('endpoint.level'), type: 'number', min: 0, max: 255, value: endpoint.level, required: true }],
    submit: t('save'),
    send: async (values) => {
      await post(`${base}/level`, values);
      context.reload();
    },
  });
  const erase = () => confirm(t('endpoint.delete'), t('endpoint.delete.text', { name }), t('delete'), async () => {
    await remove(base);
    notice(t('endpoint.deleted', { name }));
    location.hash = `${page}/endpoints`;
  });

  place.append(
    heading(name,
      account.can('moveEndpoint') ? button(t('endpoint.move'), move) : null,
      account.can('changeLabels') ? button(t('endpoint.labels.title'), labels) : null,
      account.can('changeLevel') ? button(t('endpoint.level.title'), level) : null,
      account.can('deleteEndpoint') ? button(t('delete'), erase, { class: 'danger' }) : null),
    h('div', { class: 'split' },
      h('section', { class: 'card stack' }, h('h2', {}, t('endpoint.subject')), h('p', { class: 'quiet' }, t('endpoint.identity.text')),
        facts([
          [t('endpoint.identity'), endpoint.identity, 'mono'], [t('endpoint.state'), pill(t(`state.${endpoint.state}`), endpoint.state)],
          endpoint.detail ? [t('endpoint.detail'), said(endpoint.detail)] : null, [t('endpoint.ipv4'), endpoint.ipv4, 'mono'], [t('endpoint.vnet'), endpoint.vnet],
          [t('endpoint.groups'), endpoint.groups.length ? h('span', { class: 'pills' }, endpoint.groups.map((group) => pill(group))) : '–'],
          [t('endpoint.labels'), endpoint.labels.length ? h('span', { class: 'pills' }, endpoint.labels.map((label) => pill(label))) : '–'],
          [t('endpoint.level'), number(endpoint.level)], endpoint.networks?.length ? [t('endpoint.networks'), endpoint.networks.join(', '), 'mono'] : null,
          [t('endpoint.host'), endpoint.host], [t('endpoint.kind'), t(`endpoint.kind.${endpoint.kind}`)], [t('endpoint.attachment'), endpoint.attachment, 'mono'],
          [t('endpoint.locator'), endpoint.locator, 'mono'], [t('endpoint.epoch'), number(endpoint.epoch)], [t('endpoint.record'), endpoint.record_expires_at ? `${ago(endpoint.record_expires_at)} (${time(endpoint.record_expires_at)})` : '–'],
        ])),
      h('section', { class: 'card stack' }, h('h2', {}, t('endpoint.certificate')), certificate ? [
        facts([
          [t('endpoint.expires'), `${ago(certificate.expires_at)} (${time(certificate.expires_at)})`], [t('endpoint.groups'), certificate.groups.join(', ') || '–'],
          [t('endpoint.serial'), certificate.serial, 'mono'], [t('endpoint.key'), certificate.key_hash, 'mono'],
        ]),
        h('details', {}, h('summary', {}, t('endpoint.pem')), h('pre', { tabindex: '0' }, certificate.certificate)),
      ] : nothing('–'))));
  return undefined;
}
