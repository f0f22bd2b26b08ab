// How much of what a tenant may have it has.

import { h } from './dom.js';
import { put, path } from './api.js';
import { t, number, kindWord } from './words.js';
import { formDialog } from './parts.js';

/** Each kind with how many there are and may be, and a bar where there is a limit. */
export function quotaView(items) {
  return h('ul', { class: 'quota' }, items.map((one) => {
    const isLimited = one.limit !== undefined && one.limit !== null;
    const isFull = isLimited && one.used >= one.limit;
    return h('li', { class: isFull ? 'full' : '' },
      h('span', {}, kindWord(one.kind)),
      h('span', { class: 'number' }, isLimited ? t('quota.of', { used: one.used, limit: one.limit }) : t('quota.unlimited', { used: one.used })),
      isLimited ? h('meter', { min: 0, max: Math.max(one.limit, 1), high: one.limit * 0.9, value: Math.min(one.used, Math.max(one.limit, 1)), 'aria-label': `${kindWord(one.kind)}: ${number(one.used)} / ${number(one.limit)}` }) : null);
  }));
}

/** Sets all limits; one that is left empty is gone. */
export function changeQuota(tenant, items, done) {
  const where = path`/v1/tenants/${tenant}/quota`;
  return formDialog(`${t('dashboard.quota')}: ${tenant}`, {
    fields: items.map((one) => ({ name: one.kind, label: kindWord(one.kind), hint: t('tenants.quota.used', { used: one.used }), type: 'number', min: 0, value: one.limit ?? '' })),
    submit: t('save'),
    send: async (values) => done(await put(where, values)),
  }, { intro: t('tenants.quota.text') });
}
