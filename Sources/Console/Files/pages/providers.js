import { h, said, announce } from '../core/dom.js';
import { list, post, put, remove, path } from '../core/api.js';
import { t, time } from '../core/words.js';
import { heading, table, pill, button, confirm, dialog, facts, formDialog, nothing, notice } from '../core/parts.js';

const base = '/v1/identity-providers';

/** The providers of identities by which people sign in: records of the operators. */
export async function render(place, context) {
  const { account, tenants } = context;
  const mayChange = account.can('changeSignInProviders');
  const at = (one) => `${base}${path`/${one.name}`}`;
  const refresh = async () => providers.update(await list(base));
  const forWhom = (one) => one.tenant ?? t('providers.everybody');

  /** The fields of the record; of a new one where `one` is nothing. */
  const fields = (one) => [
    one ? null : { name: 'name', label: t('providers.name'), hint: t('form.names.hint'), required: true },
    { name: 'display_name', label: t('providers.display-name'), hint: t('providers.display-name.hint'), value: one?.display_name },
    { name: 'issuer', label: t('providers.issuer'), hint: t('providers.issuer.hint'), inputmode: 'url', required: true, value: one?.issuer },
    { name: 'client_id', label: t('providers.client-id'), required: true, value: one?.client_id },
    { name: 'client_secret', label: t('providers.client-secret'), hint: t(one ? 'providers.client-secret.stays' : 'providers.client-secret.hint'), type: 'password', autocomplete: 'new-password', keep: true, required: !one },
    { name: 'tenant', label: t('providers.tenant'), hint: t('providers.tenant.hint'), suggestions: tenants.slice(0, 200).map((tenant) => tenant.name), value: one?.tenant },
    { name: 'listed', label: t('providers.listed'), hint: t('providers.listed.hint'), type: 'check', value: one ? one.listed : true },
    { name: 'multi_factor', label: t('providers.multi-factor'), hint: t('providers.multi-factor.hint'), type: 'check', value: one?.multi_factor },
    !one ? null : { name: 'enabled', label: t('providers.enabled'), hint: t('providers.enabled.hint'), type: 'check', value: one.enabled },
    { name: 'subject_claim', label: t('providers.claim'), hint: t('providers.claim.hint'), type: 'select', value: one?.subject_claim ?? 'sub', options: ['sub', 'oid'].map((claim) => ({ value: claim, label: claim })) },
    { name: 'scopes', label: t('providers.scopes'), hint: t('providers.scopes.hint'), value: (one?.scopes ?? ['openid']).join(' ') },
    { name: 'trusted_roots', label: t('providers.roots'), hint: t('providers.roots.hint'), type: 'area', value: one?.trusted_roots },
  ];
  const clean = (values) => ({ ...values, scopes: values.scopes?.split(/\s+/) });

  const create = () => {
    const element = formDialog(t('providers.create'), {
      fields: fields(), submit: t('add'),
      send: async (values) => {
        const made = await post(base, clean(values));
        await refresh();
        look(made);
      },
    }, { wide: true, intro: t('providers.create.text') });
    // The list of buttons is public: one tenant's is on it only if that is wanted.
    const { controls } = element.querySelector('form');
    const [tenant, listed] = ['tenant', 'listed'].map((name) => controls.get(name).control);
    tenant.addEventListener('change', () => { listed.checked = !tenant.value.trim(); });
  };
  const edit = (one) => formDialog(`${t('edit')}: ${one.name}`, {
    fields: fields(one), submit: t('save'),
    send: async (values) => {
      // The version is what was looked at: a change of somebody else's meanwhile is not overwritten.
      const changed = await put(at(one), { ...clean(values), version: one.version });
      await refresh();
      tellEnded(changed);
    },
  }, { wide: true });
  const erase = (one) => confirm(`${t('providers.remove')}: ${one.name}`, t('providers.remove.text', { name: one.display_name, who: forWhom(one) }), t('providers.remove'), async () => {
    const removed = await remove(at(one));
    await refresh();
    notice(t('providers.removed', { name: one.name }));
    tellEnded(removed);
  }, [{ name: 'sure', label: t('providers.remove.sure'), type: 'check', required: true }]);

  /** How many sessions ended with a change, since its users could not begin them so any more. */
  const tellEnded = (answer) => { if (answer?.sessions_ended) notice(t('providers.ended', { count: answer.sessions_ended })); };

  const copied = (text) => button(t('copy'), async () => {
    await navigator.clipboard.writeText(text);
    announce(t('copied'));
  });
  /** All of a record, with what the provider and its people have to be told. */
  const look = (one) => dialog(one.name, (close) => [
    facts([
      [t('providers.display-name'), said(one.display_name)], [t('providers.tenant'), forWhom(one)], [t('providers.issuer'), one.issuer, 'mono'], [t('providers.client-id'), one.client_id, 'mono'],
      [t('providers.redirect'), [h('span', { class: 'mono' }, one.redirect_uri), ' ', copied(one.redirect_uri)]],
      [t('providers.link'), [h('span', { class: 'mono' }, one.sign_in_url), ' ', copied(one.sign_in_url)]],
      [t('providers.listed'), t(one.listed ? 'yes' : 'no')], [t('providers.multi-factor'), t(one.multi_factor ? 'yes' : 'no')], [t('providers.claim'), one.subject_claim, 'mono'],
      [t('providers.scopes'), one.scopes.join(' '), 'mono'], [t('providers.roots'), t(one.trusted_roots ? 'providers.roots.own' : 'providers.roots.system')],
      [t('providers.created'), time(one.created_at)], [t('providers.id'), one.id, 'mono'],
    ]),
    one.trusted_roots ? h('pre', { tabindex: '0', role: 'region', 'aria-label': t('providers.roots') }, one.trusted_roots) : null,
    h('div', { class: 'buttons' }, h('button', { type: 'button', class: 'primary', onclick: close }, t('done'))),
  ], { wide: true });

  const providers = table({
    label: t('page.providers'), key: (one) => one.name, items: await list(base), empty: nothing(t('providers.none')),
    search: (one) => [one.name, one.display_name, one.issuer, one.tenant ?? ''].join(' '),
    columns: [
      { label: t('providers.name'), sort: (one) => one.name, cell: (one) => [one.name, h('p', { class: 'quiet small' }, said(one.display_name))] },
      { label: t('providers.issuer'), sort: (one) => one.issuer, cell: (one) => h('span', { class: 'mono small' }, one.issuer) },
      { label: t('providers.tenant'), sort: (one) => one.tenant ?? '', cell: forWhom },
      { label: t('providers.sign-in'), cell: (one) => h('span', { class: 'pills' }, pill(t(one.listed ? 'providers.is-listed' : 'providers.by-link')), one.multi_factor ? pill(t('providers.is-multi-factor'), 'good') : null, !one.enabled ? pill(t('providers.is-disabled'), 'bad') : null) },
      { label: '', cell: (one) => h('div', { class: 'row-tools' },
        button(t('providers.show'), () => look(one), { 'aria-label': `${t('providers.show')}: ${one.name}` }),
        mayChange ? button(t('edit'), () => edit(one), { 'aria-label': `${t('edit')}: ${one.name}` }) : null,
        mayChange ? button(t('providers.remove'), () => erase(one), { 'aria-label': `${t('providers.remove')}: ${one.name}` }) : null) },
    ],
  });
  place.append(heading(t('page.providers'), mayChange ? button(t('providers.create'), create, { class: 'primary' }) : null), h('p', { class: 'quiet' }, t('providers.lead')), providers);
}
