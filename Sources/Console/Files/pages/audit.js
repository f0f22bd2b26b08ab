import { h, show, said, visible } from '../core/dom.js';
import { get, getIfAny, call, path } from '../core/api.js';
import { t, time, hasWord } from '../core/words.js';
import { heading, form, pill, button, nothing } from '../core/parts.js';
import { saveFile } from '../core/files.js';

/** What was done and refused: of a tenant, or of the platform. */
export async function render(place, context) {
  const { account, tenant } = context;
  const base = tenant ? path`/v1/tenants/${tenant}/audit` : '/v1/audit';
  const first = await getIfAny(base, { limit: 100 });
  if (!first) {
    place.append(heading(t('page.audit')), nothing(t('audit.unavailable')));
    return;
  }
  let filter = {};
  let before = null;
  const body = h('tbody', {});
  const none = h('div', { hidden: true }, nothing(t('audit.none')));
  const columns = ['time', 'actor', 'action', 'target', 'outcome', 'from', 'detail'];
  const view = h('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': t('page.audit') }, h('table', { 'aria-label': t('page.audit') },
    h('thead', {}, h('tr', {}, columns.map((one) => h('th', { scope: 'col' }, t(`audit.${one}`))))), body));
  const more = button(t('audit.more'), async () => { take(await get(base, { ...filter, before, limit: 100 })); });

  const who = (actor) => actor.name ?? (hasWord(`audit.actor.${actor.kind}`) ? t(`audit.actor.${actor.kind}`) : actor.kind);
  function row(one) {
    const { outcome } = one;
    const details = Object.fromEntries(Object.entries({ before: one.before, after: one.after, reason: one.reason, note: one.note, grant: one.grant }).filter(([, value]) => value !== undefined && value !== null));
    return h('tr', {}, h('th', { scope: 'row' }, time(one.time)), [
      ['actor', [said(who(one.actor)), h('p', { class: 'quiet small' }, one.means.kind)]], ['action', one.action], ['target', one.resource ? said(one.resource) : '–'],
      ['outcome', pill(hasWord(`audit.outcome.${outcome}`) ? t(`audit.outcome.${outcome}`) : outcome, outcome === 'done' ? 'good' : 'bad')],
      ['from', one.source ?? '–'],
      ['detail', Object.keys(details).length ? h('details', {}, h('summary', {}, t('policy.show')), h('pre', { tabindex: '0' }, visible(JSON.stringify(details, null, 2)))) : '–'],
    ].map(([name, cell]) => h('td', { data: { label: t(`audit.${name}`) } }, cell)));
  }
  function take(page) {
    const items = page.items ?? [];
    body.append(...items.map(row));
    before = items[items.length - 1]?.number;
    more.hidden = items.length < 100 || before === undefined;
    none.hidden = body.children.length > 0;
    view.hidden = !none.hidden;
  }
  const fields = form({
    fields: [
      { name: 'action', label: t('audit.action') },
      { name: 'outcome', label: t('audit.outcome'), type: 'select', options: [{ value: '', label: t('audit.outcome.any') }, ...['done', 'refused', 'failed'].map((one) => ({ value: one, label: t(`audit.outcome.${one}`) }))] },
      { name: 'since', label: t('audit.since'), type: 'datetime-local' },
    ],
    submit: t('audit.filter'),
    send: async (values) => {
      filter = { ...values, outcome: values.outcome || undefined, since: values.since ? Math.floor(new Date(values.since).getTime() / 1000) : undefined };
      const page = await get(base, { ...filter, limit: 100 });
      show(body);
      take(page);
    },
  });
  place.append(
    heading(t('page.audit'), account.can('exportAudit') ? button(t('audit.export'), async () => {
      saveFile(`audit-${tenant ?? 'platform'}.txt`, await call('GET', `${base}/export`), 'text/plain');
    }) : null),
    h('div', { class: 'stack' }, h('section', { class: 'card inline-form' }, fields), view, none, more));
  take(first);
}
