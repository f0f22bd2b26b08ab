import { h, show } from '../core/dom.js';
import { call, getIfAny, path } from '../core/api.js';
import { t, language, number, bytes, time } from '../core/words.js';
import { heading, table, button, nothing, failure } from '../core/parts.js';
import { bars } from '../core/bars.js';
import { saveFile } from '../core/files.js';

const total = (one) => Number(one.sent_bytes) + Number(one.received_bytes);

/** What was carried: by a tenant, its endpoints and wires; for the provider, by each tenant. */
export async function render(place, context) {
  const { account, tenant } = context;
  const base = tenant ? path`/v1/tenants/${tenant}/usage` : '/v1/usage';
  const result = h('div', { class: 'stack', 'aria-live': 'polite' });
  const pick = (id, label, options, value) => {
    const field = h('select', { id, onchange: () => draw().catch(failure) }, options.map(([key, word]) => h('option', { value: key, selected: key === value }, word)));
    return { field, element: h('div', { class: 'field' }, h('label', { class: 'label', for: id }, label), field) };
  };
  const by = pick('usage-by', t('usage.what'), [['tenant', t('usage.what.tenant')], ['endpoint', t('usage.what.endpoint')], ['wire', t('usage.what.wire')]], 'tenant');
  const step = pick('usage-step', t('usage.per'), [['hour', t('usage.hour')], ['day', t('usage.day')]], tenant ? 'hour' : 'day');
  const from = h('input', { type: 'date', id: 'usage-from', onchange: () => draw().catch(failure) });
  const question = () => ({ ...(tenant ? { by: by.field.value } : {}), step: step.field.value, from: from.value || undefined });

  const hourWord = (text) => new Intl.DateTimeFormat(language, step.field.value === 'day' ? { month: 'numeric', day: 'numeric' } : { hour: '2-digit', minute: '2-digit' }).format(new Date(text));
  const name = (one) => (one.source ? `${one.source} → ${one.destination}` : one.endpoint ?? one.tenant ?? tenant);
  async function draw() {
    const items = [];
    let cursor;
    let answer;
    do {
      answer = await getIfAny(base, { ...question(), ...(tenant ? { limit: 2000, cursor } : {}) });
      if (!answer) { show(result, nothing(t('usage.unavailable'))); return; }
      items.push(...answer.items);
      cursor = answer.next;
    } while (cursor && items.length < 20000);
    if (!items.length) { show(result, nothing(t('usage.none'))); return; }
    // One sum for each name; over time where there is a time.
    const sums = new Map();
    const steps = new Map();
    for (const one of items) {
      const sum = sums.get(name(one)) ?? { name: name(one), sent_bytes: 0, received_bytes: 0, sent_packets: 0, received_packets: 0 };
      for (const key of ['sent_bytes', 'received_bytes', 'sent_packets', 'received_packets']) sum[key] += Number(one[key]);
      sums.set(sum.name, sum);
      if (!one.time) continue;
      const at = steps.get(one.time) ?? { time: one.time, sent: 0, received: 0 };
      at.sent += Number(one.sent_bytes);
      at.received += Number(one.received_bytes);
      steps.set(one.time, at);
    }
    const series = [...steps.values()].sort((a, b) => a.time.localeCompare(b.time));
    const all = [...sums.values()];
    show(result,
      series.length ? h('section', { class: 'card stack' },
        h('ul', { class: 'pills keys' }, h('li', {}, h('span', { class: 'key sent', 'aria-hidden': 'true' }), t('usage.sent')), h('li', {}, h('span', { class: 'key received', 'aria-hidden': 'true' }), t('usage.received'))),
        bars(series.map((one) => ({
          label: hourWord(one.time), title: `${time(one.time, 'short')}: ${t('usage.sent')} ${bytes(one.sent)}, ${t('usage.received')} ${bytes(one.received)}`,
          parts: [{ kind: 'sent', value: one.sent }, { kind: 'received', value: one.received }],
        })), t('usage.picture', { bytes: bytes(all.reduce((sum, one) => sum + total(one), 0)), count: series.length }), bytes)) : null,
      table({
        label: t('page.usage'), key: (one) => one.name, items: all, search: all.length > 10 ? (one) => one.name : undefined,
        columns: [
          { label: tenant ? t(`usage.name.${by.field.value}`) : t('nav.tenant'), sort: (one) => one.name, cell: (one) => one.name },
          { label: t('usage.sent'), class: 'number', sort: (one) => one.sent_bytes, cell: (one) => bytes(one.sent_bytes) },
          { label: t('usage.received'), class: 'number', sort: (one) => one.received_bytes, cell: (one) => bytes(one.received_bytes) },
          { label: t('usage.packets'), class: 'number', sort: (one) => one.sent_packets + one.received_packets, cell: (one) => number(one.sent_packets + one.received_packets) },
          { label: t('usage.sum'), class: 'number', sort: total, cell: (one) => bytes(total(one)) },
        ],
      }));
  }
  const save = (format) => button(t(`usage.${format}`), async () => {
    const answer = await call('GET', `${base}/export`, { query: { ...question(), format } });
    saveFile(`usage-${tenant}.${format}`, answer, format === 'csv' ? 'text/csv' : 'application/json');
  });
  place.append(heading(t('page.usage'), tenant && account.can('exportUsage') ? [save('csv'), save('json')] : null), h('p', { class: 'quiet' }, t('usage.lead')),
    h('section', { class: 'inline-form usage-tools' }, h('form', { onsubmit: (event) => event.preventDefault() }, tenant ? by.element : null, step.element,
      h('div', { class: 'field' }, h('label', { class: 'label', for: 'usage-from' }, t('usage.since')), from))), result);
  await draw();
}
