// What a tenant's network looks like now, kept fresh. The one place that asks again or listens for changes.

import { get, path, getIfAny, Problem } from './api.js';

const WIRES = 2000;
const REST = 6000;
const CALM = 60000;
const HISTORY = 90;
/** Of so many endpoints all are read at the beginning, in one request. */
const FEW = 1000;
/** Of so many all are read when a page wants them, part by part; of more only what is opened or looked for. */
export const WHOLE = 20000;
/** So many endpoints of one group are read when it is opened. */
const OPENED = 5000;

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
    /** The endpoints that were read; all of them where `isWhole`. */
    this.endpoints = new Map();
    this.isWhole = false;
    /** Counts up when endpoints or groups are others than before. */
    this.edition = 0;
    this.by = 'group';
    this.summary = { endpoints: 0, items: [] };
    this.groups = [];
    this.entries = [];
    this.policy = null;
    this.wires = new Map();
    this.leaves = [];
    this.history = new Map();
    this.timers = new Set();
    this.opened = new Map();
    this.touched = new Set();
    this.loaded = false;
    this.closed = false;
    this.running = new Map();
    this.onvisible = () => { if (!document.hidden && this.isRunning) { this.refresh(); this.#askWires(); } };
  }

  /** How many endpoints there are, and whether there are too many to read them all. */
  get count() { return this.summary.endpoints; }
  get isPartial() { return this.count > WHOLE; }

  /** Begins; `changed` events tell of anything new. What leaves say is not waited for: one of them may be silent. */
  async start() {
    this.isRunning = true;
    document.addEventListener('visibilitychange', this.onvisible);
    await this.refresh();
    this.loaded = true;
    performance.mark('patchbay:summary');
    this.#tell('all');
    this.#askWires();
    this.#listen();
    this.#every(WIRES, () => this.#askWires(false));
    this.#every(REST, () => (this.isListening ? null : this.refresh(false)));
    // Events may be missed while a machine sleeps; once in a while everything is asked again.
    this.#every(CALM, () => this.refresh(false));
  }

  stop() {
    this.isRunning = false;
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

  /**
   * One question of a kind at a time: a slow controller is not asked more. Who has to know what is so now gets an answer
   * that was begun after he asked; others do without.
   */
  #once(kind, action, isUrgent = true) {
    const before = this.running.get(kind);
    if (before) {
      if (isUrgent) before.next ??= before.promise.catch(() => {}).then(() => this.#once(kind, action));
      return before.next ?? before.promise;
    }
    const mine = {};
    mine.promise = this.#ask(action).finally(() => this.running.delete(kind));
    this.running.set(kind, mine);
    return mine.promise;
  }

  async #ask(action) {
    try {
      await action();
      if (this.trouble) { this.trouble = null; this.#tell('trouble'); }
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.trouble = problem;
      this.#tell('trouble');
      if (!this.loaded) throw problem;
    }
  }

  get #base() { return path`/v1/tenants/${this.tenant}`; }

  /** How many endpoints there are of each part, the policy, and the endpoints, as far as they were read. */
  refresh(isUrgent = true) {
    return this.#once('rest', async () => {
      const [summary, policy] = await Promise.all([
        get(`${this.#base}/summary`, { by: this.by }), this.account.can('showPolicy') ? getIfAny(`${this.#base}/policy`) : null,
      ]);
      const touched = [...this.touched];
      this.touched.clear();
      const hasGrown = summary.endpoints !== this.endpoints.size;
      this.#takeSummary(summary);
      const print = JSON.stringify(policy);
      if (print !== this.policyPrint) {
        this.policyPrint = print;
        this.policy = policy;
        this.entries = policy?.entries ?? [];
        this.#tell('policy');
      }
      // Of many endpoints only those are read again of which an event has told.
      if (summary.endpoints <= FEW || (this.wantsWhole && !this.isPartial && (hasGrown || !this.isWhole || !this.isListening))) await this.#readWhole();
      else if (touched.length > 60 && this.wantsWhole && !this.isPartial) await this.#readWhole();
      else await this.want(touched.slice(0, 60), true);
    }, isUrgent);
  }

  #takeSummary(summary) {
    const print = JSON.stringify(summary);
    if (print === this.summaryPrint) return;
    this.summaryPrint = print;
    this.summary = summary;
    if (summary.by === 'group') this.groups = summary.items.filter((one) => one.name && one.members !== undefined).map((one) => ({ name: one.name, count: one.members }));
    this.edition += 1;
    this.#tell('rest');
  }

  /** Counts by something else from now on: `group`, `host` or `vnet`. */
  async countBy(by) {
    if (by === this.by || !['group', 'host', 'vnet'].includes(by)) return;
    this.by = by;
    this.opened.clear();
    this.#takeSummary(await get(`${this.#base}/summary`, { by }));
  }

  /** Reads all endpoints, if there are not too many. */
  async whole() {
    this.wantsWhole = true;
    if (!this.isWhole && !this.isPartial) await this.#once('whole', () => this.#readWhole());
  }

  async #readWhole() {
    const fresh = new Map();
    let cursor;
    do {
      const page = await get(`${this.#base}/endpoints`, { limit: FEW, cursor });
      for (const one of page.items) fresh.set(one.name, one);
      cursor = page.next;
      if (!this.isWhole && cursor) {
        this.readSoFar = fresh.size;
        this.#tell('progress');
      }
    } while (cursor && !this.closed && fresh.size <= WHOLE);
    if (this.closed) return;
    this.readSoFar = null;
    const print = JSON.stringify([...fresh.values()]);
    if (print === this.print && this.isWhole) return;
    this.print = print;
    this.endpoints = fresh;
    this.isWhole = !cursor;
    this.edition += 1;
    performance.mark('patchbay:endpoints');
    this.#tell('rest');
  }

  #add(items) {
    let isNew = false;
    for (const one of items) {
      if (JSON.stringify(this.endpoints.get(one.name)) === JSON.stringify(one)) continue;
      this.endpoints.set(one.name, one);
      isNew = true;
    }
    if (isNew) this.edition += 1;
    return isNew;
  }

  /** Reads single endpoints by name, those that are known already only if they are to be `renewed`. */
  async want(names, isRenewed = false) {
    const wanted = names.filter((name) => (isRenewed ? this.isWhole || this.endpoints.has(name) : !this.endpoints.has(name)));
    if (!wanted.length) return;
    const found = await Promise.all(wanted.map((name) => getIfAny(path`/v1/tenants/${this.tenant}/endpoints/${name}`)));
    let isNew = this.#add(found.filter(Boolean));
    found.forEach((one, i) => { if (!one) { isNew = this.endpoints.delete(wanted[i]) || isNew; } });
    if (!isNew) return;
    this.edition += 1;
    this.#tell('rest');
  }

  /** Reads the endpoints of a part, where not all are read. */
  async open(key) {
    if (this.isWhole || this.opened.has(key)) return;
    const state = { count: 0, isOver: false };
    this.opened.set(key, state);
    const chosen = this.by === 'group' && key === '' ? { ungrouped: true } : { [this.by]: key };
    let cursor;
    do {
      const page = await get(`${this.#base}/endpoints`, { ...chosen, limit: FEW, cursor });
      this.#add(page.items);
      state.count += page.items.length;
      cursor = page.next;
      this.edition += 1;
      this.#tell('rest');
    } while (cursor && state.count < OPENED && !this.closed && this.opened.get(key) === state);
    state.isOver = true;
    this.#tell('rest');
  }

  /** Reads endpoints whose names have letters in them, where not all are read; one part of them at most. */
  async find(letters) {
    if (this.isWhole || !/^[ -~]{1,64}$/.test(letters)) return;
    const page = await get(`${this.#base}/endpoints`, { search: letters, limit: 200 });
    if (this.#add(page.items)) this.#tell('rest');
  }

  #askWires(isUrgent = true) {
    // Who answers slowly is asked seldom.
    if (!isUrgent && performance.now() < (this.wiresAgain ?? 0)) return null;
    return this.#once('wires', async () => {
      const begun = performance.now();
      const answer = await getIfAny('/v1/wires', { tenant: this.tenant }) ?? { items: [], leaves: [] };
      this.wiresAgain = performance.now() + 4 * (performance.now() - begun);
      this.#takeWires(answer.items, answer.leaves ?? []);
      performance.mark('patchbay:wires');
    }, isUrgent);
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
    const soon = (event) => {
      try {
        const { endpoint } = JSON.parse(event.data);
        if (endpoint) this.touched.add(inner(endpoint, this.tenant));
      } catch { /* An event without data is one all the same. */ }
      // Where there are many, much happens: once in two seconds is enough.
      if (this.again) return;
      this.again = setTimeout(() => {
        this.again = null;
        if (!document.hidden) { this.refresh(); this.#askWires(); }
      }, this.count > FEW ? 2000 : 150);
    };
    source.onmessage = soon;
    for (const kind of EVENTS) source.addEventListener(kind, soon);
    for (const kind of ['access.created', 'access.changed']) source.addEventListener(kind, () => this.#tell('access'));
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
      if (this.isWhole && !(this.endpoints.has(entry.from) && this.endpoints.has(entry.to))) continue;
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
    const ofGroups = this.entries.filter((one) => one.action === 'plug' && (one.from.startsWith('group:') || one.to.startsWith('group:')));
    for (const cable of cables.values()) {
      const { wires, entry } = cable;
      cable.isLive = wires.length > 0;
      // A wire inside one host is on no network: what was asked for it says more than how it is sent.
      const sent = wires.filter((one) => !one.isLocal);
      cable.isLocal = cable.isLive && !sent.length;
      cable.security = sent[0]?.security ?? (entry ?? this.#entryOfGroups(cable, ofGroups))?.security ?? 'none';
      if (sent.some((one) => one.security !== cable.security)) cable.security = 'none';
      // An entry of one way, or a wire of one way that no entry explains.
      cable.oneWay = entry ? (entry.one_way ? `${entry.from}>${entry.to}` : null)
        : wires.length === 1 ? wires[0].key : null;
      cable.state = cable.isLive ? 'live' : entry ? 'ready' : 'blocked';
    }
    return cables;
  }

  /** The entry about groups that speaks of a pair. */
  #entryOfGroups(cable, entries) {
    const names = (name) => new Set([name, ...(this.endpoints.get(name)?.groups ?? []).map((group) => `group:${group}`)]);
    const [a, b] = [names(cable.a), names(cable.b)];
    return entries.find((one) => ((a.has(one.from) && b.has(one.to)) || (a.has(one.to) && b.has(one.from))));
  }

  /** Entries between groups, as thick cables between panels. */
  trunks() {
    return this.entries.filter((one) => one.action === 'plug' && one.from.startsWith('group:') && one.to.startsWith('group:')
      && one.from !== one.to).map((one) => ({ ...one, a: one.from.slice(6), b: one.to.slice(6) }));
  }
}
