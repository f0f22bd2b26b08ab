import { h, show, announce } from '../core/dom.js';
import { get, post, setForgeryToken } from '../core/api.js';
import { t, hasWord } from '../core/words.js';
import { form, button } from '../core/parts.js';
import { canUsePasskeys, signInByPasskey } from '../core/passkeys.js';
import { goToProvider } from '../core/provider.js';

/** Passwords are checked a few at a time; who finds no room comes again by himself, some times. */
async function enter(values) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await post('/v1/session', values);
    } catch (problem) {
      if (problem.code !== 'busy' || attempt === 5) throw problem;
      await new Promise((resolve) => { setTimeout(resolve, 700 * attempt); });
    }
  }
}

/** The providers of identities that are offered: those of the list, or the one that a link names. */
async function offered(query) {
  if (/^[0-9a-f]{32}$/.test(query.get('provider') ?? '')) return [{ id: query.get('provider'), display_name: t('signin.provider.linked') }];
  try {
    return (await get('/v1/session/providers', { tenant: query.get('tenant') })).items;
  } catch {
    return [];
  }
}

/** A passkey alone; or name and password, or a provider of identities, then the second factor where the account has one. */
export async function render(place, { entered, query }) {
  const brand = () => h('div', { class: 'door-brand' }, h('img', { src: 'icon.svg', alt: '', width: 56, height: 56 }), h('h1', { tabindex: '-1' }, 'Patchbay'));
  const finish = async (answer) => {
    setForgeryToken(answer.csrf_token);
    if (answer.stage === 'second-factor') second(answer.factors ?? ['code']);
    else await entered();
  };
  const passkey = (label, properties) => button(label, async () => finish(await signInByPasskey()), properties);
  function first() {
    show(place, brand(), h('p', { class: 'lead' }, t('signin.lead')), form({
      fields: [
        { name: 'name', label: t('signin.name'), hint: t('signin.name.hint'), required: true, autocomplete: 'username' },
        { name: 'password', label: t('signin.password'), type: 'password', required: true, autocomplete: 'current-password', keep: true },
      ],
      submit: t('signin.submit'),
      send: async (values) => finish(await enter(values)),
    }), canUsePasskeys() ? h('div', { class: 'buttons' }, passkey(t('signin.passkey'))) : null);
    const buttons = h('div', { class: 'stack providers' });
    place.append(buttons);
    place.querySelector('input').focus();
    offered(query).then((providers) => {
      if (!providers.length) return;
      show(buttons, h('p', { class: 'quiet' }, t('signin.or')), providers.map((one) => button(t('signin.provider', { name: one.display_name }), () => {
        // Who has accounts of several tenants types the name of one.
        const typed = place.querySelector('input')?.value.trim().split('@')[1];
        return goToProvider('/v1/session/provider', { provider: one.id, tenant: typed || query.get('tenant') || undefined });
      }, { class: 'provider', data: { provider: one.id } })));
    });
  }
  /** What the controller says of an answer that a provider gave, in words of ours. */
  function complain(code) {
    const key = `problem.${code}`;
    const text = hasWord(key) ? t(key) : t('problem.provider-failed');
    place.querySelector('.lead').before(h('p', { role: 'alert', class: 'field-error' }, text));
  }
  function second(factors) {
    const byPasskey = factors.includes('passkey') && canUsePasskeys();
    if (!factors.includes('code')) {
      const lead = t(byPasskey ? 'signin.passkey.lead' : 'signin.passkey.elsewhere');
      announce(lead);
      show(place, brand(), h('p', { class: 'lead' }, lead), h('div', { class: 'buttons' },
        byPasskey ? passkey(t('signin.passkey.second'), { class: 'primary' }) : null, h('button', { type: 'button', onclick: first }, t('cancel'))));
      place.querySelector('button').focus();
      return;
    }
    announce(t('signin.code.lead'));
    show(place, brand(), h('p', { class: 'lead' }, t('signin.code.lead')), form({
      fields: [{ name: 'code', label: t('signin.code'), hint: t('signin.code.hint'), required: true, autocomplete: 'one-time-code' }],
      submit: t('signin.submit'), cancel: first,
      send: async ({ code }) => finish(await post('/v1/session/code', { code: code.replace(/\s+/g, '') })),
    }), byPasskey ? h('div', { class: 'buttons' }, passkey(t('signin.passkey.second'))) : null);
    place.querySelector('input').focus();
  }
  if (query.get('stage') === 'second-factor') second((query.get('factors') ?? 'code').split(','));
  else first();
  if (query.get('problem')) complain(query.get('problem'));
  // Neither is to be said again when the page is loaded anew.
  if (query.get('stage') || query.get('problem')) history.replaceState(null, '', '#/signin');
}
