// Going to a provider of identities, and coming back.

import { post } from './api.js';

/** Asks the controller where the provider is, and goes there. The controller sends the browser back into the console. */
export async function goToProvider(where, body) {
  const { url } = await post(where, body);
  const goal = new URL(url);
  if (goal.protocol !== 'https:') throw new Error('the address of a provider is none');
  if (!/^#\/(signin|setup)/.test(location.hash) && body.fresh) sessionStorage.setItem('patchbay.wanted', location.hash);
  location.assign(goal.href);
  // The page goes away; what waits for an answer goes with it.
  return new Promise(() => {});
}
