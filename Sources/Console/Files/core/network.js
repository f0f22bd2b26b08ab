// What a tenant's network looks like now, kept fresh. The one place that asks again or listens for changes.

import { get, list, path, getIfAny, listIfAny, Problem } from './api.js';

const WIRES = 2000;
const REST = 6000;
const CALM = 60000;
const HISTORY = 90;

/** The events of a tenant after which the picture may be another; docs/api.md lists them. */
const EVENTS = ['endpoint', 'group'].flatMap((kind) => ['created', 'changed', 'deleted'].map((what) => `${kind}.${what}`))
  .concat('policy.changed', 'guardrails.changed', 'wire.plugged', 'wire.unplugged', 'tenant.changed', 'reset');

/** The name inside the tenant of `tenant/name`; an address or a foreign name stays whole. */
export const inner = (name, tenant) => (name.startsWith(`${tenant}/`) ? name.slice(tenant.length + 1) : name);

/** The key of a pair without direction. */
export const pairKey = (a, b) => (a < b ? `${a}|${b}` : `${b}|${a}`);

export class Network extends EventTarget {
  constructor(tenant, account) {
    super();
    this.tenant = tenant;
    this.account = account;
    this.endpoints = new Map();
    this.groups = [];
    this.entries = [];
    this.policy = null;
    this.wires = new Map();
    this.leaves = [];
    this.history = new Map();
    this.timers = new Set();
    this.loaded = false;
    this.closed = false;
    this.busy = new Set();
    this.onvisible = () => { if (!document.hidden && this.running) { this.refresh(); this.#askWires(); } };
  }

  /** Begins; `changed` events tell of anything new. */
  async start() {
    this.running = true;
    document.addEventListener('visibilitychange', this.onvisible);
    await this.refresh();
    await this.#askWires();
    this.loaded = true;
    this.#tell('all');
    this.#listen();
    this.#every(WIRES, () => this.#askWires());
    this.#every(REST, () => (this.isListening ? null : this.refresh()));
    // Events may be missed while a machine sleeps; once in a while everything is asked again.
    this.#every(CALM, () => this.refresh());
  }

  stop() {
    this.running = false;
    this.closed = true;
    document.removeEventListener('visibilitychange', this.onvisible);
    for (const timer of this.timers) clearInterval(timer);
    this.source?.close();
    clearTimeout(this.again);
  }

  #every(milliseconds, action) {
    this.timers.add(setInterval(() => { if (!document.hidden && !this.closed) action(); }, milliseconds));
  }

  #tell(what) { if (!this.closed) this.dispatchEvent(new CustomEvent('changed', { detail: what })); }

  /** One question of a kind at a time: a slow controller is not asked more. */
  async #once(kind, action) {
    if (this.busy.has(kind)) return;
    this.busy.add(kind);
    try {
      await action();
      if (this.trouble) { this.trouble = null; this.#tell('trouble'); }
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.trouble = problem;
      this.#tell('trouble');
      if (!this.loaded) throw problem;
    } finally {
      this.busy.delete(kind);
    }
  }

  /** Endpoints, groups and policy. */
  refresh() {
    return this.#once('rest', async () => {
      const base = path`/v1/tenants/${this.tenant}`;
      const [endpoints, groups, policy] = await Promise.all([
        list(`${base}/endpoints`), listIfAny(`${base}/groups`), getIfAny(`${base}/policy`),
      ]);
      const before = this.print;
      this.print = JSON.stringify([endpoints, groups, policy]);
      if (this.print === before) return;
      this.endpoints = new Map(endpoints.map((one) => [one.name, one]));
      this.groups = groups ?? [];
      this.policy = policy;
      this.entries = policy?.entries ?? [];
      this.#tell('rest');
    });
  }

  #askWires() {
    return this.#once('wires', async () => {
      const answer = await getIfAny('/v1/wires', { tenant: this.tenant }) ?? { items: [], leaves: [] };
      this.#takeWires(answer.items, answer.leaves ?? []);
    });
  }

  #takeWires(items, leaves) {
    const now = performance.now();
    const fresh = new Map();
    for (const wire of items) {
      const source = inner(wire.source_border ?? wire.source, this.tenant);
      const destination = inner(wire.destination_border ?? wire.destination, this.tenant);
      const key = `${source}>${destination}`;
      let one = fresh.get(key);
      if (!one) fresh.set(key, one = { key, source, destination, security: wire.security, bytes: 0, packets: 0, seen: 0, ends: [], at: now });
      one.ends.push(wire);
      one.isLocal = wire.direction === 'local';
      one.host = wire.host;
      // The sender counts what it sends; the receiver's figure stands in where the sender does not answer.
      if (wire.direction === 'receive') one.seen += wire.bytes;
      else { one.bytes += wire.bytes; one.packets += wire.packets; one.sent = true; }
      if (wire.direction !== 'receive') one.security = wire.security;
      one.since = one.since && one.since < wire.plugged_at ? one.since : wire.plugged_at;
    }
    for (const one of fresh.values()) {
      if (!one.sent) one.bytes = one.seen;
      const former = this.wires.get(one.key);
      const seconds = former ? (now - former.at) / 1000 : 0;
      one.rate = former && one.bytes >= former.bytes && seconds > 0.2 ? ((one.bytes - former.bytes) * 8) / seconds : 0;
      const history = this.history.get(one.key) ?? [];
      history.push(one.rate);
      if (history.length > HISTORY) history.shift();
      this.history.set(one.key, history);
    }
    for (const key of this.history.keys()) if (!fresh.has(key)) this.history.delete(key);
    this.wires = fresh;
    this.leaves = leaves;
    this.#tell('wires');
  }

  /** Asks now what could have changed by something that was just done. */
  async hurry() {
    await this.refresh();
    await this.#askWires();
  }

  /** Server-sent events, where the controller has them. A browser resumes by itself, with the id of the last event. */
  #listen() {
    const base = path`/v1/tenants/${this.tenant}/events`;
    if (!this.account.can('followEvents')) return;
    const source = new EventSource(base);
    this.source = source;
    source.onopen = () => { this.isListening = true; this.#tell('trouble'); };
    const soon = () => {
      clearTimeout(this.again);
      this.again = setTimeout(() => { if (!document.hidden) { this.refresh(); this.#askWires(); } }, 150);
    };
    source.onmessage = soon;
    for (const kind of EVENTS) source.addEventListener(kind, soon);
    source.onerror = () => {
      this.isListening = false;
      this.#tell('trouble');
    };
  }

  /** All cables: pairs that the policy's entries plug, and wires that leaves report. */
  cables() {
    const cables = new Map();
    const of = (a, b) => {
      const key = pairKey(a, b);
      let cable = cables.get(key);
      if (!cable) {
        const [first, second] = key.split('|');
        cables.set(key, cable = { key, a: first, b: second, wires: [], entry: null, rate: 0, bytes: 0 });
      }
      return cable;
    };
    for (const entry of this.entries) {
      if (entry.from.startsWith('group:') || entry.to.startsWith('group:') || entry.from === entry.to) continue;
      if (!this.endpoints.has(entry.from) || !this.endpoints.has(entry.to)) continue;
      const cable = of(entry.from, entry.to);
      if (entry.action === 'plug') cable.entry = entry;
      else cable.blocked = entry;
    }
    for (const wire of this.wires.values()) {
      if (wire.source === wire.destination) continue;
      const cable = of(wire.source, wire.destination);
      cable.wires.push(wire);
      cable.rate += wire.rate;
      cable.bytes += wire.bytes;
    }
    for (const cable of cables.values()) {
      const { wires, entry } = cable;
      cable.isLive = wires.length > 0;
      // A wire inside one host is on no network: what was asked for it says more than how it is sent.
      const sent = wires.filter((one) => !one.isLocal);
      cable.isLocal = cable.isLive && !sent.length;
      cable.security = sent[0]?.security ?? (entry ?? this.#entryOfGroups(cable))?.security ?? 'none';
      if (sent.some((one) => one.security !== cable.security)) cable.security = 'none';
      // An entry of one way, or a wire of one way that no entry explains.
      cable.oneWay = entry ? (entry.one_way ? `${entry.from}>${entry.to}` : null)
        : wires.length === 1 ? wires[0].key : null;
      cable.state = cable.isLive ? 'live' : entry ? 'ready' : 'blocked';
    }
    return cables;
  }

  /** The entry about groups that speaks of a pair. */
  #entryOfGroups(cable) {
    const names = (name) => new Set([name, ...(this.endpoints.get(name)?.groups ?? []).map((group) => `group:${group}`)]);
    const [a, b] = [names(cable.a), names(cable.b)];
    return this.entries.find((one) => one.action === 'plug' && ((a.has(one.from) && b.has(one.to)) || (a.has(one.to) && b.has(one.from))));
  }

  /** Entries between groups, as thick cables between panels. */
  trunks() {
    return this.entries.filter((one) => one.action === 'plug' && one.from.startsWith('group:') && one.to.startsWith('group:')
      && one.from !== one.to).map((one) => ({ ...one, a: one.from.slice(6), b: one.to.slice(6) }));
  }
}
