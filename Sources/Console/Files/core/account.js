// Who is signed in, and what he may do.

import { get, listIfAny, path, setForgeryToken } from './api.js';

const look = [
  'showTenant', 'showQuota', 'listVNets', 'showVNet', 'listGroups', 'showGroup', 'listEndpoints', 'summarizeEndpoints', 'showEndpoint', 'showCertificate',
  'showPolicy', 'listPolicyEntries', 'showDocument', 'showCanonicalPolicy', 'checkDocument', 'diffDocument', 'diffRevisions',
  'listRevisions', 'explain', 'trace', 'listWires', 'showWireTraffic', 'followEvents', 'showUsage',
];
/** What a tenant's grant lets the provider's people do in it; GET /v1/self speaks of the platform only. */
const byGrant = {
  viewer: look,
  'network-admin': [
    ...look, 'createVNet', 'deleteVNet', 'createGroup', 'deleteGroup', 'changeLabels', 'changeLevel', 'createEndpoint', 'deleteEndpoint',
    'addMember', 'removeMember', 'moveEndpoint',
  ],
  'security-admin': [...look, 'createPolicyEntry', 'deletePolicyEntry', 'applyDocument', 'rollbackPolicy', 'plug', 'unplug'],
};

export class Account {
  constructor(self) {
    Object.assign(this, self);
    this.allowed = new Set(self.actions ?? []);
  }

  /** Whether the account's rights have an operation of the API, by its id. What they lack is not offered. */
  can(operation) { return this.allowed.has(operation); }

  /** The account as it is inside of a tenant: with what the tenant has granted. */
  async inside(tenant) {
    if (!this.isProvider || this.means !== 'session' || !this.can('listAccessGrants')) return this;
    const grants = await listIfAny(path`/v1/tenants/${tenant}/access`) ?? [];
    const account = new Account(this);
    // One that names nobody is for every operator.
    account.grants = grants.filter((one) => one.holds && (one.grantee ? one.grantee === this.name : this.roles.includes('operator')));
    for (const operation of account.grants.flatMap((one) => one.roles).flatMap((role) => byGrant[role] ?? [])) account.allowed.add(operation);
    return account;
  }

  /** Whether he belongs to the provider. */
  get isProvider() { return !this.tenant; }
}

/** Who this browser's session belongs to; throws a Problem 401 when nobody is signed in. */
export async function whoAmI() {
  const self = await get('/v1/self');
  if (self.csrf_token) setForgeryToken(self.csrf_token);
  return new Account(self);
}
