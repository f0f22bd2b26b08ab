// What stands beside the picture: the selected socket or cable, and what can be done with it.

import { h, show, said } from '../core/dom.js';
import { get, getIfAny, path, Problem } from '../core/api.js';
import { t, rate, bytes, number, time, ago, problemText } from '../core/words.js';
import { button, facts, pill, form, nothing } from '../core/parts.js';
import { spark } from './spark.js';
import { bars } from '../core/bars.js';

export class Inspector {
  /** `acts`: plug(from, to, options), unplug(a, b), selectCable(key), selectSocket(name), close(). */
  constructor(network, account, acts) {
    this.network = network;
    this.account = account;
    this.acts = acts;
    this.element = h('aside', { class: 'inspector', 'aria-label': t('bay.inspector') });
    this.live = [];
  }

  #hash(page, ...rest) { return `#/t/${[this.network.tenant, page, ...rest].map(encodeURIComponent).join('/')}`; }

  #head(kind, title, ...more) {
    return h('header', {}, h('div', {}, h('p', { class: 'kind' }, kind), h('h2', { tabindex: '-1' }, title)), more,
      h('button', { type: 'button', class: 'bare', 'aria-label': t('close'), onclick: () => this.acts.close() }, '✕'));
  }

  showNothing() {
    this.subject = null;
    this.live = [];
    this.element.classList.remove('open');
    const sample = (kind) => h('span', { class: `sample ${kind}`, 'aria-hidden': 'true' });
    show(this.element, h('h2', {}, t('bay.legend')),
      h('ul', { class: 'legend' },
        h('li', {}, sample('conf'), h('span', {}, h('b', {}, t('security.conf')), ' ', t('security.conf.text'))),
        h('li', {}, sample('auth'), h('span', {}, h('b', {}, t('security.auth')), ' ', t('security.auth.text'))),
        h('li', {}, sample('none'), h('span', {}, h('b', {}, t('security.none')), ' ', t('security.none.text'))),
        h('li', {}, sample('ready'), h('span', {}, h('b', {}, t('wire.ready')), ' ', t('wire.ready.text'))),
        h('li', {}, sample('blocked'), h('span', {}, h('b', {}, t('wire.blocked')), ' ', t('wire.blocked.text')))),
      h('h2', {}, t('bay.how')),
      h('ul', { class: 'how', id: 'bay-keys' },
        this.account.can('plug') ? h('li', {}, t('bay.how.drag')) : null,
        h('li', {}, t('bay.how.click')), h('li', {}, t('bay.how.zoom')), this.account.can('plug') ? h('li', {}, t('bay.how.keys')) : h('li', {}, t('bay.how.keys.view'))));
  }

  /** Shows a socket; the parts that change with traffic renew themselves by `refresh`. */
  showSocket(name) {
    const endpoint = this.network.endpoints.get(name);
    if (!endpoint) { this.showNothing(); return; }
    this.subject = { socket: name };
    this.element.classList.add('open');
    const wires = h('ul', { class: 'wire-list' });
    this.wireList = wires;
    const others = [...this.network.endpoints.keys()].filter((one) => one !== name).slice(0, 2000);
    show(this.element, this.#head(t('endpoint'), name), h('p', { class: 'pills' },
      pill(t(`state.${endpoint.state}`), endpoint.state), endpoint.groups.map((one) => pill(one, 'group')), endpoint.labels.map((one) => pill(one, 'label'))),
    endpoint.detail ? h('p', { class: 'field-error' }, said(endpoint.detail)) : null,
    facts([
      [t('endpoint.ipv4'), endpoint.ipv4, 'mono'], [t('endpoint.identity'), endpoint.identity, 'mono'],
      [t('endpoint.host'), endpoint.host], [t('endpoint.vnet'), endpoint.vnet], [t('endpoint.level'), number(endpoint.level)],
      endpoint.networks?.length ? [t('endpoint.networks'), endpoint.networks.join(', '), 'mono'] : null,
    ]),
    h('p', {}, h('a', { href: this.#hash('endpoints', name) }, t('endpoint.more'))),
    h('h3', {}, t('bay.its-wires')), wires,
    this.account.can('plug') ? h('details', { class: 'plug-form' }, h('summary', {}, t('bay.plug-to')), form({
      fields: [
        { name: 'to', label: t('bay.other-end'), required: true, suggestions: others },
        this.#securityField(), { name: 'one_way', label: t('bay.one-way'), type: 'check' },
      ],
      submit: t('bay.plug'),
      send: ({ to, security, one_way: oneWay }) => this.acts.plug(name, to, { security, one_way: oneWay }),
    })) : null);
    this.live = [() => this.#listWires(name, wires)];
    this.refresh();
  }

  #securityField(value = 'conf') {
    return {
      name: 'security', label: t('wire.protection'), type: 'select', value,
      options: ['conf', 'auth', 'none'].map((one) => ({ value: one, label: t(`security.${one}`) })),
    };
  }

  #listWires(name, place) {
    const cables = [...this.acts.cables().values()].filter((one) => one.a === name || one.b === name)
      .sort((one, other) => (one.state === 'blocked') - (other.state === 'blocked') || other.rate - one.rate);
    const print = JSON.stringify(cables.map((one) => [one.key, one.state, one.security, one.rate]));
    if (print === place.dataset.print) return;
    place.dataset.print = print;
    const focused = place.contains(document.activeElement) ? document.activeElement.dataset.cable : null;
    if (!cables.length) { show(place, h('li', { class: 'quiet' }, t('bay.no-wires'))); return; }
    show(place, cables.slice(0, 200).map((cable) => {
      const other = cable.a === name ? cable.b : cable.a;
      return h('li', {}, h('button', { type: 'button', class: `wire-button ${cable.state} ${cable.security}`, data: { cable: cable.key }, onclick: () => this.acts.selectCable(cable.key, true) },
        h('span', { class: 'swatch', 'aria-hidden': 'true' }), h('span', { class: 'other' }, other),
        h('span', { class: 'what' }, cable.state === 'blocked' ? t('wire.blocked') : `${t(`security.${cable.security}`)} · ${cable.isLive ? rate(cable.rate) : t('wire.ready')}`)));
    }));
    if (focused) place.querySelector(`[data-cable="${CSS.escape(focused)}"]`)?.focus();
  }

  /** Shows a cable, with what the policy and both leaves say of it. */
  showCable(key) {
    const cable = this.acts.cables().get(key);
    if (!cable) { this.showNothing(); return; }
    this.subject = { cable: key };
    this.element.classList.add('open');
    const { a, b } = cable;
    const [from, to] = cable.oneWay ? cable.oneWay.split('>') : [a, b];
    const state = h('p', { class: 'pills' });
    const traffic = h('div', { class: 'traffic' });
    const verdict = h('div', { class: 'verdict', 'aria-live': 'polite' }, h('p', { class: 'quiet' }, t('loading')));
    const socket = (name) => (this.network.endpoints.has(name)
      ? h('button', { type: 'button', class: 'end', onclick: () => this.acts.selectSocket(name, true) }, name) : h('span', { class: 'end' }, name));
    const history = h('div', { class: 'stack' });
    const between = h('span', { 'aria-hidden': 'true' });
    show(this.element, this.#head(t('wire'), `${from} ${cable.oneWay ? '→' : '↔'} ${to}`),
      h('div', { class: 'ends' }, socket(from), between, socket(to)),
      state, traffic, history, h('h3', {}, t('wire.verdict')), verdict,
      h('div', { class: 'buttons' },
        this.account.can('unplug') && cable.state !== 'blocked' ? button(t('wire.pull'), () => this.acts.unplug(from, to), { class: 'danger', id: 'pull-out' }) : null,
        this.account.can('explain') ? h('a', { class: 'button', href: `${this.#hash('explain')}?from=${encodeURIComponent(from)}&to=${encodeURIComponent(to)}` }, t('wire.explain')) : null),
      this.account.can('plug') && this.network.endpoints.has(from) && this.network.endpoints.has(to)
        ? h('details', { class: 'plug-form' }, h('summary', {}, cable.state === 'blocked' ? t('bay.plug-again') : t('wire.change')), form({
          fields: [this.#securityField(cable.security), { name: 'one_way', label: t('bay.one-way-from', { from, to }), type: 'check', value: Boolean(cable.oneWay) }],
          submit: t('bay.plug'), send: (values) => this.acts.plug(from, to, values),
        })) : null);
    this.live = [() => this.#showTraffic(key, state, traffic, between)];
    this.refresh();
    this.#explain(key, from, to, verdict);
    if (cable.state !== 'blocked') this.#past(from, to, history);
  }

  #showTraffic(key, state, place, between) {
    const cable = this.acts.cables().get(key);
    between.className = `link ${cable?.state ?? 'blocked'} ${cable?.security ?? ''}`;
    if (!cable) {
      show(state, pill(t('wire.gone'), 'blocked'));
      show(place);
      return;
    }
    show(state, pill(t(`wire.${cable.state}`), cable.state), cable.state === 'blocked' ? null : pill(t(`security.${cable.security}`), cable.security),
      cable.isLocal ? pill(t('wire.local', { host: cable.wires[0].host })) : null);
    if (!cable.isLive) {
      show(place, cable.state === 'ready' ? h('p', { class: 'quiet' }, t('wire.ready.text')) : null);
      return;
    }
    show(place, cable.wires.map((wire) => h('div', { class: 'direction' },
      h('h3', {}, `${wire.source} → ${wire.destination}`),
      h('p', { class: 'rate' }, h('b', {}, rate(wire.rate)), ' ', h('span', { class: 'quiet' }, t('wire.total', { bytes: bytes(wire.bytes), packets: wire.packets }))),
      spark(this.network.history.get(wire.key) ?? []),
      h('p', { class: 'quiet small' }, t('wire.since', { when: ago(wire.since), time: time(wire.since, 'short') })))));
  }

  /** What was carried in the last day, hour by hour, both ways. */
  async #past(from, to, place) {
    if (!this.account.can('showWireTraffic')) return;
    const of = (a, b) => getIfAny(path`/v1/tenants/${this.network.tenant}/wires/${a}/${b}/traffic`, { step: 'hour' });
    const hours = new Map();
    for (const answer of await Promise.all([of(from, to), of(to, from)]).catch(() => [])) {
      if (!answer) continue;
      for (let at = Date.parse(answer.from); at < Date.parse(answer.to); at += 3600000) if (!hours.has(at)) hours.set(at, 0);
      for (const one of answer.items) hours.set(Date.parse(one.time), (hours.get(Date.parse(one.time)) ?? 0) + Number(one.sent_bytes));
    }
    const steps = [...hours].sort(([a], [b]) => a - b);
    const sum = steps.reduce((total, [, value]) => total + value, 0);
    if (!sum || !place.isConnected) return;
    show(place, h('h3', {}, t('wire.day')), bars(steps.map(([when, value]) => ({
      label: new Date(when).getHours(), title: `${time(new Date(when).toISOString(), 'short')}: ${bytes(value)}`, parts: [{ kind: 'sent', value }],
    })), t('usage.picture', { bytes: bytes(sum), count: steps.length }), bytes, { isNarrow: true }),
    h('p', { class: 'quiet small' }, t('usage.picture', { bytes: bytes(sum), count: steps.length })));
  }

  async #explain(key, from, to, place) {
    if (!this.account.can('explain')) { show(place); return; }
    const mine = this.question = {};
    try {
      const answer = await get(path`/v1/tenants/${this.network.tenant}/explain`, { from, to });
      if (this.question !== mine) return;
      const one = (a, b, kind, security) => h('p', { class: 'says' }, pill(t(`verdict.${kind}`), kind), ' ', `${a} → ${b}`, kind === 'plug' ? `, ${t(`security.${security}`)}` : '');
      show(place, one(from, to, answer.verdict, answer.security), one(to, from, answer.reverse_verdict, answer.reverse_security),
        h('p', {}, answer.reason), answer.rule ? h('p', { class: 'quiet' }, t('explain.rule', { name: answer.rule.name, line: String(answer.rule.line) })) : null,
        answer.ports?.length ? h('p', { class: 'mono small' }, answer.ports.join('; ')) : null);
    } catch (problem) {
      if (this.question !== mine) return;
      show(place, problem instanceof Problem ? nothing(problemText(problem)) : nothing(t('problem.unknown')));
    }
  }

  /** Renews what changes. */
  refresh() { for (const action of this.live) action(); }

  focusHead() { this.element.querySelector('h2')?.focus(); }
  focusWires() { (this.wireList?.querySelector('button') ?? this.element.querySelector('h2'))?.focus(); }
}
