// Who is signed in, and what he may do.

import { get, setForgeryToken } from './api.js';

export class Account {
  constructor(self) {
    Object.assign(this, self);
    this.allowed = new Set(self.actions ?? []);
  }

  /** Whether the account's rights have an operation of the API, by its id. What they lack is not offered. */
  can(operation) { return this.allowed.has(operation); }

  /** Whether he belongs to the provider. */
  get isProvider() { return !this.tenant; }
}

/** Who this browser's session belongs to; throws a Problem 401 when nobody is signed in. */
export async function whoAmI() {
  const self = await get('/v1/self');
  if (self.csrf_token) setForgeryToken(self.csrf_token);
  return new Account(self);
}
