import { h, show, announce } from '../core/dom.js';
import { post, setForgeryToken } from '../core/api.js';
import { t } from '../core/words.js';
import { form } from '../core/parts.js';

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

/** Name and password, then the second factor where the account has one. */
export async function render(place, { entered }) {
  const brand = () => h('div', { class: 'door-brand' }, h('img', { src: 'icon.svg', alt: '', width: 56, height: 56 }), h('h1', { tabindex: '-1' }, 'Patchbay'));
  const finish = async (answer) => {
    setForgeryToken(answer.csrf_token);
    if (answer.stage === 'second-factor') second();
    else await entered();
  };
  function first() {
    show(place, brand(), h('p', { class: 'lead' }, t('signin.lead')), form({
      fields: [
        { name: 'name', label: t('signin.name'), hint: t('signin.name.hint'), required: true, autocomplete: 'username' },
        { name: 'password', label: t('signin.password'), type: 'password', required: true, autocomplete: 'current-password', keep: true },
      ],
      submit: t('signin.submit'),
      send: async (values) => finish(await enter(values)),
    }));
    place.querySelector('input').focus();
  }
  function second() {
    announce(t('signin.code.lead'));
    show(place, brand(), h('p', { class: 'lead' }, t('signin.code.lead')), form({
      fields: [{ name: 'code', label: t('signin.code'), hint: t('signin.code.hint'), required: true, autocomplete: 'one-time-code' }],
      submit: t('signin.submit'), cancel: first,
      send: async ({ code }) => finish(await post('/v1/session/code', { code: code.replace(/\s+/g, '') })),
    }));
    place.querySelector('input').focus();
  }
  first();
}
