import { h, show } from '../core/dom.js';
import { call, get, path, Problem } from '../core/api.js';
import { t, language, number, bytes, time, problemText } from '../core/words.js';
import { heading, table, button, nothing, failure } from '../core/parts.js';
import { bars } from '../core/bars.js';
import { saveFile } from '../core/files.js';

const COUNTED = ['sent_packets', 'sent_bytes', 'received_packets', 'received_bytes'];
/** More figures than so many are not read into the page; the export has them. */
const MOST = 100000;
const PART = 10000;

/** What was carried: by a tenant, its endpoints and wires; for the provider, by each tenant. */
export async function render(place, context) {
  const { account, tenant } = context;
  const base = tenant ? path`/v1/tenants/${tenant}/usage` : '/v1/usage';
  // Who of a tenant speaks with whom is not the provider's to see.
  const kinds = ['tenant', 'endpoint', 'wire'].filter((one) => one !== 'wire' || !account.isProvider || account.means === 'installation');
  const change = () => draw().catch(failure);
  const pick = (id, label, options, value) => {
    const field = h('select', { id, onchange: change }, options.map(([key, word]) => h('option', { value: key, selected: key === value }, word)));
    return { field, element: h('div', { class: 'field' }, h('label', { class: 'label', for: id }, label), field) };
  };
  const date = (id, label) => {
    const field = h('input', { type: 'date', id, onchange: change });
    return { field, element: h('div', { class: 'field' }, h('label', { class: 'label', for: id }, label), field) };
  };
  const by = pick('usage-by', t('usage.what'), kinds.map((one) => [one, t(`usage.what.${one}`)]), 'tenant');
  const step = pick('usage-step', t('usage.per'), [['hour', t('usage.hour')], ['day', t('usage.day')]], tenant ? 'hour' : 'day');
  const [from, to] = [date('usage-from', t('usage.since')), date('usage-to', t('usage.until'))];
  const sum = h('p', { class: 'quiet', id: 'usage-sum', role: 'status' });
  const result = h('div', { class: 'stack' });
  const question = () => ({ ...(tenant ? { by: by.field.value } : {}), step: step.field.value, from: from.field.value || undefined, to: to.field.value || undefined });

  const word = (text) => new Intl.DateTimeFormat(language, step.field.value === 'day' ? { month: 'numeric', day: 'numeric' } : { hour: '2-digit', minute: '2-digit' }).format(new Date(text));
  const name = (one) => (one.source ? `${one.source} → ${one.destination}` : one.endpoint ?? one.tenant ?? tenant);
  let asked = 0;

  /** All figures of the question, part by part; null when another was asked meanwhile. */
  async function read(mine) {
    const items = [];
    let answer;
    do {
      answer = await get(base, { ...question(), ...(tenant ? { limit: PART, cursor: answer?.next } : {}) });
      if (mine !== asked) return null;
      items.push(...answer.items);
      if (answer.next) sum.textContent = t('usage.reading', { count: items.length });
    } while (answer.next && items.length < MOST);
    return { ...answer, items, isCut: Boolean(answer.next) };
  }

  async function draw() {
    const mine = ++asked;
    result.setAttribute('aria-busy', 'true');
    for (const field of [from, to]) field.field.removeAttribute('aria-invalid');
    try {
      const answer = await read(mine);
      if (answer) draw2(answer);
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.code === 'unauthenticated') throw problem;
      sum.textContent = '';
      show(result, nothing(problemText(problem)));
      ({ from, to }[problem.pointer])?.field.setAttribute('aria-invalid', 'true');
    } finally {
      if (mine === asked) result.removeAttribute('aria-busy');
    }
  }

  function draw2({ items, isCut, from: begin, to: end }) {
    const sums = new Map();
    for (const one of items) {
      const key = name(one);
      let entry = sums.get(key);
      if (!entry) sums.set(key, entry = { name: key, items: [], sent_bytes: 0, received_bytes: 0, sent_packets: 0, received_packets: 0 });
      for (const field of COUNTED) entry[field] += Number(one[field]);
      entry.items.push(one);
    }
    const all = [...sums.values()].sort((a, b) => b.sent_bytes - a.sent_bytes || b.received_bytes - a.received_bytes);
    const kind = tenant ? by.field.value : 'tenant';
    sum.textContent = t('usage.sums', {
      sent: bytes(all.reduce((value, one) => value + one.sent_bytes, 0)), received: bytes(all.reduce((value, one) => value + one.received_bytes, 0)),
      from: time(begin, 'short'), to: time(end, 'short'),
    });
    if (!items.length) { show(result, nothing(t('usage.none'))); return; }
    const chart = h('section', { class: 'card stack', id: 'usage-chart' });
    const chosen = h('span', {});
    const drawChart = (of) => {
      chosen.textContent = of ? of.name : t('usage.all');
      const figures = tenant ? overTime(of ? of.items : items, begin, end) : all.slice(0, 30).map((one) => ({ label: one.name, words: one.name, sent: one.sent_bytes, received: one.received_bytes }));
      show(chart, h('div', { class: 'chart-head' }, h('h2', {}, chosen), of ? button(t('usage.all'), () => { drawChart(null); chart.querySelector('h2').scrollIntoView({ block: 'nearest' }); }, { class: 'quiet' }) : null,
        h('ul', { class: 'pills keys' }, ['sent', 'received'].map((one) => h('li', {}, h('span', { class: `key ${one}`, 'aria-hidden': 'true' }), t(`usage.${one}`))))),
      bars(figures.map((one) => ({
        label: one.label, title: `${one.words}: ${t('usage.sent')} ${bytes(one.sent)}, ${t('usage.received')} ${bytes(one.received)}`,
        parts: [{ kind: 'sent', value: one.sent }, { kind: 'received', value: one.received }],
      })), `${chosen.textContent}: ${t('usage.sent')} ${bytes(figures.reduce((value, one) => value + one.sent, 0))}, ${t('usage.received')} ${bytes(figures.reduce((value, one) => value + one.received, 0))}`, bytes));
    };
    drawChart(null);
    show(result, isCut ? h('p', { class: 'card warned' }, t('usage.cut', { count: items.length })) : null, chart,
      table({
        label: t('page.usage'), key: (one) => one.name, items: all, search: all.length > 10 ? (one) => one.name : undefined,
        columns: [
          { label: tenant ? t(`usage.name.${kind}`) : t('nav.tenant'), cell: (one) => (tenant && kind !== 'tenant'
            ? button(one.name, () => { drawChart(one); chart.scrollIntoView({ block: 'nearest' }); }, { class: 'bare link', 'aria-label': t('usage.show', { name: one.name }) }) : one.name) },
          { label: t('usage.sent'), class: 'number', sort: (one) => -one.sent_bytes, cell: (one) => bytes(one.sent_bytes) },
          { label: t('usage.received'), class: 'number', sort: (one) => -one.received_bytes, cell: (one) => bytes(one.received_bytes) },
          { label: t('usage.packets-sent'), class: 'number', sort: (one) => -one.sent_packets, cell: (one) => number(one.sent_packets) },
          { label: t('usage.packets-received'), class: 'number', sort: (one) => -one.received_packets, cell: (one) => number(one.received_packets) },
        ],
      }));
  }

  /** Figures step by step, those of nothing included, which the API leaves out. */
  function overTime(items, begin, end) {
    const length = step.field.value === 'day' ? 86400000 : 3600000;
    const steps = new Map();
    for (let at = Date.parse(begin); at < Date.parse(end); at += length) steps.set(at, { label: word(at), words: time(new Date(at).toISOString(), 'short'), sent: 0, received: 0 });
    for (const one of items) {
      const at = steps.get(Date.parse(one.time));
      if (!at) continue;
      at.sent += Number(one.sent_bytes);
      at.received += Number(one.received_bytes);
    }
    return [...steps.values()];
  }

  const save = (format) => button(t(`usage.${format}`), async () => {
    // The provider's list of sums is whole as it is; a tenant's figures come from the controller.
    const query = question();
    const answer = tenant ? await call('GET', `${base}/export`, { query: { ...query, format } }) : await get(base, query);
    const text = !tenant && format === 'csv'
      ? [['tenant', ...COUNTED].join(','), ...answer.items.map((one) => [one.tenant, ...COUNTED.map((field) => one[field])].join(','))].map((line) => `${line}\r\n`).join('') : answer;
    saveFile(`usage-${tenant ?? 'tenants'}.${format}`, text, format === 'csv' ? 'text/csv' : 'application/json');
  });
  const canSave = tenant ? account.can('exportUsage') : account.can('listTenantUsage');
  place.append(heading(t('page.usage'), canSave ? [save('csv'), save('json')] : null), h('p', { class: 'quiet' }, t('usage.lead')),
    h('section', { class: 'inline-form usage-tools' }, h('form', { onsubmit: (event) => event.preventDefault() }, tenant ? by.element : null, step.element, from.element, to.element)),
    sum, result);
  await draw();
}
