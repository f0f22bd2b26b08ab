import { h, show } from '../core/dom.js';
import { post } from '../core/api.js';
import { t } from '../core/words.js';
import { form } from '../core/parts.js';

/** Sets the password by the link of an invitation. */
export async function render(place, { query, entered }) {
  const name = query.get('name') ?? '';
  const secret = query.get('secret') ?? '';
  // The secret is not to stay in the address, the history or a screenshot.
  history.replaceState(null, '', '#/setup');
  const brand = h('div', { class: 'door-brand' }, h('img', { src: 'icon.svg', alt: '', width: 56, height: 56 }), h('h1', { tabindex: '-1' }, t('page.setup')));
  if (!name || !secret) {
    show(place, brand, h('p', { role: 'alert' }, t('setup.no-link')), h('p', {}, h('a', { href: '#/signin' }, t('signin.submit'))));
    return;
  }
  const fields = form({
    fields: [
      { name: 'password', label: t('setup.password'), hint: t('setup.password.hint'), type: 'password', required: true, autocomplete: 'new-password', keep: true },
      { name: 'again', label: t('setup.again'), type: 'password', required: true, autocomplete: 'new-password', keep: true },
    ],
    submit: t('setup.submit'),
    send: async ({ password, again }) => {
      if (password !== again) { fields.complain('again', t('setup.differ')); return; }
      await post('/v1/setup', { name, secret, password });
      show(place, brand, h('p', { role: 'status' }, t('setup.done')), h('p', {}, h('a', { class: 'button primary', href: '#/signin' }, t('signin.submit'))));
    },
  });
  show(place, brand, h('p', { class: 'lead' }, t('setup.lead', { name })),
    h('input', { type: 'text', class: 'unseen', autocomplete: 'username', value: name, tabindex: '-1', 'aria-hidden': 'true', readonly: true }), fields);
  place.querySelector('input[type=password]').focus();
}
