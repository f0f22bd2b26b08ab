// Passkeys: what authenticators make and sign (WebAuthn). The API speaks its JSON, in which octets are base64url.

import { post, Problem } from './api.js';

const octets = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0));

function base64url(buffer) {
  let text = '';
  for (const octet of new Uint8Array(buffer)) text += String.fromCharCode(octet);
  return btoa(text).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

const descriptors = (list) => list.map((one) => ({ ...one, id: octets(one.id) }));

/** Whether this page can use passkeys: they are bound to names, so there are none behind an address. */
export const canUsePasskeys = () => Boolean(window.PublicKeyCredential && navigator.credentials) && !/^\[|^[\d.]+$/.test(location.hostname);

/** Asks the browser; what its user or it refuses becomes a problem like those of the API. */
async function ask(action) {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    const kind = { NotAllowedError: 'cancelled', AbortError: 'cancelled', InvalidStateError: 'known' }[error.name] ?? 'unable';
    throw new Problem(0, { type: `urn:patchbay:problem:passkey-${kind}` });
  }
}

/** Has a passkey made and adds it to one's own account. */
export async function addPasskey(label) {
  const options = await post('/v1/self/passkeys/options');
  const made = await ask(() => navigator.credentials.create({ publicKey: {
    ...options, challenge: octets(options.challenge), user: { ...options.user, id: octets(options.user.id) },
    excludeCredentials: descriptors(options.excludeCredentials),
  } }));
  return post('/v1/self/passkeys', { label, credential: {
    id: made.id, type: made.type, response: {
      clientDataJSON: base64url(made.response.clientDataJSON), attestationObject: base64url(made.response.attestationObject),
      transports: made.response.getTransports?.() ?? [],
    },
  } });
}

/** Signs in by a passkey, or completes a sign-in that waits for a second factor; gives the session's state. */
export async function signInByPasskey() {
  const options = await post('/v1/session/passkey/options');
  const { id, type, response } = await ask(() => navigator.credentials.get({ publicKey: {
    ...options, challenge: octets(options.challenge), allowCredentials: descriptors(options.allowCredentials),
  } }));
  try {
    return await post('/v1/session/passkey', { credential: {
      id, type, response: {
        clientDataJSON: base64url(response.clientDataJSON), authenticatorData: base64url(response.authenticatorData),
        signature: base64url(response.signature), userHandle: response.userHandle?.byteLength ? base64url(response.userHandle) : undefined,
      },
    } });
  } catch (problem) {
    if (problem.code === 'wrong-credentials') throw new Problem(problem.status, { type: 'urn:patchbay:problem:wrong-passkey' });
    throw problem;
  }
}
