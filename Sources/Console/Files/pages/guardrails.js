import { h, show, freshID } from '../core/dom.js';
import { get, getIfAny, listIfAny } from '../core/api.js';
import { t, time } from '../core/words.js';
import { heading, failure } from '../core/parts.js';
import { editDocument, revisionTable } from '../core/document.js';

const base = '/v1/guardrails';

const example = `# What no tenant can undo: these rules stand before those of every tenant.
version: 1
platform: true

networks:
  metadata: [169.254.169.254/32]

rules:
  - name: no-metadata
    from: any
    to: network:metadata
    verdict: reject
`;

/** What the provider sets for all tenants: the document, and its former revisions. */
export async function render(place, context) {
  const { account } = context;
  const panel = h('div', { role: 'tabpanel', id: freshID('panel'), tabindex: '-1' });
  const tabs = ['document', 'revisions'];
  const bar = h('div', { class: 'tabs', role: 'tablist', 'aria-label': t('page.guardrails') });
  let about = null;
  let ending = null;
  let draft = null;
  let isChanged = false;

  async function open(id) {
    ending?.();
    ending = null;
    for (const one of bar.children) {
      one.setAttribute('aria-selected', String(one.dataset.tab === id));
      one.tabIndex = one.dataset.tab === id ? 0 : -1;
    }
    panel.setAttribute('aria-labelledby', `tab-${id}`);
    about = await get(base);
    show(panel);
    if (id === 'revisions') {
      panel.append(revisionTable({
        base, revisions: await listIfAny(`${base}/revisions`) ?? [], revision: about.revision, isDocument: about.revision > 0, hasEffect: false,
        canRollBack: account.can('rollbackGuardrails'),
        rolledBack: async () => {
          draft = null;
          await open('revisions');
        },
      }));
      return;
    }
    if (about.changed_at) panel.append(h('p', { class: 'quiet' }, t('guardrails.since', { time: time(about.changed_at) })));
    ending = editDocument(panel, {
      base, stored: about.revision > 0 ? await getIfAny(`${base}/document`) : null, draft, revision: about.revision, canEdit: account.can('applyGuardrails'),
      canCheck: account.can('checkGuardrails'), hasEffect: false, example, label: t('guardrails.editor'), none: t('guardrails.none'),
      changed: (text, isOther) => { draft = text; isChanged = isOther; },
      applied: async () => {
        draft = null;
        isChanged = false;
        await open('document');
      },
      stale: async () => {
        about = await get(base);
        return about.revision;
      },
    });
  }
  for (const id of tabs) {
    bar.append(h('button', {
      type: 'button', role: 'tab', id: `tab-${id}`, data: { tab: id }, 'aria-controls': panel.id, onclick: () => open(id).catch(failure),
      onkeydown: (event) => {
        if (event.key !== 'ArrowRight' && event.key !== 'ArrowLeft') return;
        const next = bar.children[1 - tabs.indexOf(id)];
        next.focus();
        next.click();
      },
    }, t(`policy.${id}`)));
  }
  place.append(heading(t('page.guardrails')), h('p', { class: 'quiet' }, t('guardrails.lead')), bar, panel);
  await open('document');
  const warn = (event) => { if (isChanged) event.preventDefault(); };
  addEventListener('beforeunload', warn);
  return () => {
    ending?.();
    removeEventListener('beforeunload', warn);
  };
}
