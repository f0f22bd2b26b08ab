import { h, show, announce, freshID } from '../core/dom.js';
import { get, getIfAny, listIfAny, call, post, remove, path, Problem } from '../core/api.js';
import { t, time, problemText, number } from '../core/words.js';
import { heading, button, table, pill, dialog, confirm, formDialog, notice, nothing, failure } from '../core/parts.js';
import { lineDiff } from '../core/lines.js';

const YAML = 'application/yaml';

function example(tenant) {
  return `# Who may talk to whom. What no rule speaks of is unplugged.
version: 1
tenant: ${tenant}

groups:
  shop: {label: app=shop}
  store: {label: app=store}

rules:
  - name: shop-to-store
    from: group:shop
    to: group:store
    verdict: plug
    ports: [tcp/5432, icmp/8]
    security: conf

tests:
  - expect: plug
    from: {name: shop1, labels: [app=shop]}
    to: {name: store1, labels: [app=store]}
    port: tcp/5432
    reason: the shop needs its database
  - expect: unplug
    from: {name: shop1, labels: [app=shop]}
    to: {name: store1, labels: [app=store]}
    port: tcp/22
    reason: nobody logs in to a database from the shop
`;
}

/** The policy: the document with its editor, the entries, the revisions. */
export async function render(place, context) {
  const { account, tenant } = context;
  const base = path`/v1/tenants/${tenant}/policy`;
  const tabs = ['document', 'entries', 'revisions'].filter((one) => one !== 'revisions' || account.can('listRevisions'));
  const panel = h('div', { role: 'tabpanel', id: freshID('panel'), tabindex: '-1' });
  const head = heading(t('page.policy'));
  const bar = h('div', { class: 'tabs', role: 'tablist', 'aria-label': t('page.policy') });
  let policy = await get(base);
  let ending = null;
  let isChanged = false;

  const openTab = async (id) => {
    ending?.();
    ending = null;
    for (const one of bar.children) {
      one.setAttribute('aria-selected', String(one.dataset.tab === id));
      one.tabIndex = one.dataset.tab === id ? 0 : -1;
    }
    panel.setAttribute('aria-labelledby', `tab-${id}`);
    show(panel, h('p', { class: 'quiet' }, t('loading')));
    policy = await get(base);
    show(panel);
    ending = await { document: showDocument, entries: showEntries, revisions: showRevisions }[id](panel) ?? null;
  };
  for (const id of tabs) {
    bar.append(h('button', {
      type: 'button', role: 'tab', id: `tab-${id}`, data: { tab: id }, 'aria-controls': panel.id,
      onclick: () => { if (!isChanged || id === 'document') openTab(id).catch(failure); else keep(id); },
      onkeydown: (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        const next = bar.children[(tabs.indexOf(id) + step + tabs.length) % tabs.length];
        next.focus();
        next.click();
      },
    }, t(`policy.${id}`)));
  }
  let draft = null;
  // What was written and is not in force yet stays while one looks at the other tabs.
  const keep = (id) => openTab(id).catch(failure);
  place.append(head, bar, panel);
  await openTab('document');

  // MARK: Document

  async function showDocument(panelPlace) {
    const stored = policy.document ? await documentText() : null;
    const start = draft ?? stored ?? '';
    const canEdit = account.can('applyDocument') && !policy.lock;
    const revision = policy.revision;
    const lines = h('div', { class: 'lines', 'aria-hidden': 'true' });
    const area = h('textarea', {
      id: 'policy-text', spellcheck: 'false', 'aria-label': t('policy.editor'), readonly: !canEdit, wrap: 'off', autocapitalize: 'none',
      oninput: () => { draft = area.value; isChanged = area.value !== (stored ?? ''); numberLines(); wait(); },
      onscroll: () => { lines.scrollTop = area.scrollTop; },
      onkeydown: (event) => {
        // Tab leaves the field, as everywhere; Enter keeps the indentation.
        if (event.key !== 'Enter' || !canEdit || event.isComposing) return;
        const before = area.value.slice(0, area.selectionStart);
        const indent = /(^|\n)([ ]*)[^\n]*$/.exec(before)?.[2] ?? '';
        if (!indent) return;
        event.preventDefault();
        area.setRangeText(`\n${indent}`, area.selectionStart, area.selectionEnd, 'end');
        area.dispatchEvent(new Event('input'));
      },
    });
    area.value = start;
    const result = h('div', { role: 'status', 'aria-live': 'polite' });
    const effect = h('div', {});
    const difference = h('div', {});
    let wrong = new Set();
    let timer = null;
    let asked = null;

    function numberLines() {
      const count = area.value.split('\n').length;
      show(lines, Array.from({ length: count }, (_, i) => [wrong.has(i + 1) ? h('b', {}, `● ${i + 1}`) : String(i + 1), '\n']));
      lines.scrollTop = area.scrollTop;
    }
    function go(finding) {
      const rows = area.value.split('\n');
      const offset = rows.slice(0, Math.max(finding.line - 1, 0)).reduce((sum, row) => sum + row.length + 1, 0) + Math.max(finding.column - 1, 0);
      area.focus();
      area.setSelectionRange(offset, offset + (finding.text?.length ?? 0));
      area.scrollTop = Math.max(0, (finding.line - 6) * 22);
    }
    function showFindings(findings, more) {
      wrong = new Set(findings.filter((one) => one.severity === 'error').map((one) => one.line));
      numberLines();
      const errors = findings.filter((one) => one.severity === 'error').length;
      show(result, h('p', { class: 'pills' }, errors ? pill(t('policy.bad', { count: errors }), 'bad') : pill(t('policy.good'), 'good'), more),
        h('ul', { class: 'findings' }, findings.slice(0, 100).map((one) => h('li', {}, h('button', { type: 'button', class: one.severity, onclick: () => go(one) },
          h('span', {}, h('b', {}, t(`policy.findings.${one.severity}`)), ' ', t('policy.finding', { line: String(one.line), problem: one.problem, remedy: one.remedy })))))));
    }
    async function check() {
      asked?.abort();
      asked = new AbortController();
      const { signal } = asked;
      if (!area.value.trim()) { show(result); show(effect); show(difference); return; }
      try {
        const review = await call('POST', `${base}/check`, { body: area.value, type: YAML, signal });
        showFindings(review.findings, [pill(t('policy.rules', { count: review.rules })), pill(t('policy.tests', { count: review.passed_tests }))]);
        showDifference();
        if (!review.accepted || area.value === stored) { show(effect); return; }
        const changes = await call('POST', `${base}/diff`, { body: area.value, type: YAML, signal, query: { hours: 24 } });
        showEffect(effect, changes);
      } catch (problem) {
        if (problem.name === 'AbortError') return;
        if (problem instanceof Problem && problem.findings.length) showFindings(problem.findings);
        else show(result, h('p', { class: 'field-error' }, problem instanceof Problem ? problemText(problem) : t('problem.unknown')));
      }
    }
    const wait = () => { clearTimeout(timer); timer = setTimeout(check, 500); };
    function showDifference() {
      show(difference, h('h2', {}, t('policy.diff')), area.value === (stored ?? '') ? h('p', { class: 'quiet' }, t('policy.diff.same')) : diffView(stored ?? '', area.value));
    }
    async function apply() {
      try {
        const applied = await call('PUT', `${base}/document`, { body: area.value, type: YAML, query: { expected_revision: revision } });
        draft = null;
        isChanged = false;
        notice(t('policy.applied', { revision: String(applied.revision) }));
        await openTab('document');
      } catch (problem) {
        if (problem instanceof Problem && problem.findings.length) showFindings(problem.findings);
        if (problem instanceof Problem && (problem.status === 409 || problem.status === 412)) {
          notice(t('policy.stale'), 'failed');
          policy = await get(base);
          return;
        }
        throw problem;
      }
    }
    append(panelPlace,
      policy.lock ? h('p', { class: 'card' }, t('policy.locked')) : null,
      h('div', { class: 'split' },
        h('div', { class: 'stack' },
          h('p', { class: 'pills' }, pill(t('dashboard.revision', { revision: String(policy.revision) })), stored === null ? pill(t('policy.none')) : null),
          h('div', { class: 'editor' }, lines, area),
          canEdit ? h('div', { class: 'buttons' }, button(t('policy.apply'), apply, { class: 'primary', id: 'policy-apply' }), button(t('policy.check'), check),
            stored === null && !start ? button(t('policy.insert-example'), () => { area.value = example(tenant); area.dispatchEvent(new Event('input')); }) : null) : null),
        h('div', { class: 'stack' }, result, effect, difference)));
    numberLines();
    if (start && account.can('checkDocument')) check();
    return () => { clearTimeout(timer); asked?.abort(); };
  }

  async function documentText(revision) {
    return getIfAny(`${base}/document`, { revision });
  }

  // MARK: Entries

  async function showEntries(panelPlace) {
    const canChange = account.can('createPolicyEntry') && !policy.lock;
    const list = table({
      label: t('policy.entries'), key: (one) => one.id, items: policy.entries, search: (one) => `${one.id} ${one.action} ${one.from} ${one.to} ${one.security}`,
      empty: nothing(t('policy.entries.none')),
      columns: [
        { label: '#', class: 'number', sort: (one) => one.id, cell: (one) => String(one.id) },
        { label: t('policy.entry.action'), sort: (one) => one.action, cell: (one) => pill(t(`verdict.${one.action}`), one.action) },
        { label: t('policy.entry.from'), sort: (one) => one.from, cell: (one) => one.from },
        { label: t('policy.entry.to'), sort: (one) => one.to, cell: (one) => one.to },
        { label: t('policy.entry.direction'), sort: (one) => String(one.one_way), cell: (one) => t(one.one_way ? 'bay.one-way' : 'bay.both-ways') },
        { label: t('wire.protection'), sort: (one) => one.security, cell: (one) => (one.action === 'plug' ? pill(t(`security.${one.security}`), one.security) : '–') },
        { label: '', cell: (one) => (account.can('deletePolicyEntry') && !policy.lock ? h('div', { class: 'row-tools' }, button(t('delete'), async () => {
          await remove(`${base}/entries/${one.id}`);
          await openTab('entries');
        }, { 'aria-label': t('policy.entry.delete', { id: String(one.id) }) })) : '') },
      ],
    });
    const create = () => formDialog(t('policy.entry.new'), {
      fields: [
        { name: 'action', label: t('policy.entry.action'), type: 'select', options: ['plug', 'unplug'].map((one) => ({ value: one, label: t(`verdict.${one}`) })) },
        { name: 'from', label: t('policy.entry.from'), hint: t('policy.entry.hint'), required: true },
        { name: 'to', label: t('policy.entry.to'), hint: t('policy.entry.hint'), required: true },
        { name: 'security', label: t('wire.protection'), type: 'select', options: ['conf', 'auth', 'none'].map((one) => ({ value: one, label: t(`security.${one}`) })) },
        { name: 'one_way', label: t('bay.one-way'), type: 'check' },
      ],
      submit: t('add'),
      send: async (values) => {
        if (values.action === 'unplug') delete values.security;
        await post(`${base}/entries`, values);
        await openTab('entries');
      },
    });
    append(panelPlace, h('div', { class: 'stack' }, h('p', { class: 'quiet' }, t('policy.entries.text')), canChange ? h('div', {}, button(t('policy.entry.new'), create, { class: 'primary' })) : null, list));
  }

  // MARK: Revisions

  async function showRevisions(panelPlace) {
    const revisions = await listIfAny(`${base}/revisions`) ?? [];
    const look = async (one) => {
      const [then, now, changes] = await Promise.all([
        documentText(one.revision), policy.document ? documentText() : null, getIfAny(`${base}/diff`, { from: one.revision }),
      ]);
      dialog(t('dashboard.revision', { revision: String(one.revision) }), () => [h('div', { class: 'stack' },
        h('p', { class: 'quiet' }, `${time(one.changed_at)} · ${one.summary}`),
        h('h3', {}, t('policy.document')), then === null ? h('p', { class: 'quiet' }, t('policy.none')) : h('pre', { tabindex: '0' }, then),
        then !== null && now !== null && then !== now ? [h('h3', {}, t('policy.diff')), diffView(now, then)] : null,
        changes ? effectView(changes) : null)], { wide: true });
    };
    const back = (one) => confirm(t('policy.rollback'), t('policy.rollback.text', { revision: String(one.revision) }), t('policy.rollback'), async () => {
      const applied = await post(`${base}/rollback`, { revision: one.revision, expected_revision: policy.revision });
      notice(t('policy.applied', { revision: String(applied.revision) }));
      draft = null;
      await openTab('revisions');
    });
    append(panelPlace, table({
      label: t('policy.revisions'), key: (one) => one.revision, items: revisions, search: (one) => `${one.revision} ${one.summary}`,
      columns: [
        { label: t('policy.revision'), class: 'number', cell: (one) => String(one.revision) },
        { label: t('policy.when'), cell: (one) => time(one.changed_at) },
        { label: t('policy.summary'), cell: (one) => one.summary },
        { label: '', cell: (one) => h('div', { class: 'row-tools' }, button(t('policy.show'), () => look(one), { 'aria-label': `${t('policy.show')}: ${one.revision}` }),
          account.can('rollbackPolicy') && one.revision !== policy.revision && !policy.lock ? button(t('policy.rollback'), () => back(one), { 'aria-label': `${t('policy.rollback')}: ${one.revision}` }) : null) },
      ],
    }));
  }

  const warn = (event) => { if (isChanged) event.preventDefault(); };
  addEventListener('beforeunload', warn);
  return () => {
    ending?.();
    removeEventListener('beforeunload', warn);
  };
}

