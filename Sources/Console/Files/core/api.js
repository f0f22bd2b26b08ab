// The REST API of the controller, which is all that the console knows of the world.

/** An answer that is an error (RFC 9457). */
export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(body?.detail || body?.title || `HTTP ${status}`);
    this.status = status;
    this.code = (body?.type ?? '').replace('urn:patchbay:problem:', '') || body?.code || `http-${status}`;
    this.detail = body?.detail;
    this.remedy = body?.remedy;
    this.pointer = body?.pointer;
    this.findings = body?.findings ?? [];
    this.retryAfter = retryAfter;
  }
}

/** Hears `signed-out` when a session has ended. */
export const bus = new EventTarget();

let forgeryToken = null;

/** The token that every change by a session carries, so that no other site's page can make one. */
export function setForgeryToken(token) { forgeryToken = token ?? null; }

let freshSignIn = null;

/** Sets what asks the user to sign in again; it gives true when he has. */
export function askForFreshSignIn(action) { freshSignIn = action; }

/** A path with its variable parts escaped: path`/v1/tenants/${tenant}/groups`. */
export function path(parts, ...values) {
  return parts.reduce((text, part, i) => text + encodeURIComponent(String(values[i - 1])) + part);
}

function queryText(query) {
  const pairs = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return pairs.length ? `?${new URLSearchParams(pairs)}` : '';
}

/**
 * Sends a request and returns what is in the answer: a value for JSON, else the text; null for nothing.
 * A body is sent as JSON, or as it is if `type` is given.
 */
export async function call(method, where, { body, type, query, signal, headers, again } = {}) {
  const sent = { Accept: 'application/json, application/yaml, */*', ...headers };
  if (body !== undefined) sent['Content-Type'] = type ?? 'application/json';
  if (method !== 'GET' && forgeryToken) sent['X-Patchbay-CSRF'] = forgeryToken;
  let answer;
  try {
    answer = await fetch(where + queryText(query), {
      method, signal, headers: sent, credentials: 'same-origin', cache: 'no-store', redirect: 'error',
      body: body === undefined ? undefined : type ? body : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, { type: 'urn:patchbay:problem:unreachable' });
  }
  const isJSON = /[/+]json/.test(answer.headers.get('Content-Type') ?? '') ;
  if (answer.ok) {
    if (answer.status === 204) return null;
    return isJSON ? answer.json() : answer.text();
  }
  const problem = new Problem(
    answer.status, isJSON ? await answer.json().catch(() => null) : null, Number(answer.headers.get('Retry-After')) || undefined);
  if (problem.status === 401 && problem.code === 'unauthenticated') bus.dispatchEvent(new Event('signed-out'));
  // What is most sensitive wants a sign-in of the last minutes: it is asked for, and the request is sent once more.
  if (problem.code === 'sign-in-again' && freshSignIn && !again) {
    if (await freshSignIn()) return call(method, where, { body, type, query, signal, headers, again: true });
  }
  throw problem;
}

export const get = (where, query, options) => call('GET', where, { query, ...options });
export const post = (where, body, options) => call('POST', where, { body, ...options });
export const put = (where, body, options) => call('PUT', where, { body, ...options });
export const remove = (where, options) => call('DELETE', where, options);

/** Everything in a list, page after page. */
export async function list(where, query, options) {
  const items = [];
  let next;
  do {
    const page = await get(where, next ? { ...query, ...next } : query, options);
    items.push(...(page?.items ?? []));
    next = page?.next ? { cursor: page.next } : null;
  } while (next && items.length < 200000);
  return items;
}

/** A list, or null where this controller has none, or the account may not see it. */
export async function listIfAny(where, query, options) {
  try {
    return await list(where, query, options);
  } catch (problem) {
    if (problem instanceof Problem && [403, 404, 405, 501].includes(problem.status)) return null;
    throw problem;
  }
}

/** A value, or null likewise. */
export async function getIfAny(where, query, options) {
  try {
    return await get(where, query, options);
  } catch (problem) {
    if (problem instanceof Problem && [403, 404, 405, 501].includes(problem.status)) return null;
    throw problem;
  }
}
