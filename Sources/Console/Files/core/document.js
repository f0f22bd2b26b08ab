// Documents of policies: the editor that checks while one types, differences, revisions. Of a tenant's policy, and of the
// provider's guardrails.

import { h, show, announce, said, visible } from './dom.js';
import { call, getIfAny, post, Problem } from './api.js';
import { t, time, number, problemText } from './words.js';
import { button, table, pill, dialog, confirm, notice } from './parts.js';
import { lineDiff } from './lines.js';

const YAML = 'application/yaml';

/**
 * An editor of a document under `base` (`/check`, `/diff`, `PUT /document`), with what is in force beside it. Gives what
 * ends it. `changed(text, isOther)` hears of each letter, `applied` and `stale` of what became of it.
 */
export function editDocument(place, { base, stored, draft, revision, canEdit, canCheck, hasEffect, example, label, none, changed, applied, stale }) {
  const start = draft ?? stored ?? '';
  let expected = revision;
  const lines = h('div', { class: 'lines', 'aria-hidden': 'true' });
  const area = h('textarea', {
    id: 'policy-text', spellcheck: 'false', 'aria-label': label, readonly: !canEdit, wrap: 'off', autocapitalize: 'none',
    oninput: () => { changed(area.value, area.value !== (stored ?? '')); numberLines(); wait(); },
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
        h('span', {}, h('b', {}, t(`policy.findings.${one.severity}`)), ' ', visible(t('policy.finding', { line: String(one.line), problem: one.problem, remedy: one.remedy }))))))));
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
      if (!hasEffect || !review.accepted || area.value === stored) { show(effect); return; }
      const changes = await call('POST', `${base}/diff`, { body: area.value, type: YAML, signal, query: { hours: 24 } });
      showEffect(effect, changes);
    } catch (problem) {
      if (problem.name === 'AbortError') return;
      if (problem instanceof Problem && problem.findings.length) showFindings(problem.findings);
      else show(result, h('p', { class: 'field-error' }, problem instanceof Problem ? problemText(problem) : t('problem.unknown')));
    }
  }
  const wait = () => { clearTimeout(timer); if (canCheck) timer = setTimeout(check, 500); };
  function showDifference() {
    show(difference, h('h2', {}, t('policy.diff')), area.value === (stored ?? '') ? h('p', { class: 'quiet' }, t('policy.diff.same')) : diffView(stored ?? '', area.value));
  }
  async function apply() {
    try {
      const answer = await call('PUT', `${base}/document`, { body: area.value, type: YAML, query: { expected_revision: expected } });
      notice(t('policy.applied', { revision: String(answer.revision) }));
      await applied();
    } catch (problem) {
      if (problem instanceof Problem && problem.findings.length) showFindings(problem.findings);
      if (problem instanceof Problem && (problem.status === 409 || problem.status === 412)) {
        notice(t('policy.stale'), 'failed');
        expected = await stale();
        return;
      }
      throw problem;
    }
  }
  place.append(
    h('div', { class: 'split' },
      h('div', { class: 'stack' },
        h('p', { class: 'pills' }, pill(t('dashboard.revision', { revision: String(revision) })), stored === null ? pill(none) : null),
        h('div', { class: 'editor' }, lines, area),
        canEdit ? h('div', { class: 'buttons' }, button(t('policy.apply'), apply, { class: 'primary', id: 'policy-apply' }), button(t('policy.check'), check),
          stored === null && !start ? button(t('policy.insert-example'), () => { area.value = example; area.dispatchEvent(new Event('input')); }) : null) : null),
      h('div', { class: 'stack' }, result, effect, difference)));
  numberLines();
  if (start && canCheck) check();
  return () => { clearTimeout(timer); asked?.abort(); };
}

/** The revisions that are kept: what was in each, and back to it. */
export function revisionTable({ base, revisions, revision, isDocument, hasEffect, canRollBack, rolledBack }) {
  const documentText = (number) => getIfAny(`${base}/document`, { revision: number });
  const look = async (one) => {
    const [then, now, changes] = await Promise.all([
      documentText(one.revision), isDocument ? documentText() : null, hasEffect ? getIfAny(`${base}/diff`, { from: one.revision }) : null,
    ]);
    dialog(t('dashboard.revision', { revision: String(one.revision) }), () => [h('div', { class: 'stack' },
      h('p', { class: 'quiet' }, `${time(one.changed_at)} · `, said(one.summary)),
      h('h3', {}, t('policy.document')), then === null ? h('p', { class: 'quiet' }, t('policy.none')) : h('pre', { tabindex: '0' }, then),
      then !== null && now !== null && then !== now ? [h('h3', {}, t('policy.diff')), diffView(now, then)] : null,
      changes ? effectView(changes) : null)], { wide: true });
  };
  const back = (one) => confirm(t('policy.rollback'), t('policy.rollback.text', { revision: String(one.revision) }), t('policy.rollback'), async () => {
    const answer = await post(`${base}/rollback`, { revision: one.revision, expected_revision: revision });
    notice(t('policy.applied', { revision: String(answer.revision) }));
    await rolledBack();
  });
  return table({
    label: t('policy.revisions'), key: (one) => one.revision, items: revisions, search: (one) => `${one.revision} ${one.summary}`,
    columns: [
      { label: t('policy.revision'), class: 'number', cell: (one) => String(one.revision) },
      { label: t('policy.when'), cell: (one) => time(one.changed_at) },
      { label: t('policy.summary'), cell: (one) => said(one.summary) },
      { label: '', cell: (one) => h('div', { class: 'row-tools' }, button(t('policy.show'), () => look(one), { 'aria-label': `${t('policy.show')}: ${one.revision}` }),
        canRollBack && one.revision !== revision ? button(t('policy.rollback'), () => back(one), { 'aria-label': `${t('policy.rollback')}: ${one.revision}` }) : null) },
    ],
  });
}

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
