// Certificates of people, with which their programs sign in: one's own, and those of others.

import { h } from './dom.js';
import { post, remove } from './api.js';
import { t, time, ago } from './words.js';
import { button, confirm, dialog, facts, formDialog, nothing, notice, pill, table } from './parts.js';
import { saveFile } from './files.js';
import { makeKey } from './keys.js';

const PEM = 'application/x-pem-file';

const state = (one) => (one.holds ? 'good' : one.revoked_at ? 'revoked' : 'over');
const statePill = (one) => pill(t(`certificates.${state(one)}`), { good: 'good', revoked: 'bad' }[state(one)] ?? '');

/** A name for the files of a certificate, from what its owner calls it. */
const fileName = (one) => one.label.replace(/[^A-Za-z0-9._@-]+/g, '-').replace(/^[-.]+|-+$/g, '') || one.id;

function show(one) {
  const { certificate } = one;
  dialog(one.label, (close) => [
    facts([
      [t('certificates.state'), statePill(one)], [t('certificates.id'), one.id, 'mono'], [t('certificates.serial'), certificate.serial, 'mono'],
      [t('certificates.sha256'), certificate.sha256, 'mono'], [t('certificates.key'), certificate.key_hash, 'mono'], [t('certificates.name'), certificate.name, 'mono'],
      [t('certificates.from'), time(certificate.valid_from)], [t('certificates.until'), `${time(certificate.expires_at)} (${ago(certificate.expires_at)})`],
      [t('certificates.used'), one.last_used_at ? time(one.last_used_at) : '–'], one.revoked_at ? [t('certificates.revoked-at'), time(one.revoked_at)] : null,
    ]),
    h('div', { class: 'buttons' },
      certificate.pem ? button(t('certificates.save'), () => saveFile(`${fileName(one)}.pem`, certificate.pem, PEM)) : null,
      h('button', { type: 'button', class: 'primary', onclick: close }, t('done'))),
  ], { wide: true });
}

/** A table of certificates. `where` is the address of the list; `changed` is called when one was revoked. */
export function certificateTable({ label, items, where, mayRevoke, changed }) {
  const revoke = (one) => confirm(t('certificates.revoke'), t('certificates.revoke.text', { name: one.label }), t('certificates.revoke'), async () => {
    await remove(`${where}/${encodeURIComponent(one.id)}`);
    await changed();
    notice(t('certificates.revoked.done', { name: one.label }));
  });
  return table({
    label, key: (one) => one.id, items, empty: nothing(t('certificates.none')),
    columns: [
      { label: t('certificates.label'), sort: (one) => one.label, cell: (one) => [one.label, h('p', { class: 'quiet small mono' }, one.id)] },
      { label: t('certificates.state'), sort: state, cell: statePill },
      { label: t('certificates.until'), sort: (one) => one.certificate.expires_at, cell: (one) => h('span', { title: time(one.certificate.expires_at) }, ago(one.certificate.expires_at)) },
      { label: t('certificates.used'), sort: (one) => one.last_used_at ?? '', cell: (one) => (one.last_used_at ? ago(one.last_used_at) : '–') },
      { label: '', cell: (one) => h('div', { class: 'row-tools' },
        button(t('certificates.show'), () => show(one), { 'aria-label': `${t('certificates.show')}: ${one.label}` }),
        mayRevoke && one.holds ? button(t('certificates.revoke'), () => revoke(one), { 'aria-label': `${t('certificates.revoke')}: ${one.label}` }) : null) },
    ],
  });
}

/** Has a key certified for one's own account: one that is made here, or that of a request made elsewhere. `command` is one that uses it. */
export function createCertificate(where, command, changed) {
  return formDialog(t('certificates.create'), {
    fields: [
      { name: 'label', label: t('certificates.label'), required: true, maxlength: 64 },
      { name: 'days', label: t('certificates.days'), type: 'number', min: 1, max: 90, value: 30, required: true },
      { name: 'csr', label: t('certificates.csr'), hint: t('certificates.csr.hint'), type: 'area', rows: 3 },
    ],
    submit: t('certificates.make'),
    send: async (values) => {
      const made = values.csr ? { request: values.csr } : await makeKey();
      const certificate = await post(where, { ...values, csr: made.request });
      await changed();
      give(certificate, made.key, command);
    },
  }, { intro: t('certificates.create.text') });
}

/** Gives what was made as files. The key is in this page only, until this dialog is closed. */
function give(made, key, command) {
  const name = fileName(made);
  let isSaved = !key;
  const element = dialog(t('certificates.made', { name: made.label }), (close) => [
    h('p', {}, t(key ? 'certificates.made.text' : 'certificates.made.request')),
    h('div', { class: 'buttons' },
      key ? button(t('certificates.save-key'), () => { saveFile(`${name}.key`, key, PEM); isSaved = true; }, { class: 'primary' }) : null,
      button(t('certificates.save'), () => saveFile(`${name}.pem`, made.certificate.pem + (made.issuer ?? ''), PEM))),
    h('p', { class: 'gap-above' }, t('certificates.use')),
    h('pre', { tabindex: '0' }, `${command} --certificate ${name}.pem`),
    h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: close }, t('done'))),
  ]);
  element.addEventListener('close', () => { if (!isSaved) notice(t('certificates.unsaved', { name: made.label }), 'failed'); });
}
