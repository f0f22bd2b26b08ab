import { h, show, freshID, said } from '../core/dom.js';
import { get, getIfAny, listIfAny, post, remove, path } from '../core/api.js';
import { t, time } from '../core/words.js';
import { heading, button, table, pill, facts, formDialog, notice, nothing, failure } from '../core/parts.js';
import { editDocument, revisionTable } from '../core/document.js';

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
  const tabs = ['document', 'entries', 'revisions', 'signing'].filter((one) => one !== 'revisions' || account.can('listRevisions'));
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
    ending = await { document: showDocument, entries: showEntries, revisions: showRevisions, signing: showSigning }[id](panel) ?? null;
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
    if (policy.lock) panelPlace.append(h('p', { class: 'card' }, t('policy.locked'), ' ', button(t('policy.signing'), () => openTab('signing'), { class: 'quiet' })));
    return editDocument(panelPlace, {
      base, stored, draft, revision: policy.revision, canEdit: account.can('applyDocument') && !policy.lock, canCheck: account.can('checkDocument'),
      hasEffect: account.can('diffDocument'), example: example(tenant), label: t('policy.editor'), none: t('policy.none'),
      changed: (text, isOther) => { draft = text; isChanged = isOther; },
      applied: async () => {
        draft = null;
        isChanged = false;
        await openTab('document');
      },
      stale: async () => { policy = await get(base); return policy.revision; },
    });
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
    panelPlace.append(h('div', { class: 'stack' }, h('p', { class: 'quiet' }, t('policy.entries.text')), canChange ? h('div', {}, button(t('policy.entry.new'), create, { class: 'primary' })) : null, list));
  }

  // MARK: Revisions

  async function showRevisions(panelPlace) {
    panelPlace.append(revisionTable({
      base, revisions: await listIfAny(`${base}/revisions`) ?? [], revision: policy.revision, isDocument: Boolean(policy.document), hasEffect: account.can('diffRevisions'),
      canRollBack: account.can('rollbackPolicy') && !policy.lock,
      rolledBack: async () => {
        draft = null;
        await openTab('revisions');
      },
    }));
  }

  // MARK: Signing

  /** Whose key signs. The tenant's own is never here: what is done with it is done by the command. */
  async function showSigning(panelPlace) {
    const last = account.can('listAudit') ? await getIfAny(path`/v1/tenants/${tenant}/audit`, { action: policy.lock ? 'lockPolicy' : 'unlockPolicy', outcome: 'done', limit: 1 }) : null;
    const entry = last?.items?.[0];
    const command = (text) => h('div', { class: 'secret' }, h('code', { tabindex: '0' }, text), button(t('copy'), async () => {
      await navigator.clipboard.writeText(text);
      notice(t('copied'));
    }, { 'aria-label': `${t('copy')}: ${text}` }));
    const step = (word, ...texts) => h('li', { class: 'stack' }, h('p', {}, t(word)), texts.map(command));
    panelPlace.append(h('div', { class: 'split' },
      h('section', { class: 'card stack', id: 'policy-lock' }, h('h2', {}, t('policy.signing')),
        h('p', {}, pill(t(policy.lock ? 'policy.signing.tenant' : 'policy.signing.controller'), policy.lock ? 'good' : '')),
        facts([
          policy.lock ? [t('policy.signing.key'), policy.lock, 'mono'] : null,
          entry ? [t('policy.signing.who'), said(entry.actor.name ?? entry.actor.kind)] : null,
          entry ? [t('policy.when'), time(entry.time)] : null,
        ]),
        h('p', {}, t(policy.lock ? 'policy.signing.tenant.text' : 'policy.signing.controller.text')),
        h('p', { class: 'quiet' }, t('policy.signing.lost'))),
      h('section', { class: 'card stack' }, h('h2', {}, t(policy.lock ? 'policy.signing.use' : 'policy.signing.lock')), h('p', { class: 'quiet' }, t('policy.signing.cli')),
        h('ol', { class: 'stack numbered' }, policy.lock ? [
          step('policy.signing.change', 'patchbay policy sign policy.yaml --key policy.pem > policy.signed', 'patchbay policy apply --signed policy.signed'),
          step('policy.signing.offline', `patchbay policy show ${tenant} --canonical > present.json`, 'patchbay policy sign policy.yaml --key policy.pem --present present.json > policy.signed'),
          step('policy.signing.renew', 'patchbay policy sign policy.yaml --key policy.pem --new-key new.pem > policy.signed'),
          step('policy.signing.unlock', `patchbay policy unlock ${tenant} --key policy.pem`),
        ] : [
          step('policy.signing.make', 'openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out policy.pem'),
          step('policy.signing.take', `patchbay policy lock ${tenant} --key policy.pem`),
        ]))));
  }

  const warn = (event) => { if (isChanged) event.preventDefault(); };
  addEventListener('beforeunload', warn);
  return () => {
    ending?.();
    removeEventListener('beforeunload', warn);
  };
}