function append(place, ...children) { place.append(...children.flat(Infinity).filter(Boolean)); }

function effectView(changes) {
  return h('div', { class: 'stack' }, h('h2', {}, t('policy.effect')), changes.count
    ? [h('p', {}, t('policy.changes', { count: changes.count })), h('ul', { class: 'stack small' }, changes.changes.slice(0, 100).map((one) =>
      one.ports.map((ports) => h('li', {}, t('policy.changes.row', {
        sources: few(one.sources, one.source_count), destinations: few(one.destinations, one.destination_count), ports: ports.ports, before: ports.before, after: ports.after,
      })))))]
    : h('p', { class: 'quiet' }, t('policy.changes.none')),
  changes.flows?.length ? [h('p', {}, t('policy.flows', { count: changes.flows.length })), h('ul', { class: 'stack small' }, changes.flows.slice(0, 50).map((one) =>
    h('li', {}, t('policy.changes.row', { sources: one.source, destinations: one.destination, ports: one.port ?? '', before: one.before, after: one.after }))))] : null);
}
const showEffect = (place, changes) => { show(place, effectView(changes)); announce(changes.count ? t('policy.changes', { count: changes.count }) : t('policy.changes.none')); };
const few = (names, count) => (count > names.length ? `${names.join(', ')} … (${number(count)})` : names.join(', '));

/** A difference, with three lines around each change. */
function diffView(before, after) {
  const lines = lineDiff(before, after);
  const near = lines.map((_, i) => lines.slice(Math.max(0, i - 3), i + 4).some(([sign]) => sign !== ' '));
  const rows = [];
  lines.forEach(([sign, text], i) => {
    if (near[i]) rows.push(h('div', { class: sign === '+' ? 'add' : sign === '-' ? 'del' : '' }, `${sign} ${text}`));
    else if (i === 0 || near[i - 1]) rows.push(h('div', { class: 'skip-lines' }, '⋯'));
  });
  return h('div', { class: 'diff', tabindex: '0', role: 'region', 'aria-label': t('policy.diff') }, rows);
}
