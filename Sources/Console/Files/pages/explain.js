import { h, s, show, announce } from '../core/dom.js';
import { get, post, path, Problem } from '../core/api.js';
import { t, bytes, problemText } from '../core/words.js';
import { heading, form, pill, facts, nothing } from '../core/parts.js';

/** Why two ends reach each other or not, and where a packet gets. */
export async function render(place, context) {
  const { account, tenant, query } = context;
  const base = path`/v1/tenants/${tenant}`;
  const names = account.can('listEndpoints') ? (await get(`${base}/endpoints`, { limit: 1000 })).items.map((one) => one.name) : [];
  const result = h('div', { class: 'stack' });
  const ask = async ({ from, to, port }) => {
    show(result, h('p', { class: 'quiet' }, t('loading')));
    try {
      const answer = await get(`${base}/explain`, { from, to, port });
      show(result, explained(answer, from, to));
      announce(`${t(`verdict.${answer.verdict}`)}. ${answer.reason}`);
    } catch (problem) {
      show(result);
      throw problem;
    }
  };
  const fields = form({
    fields: [
      { name: 'from', label: t('explain.from'), hint: t('explain.hint'), required: true, suggestions: names, value: query.get('from') ?? '' },
      { name: 'to', label: t('explain.to'), hint: t('explain.hint'), required: true, suggestions: names, value: query.get('to') ?? '' },
      { name: 'port', label: t('explain.port'), hint: t('explain.port.hint'), value: query.get('port') ?? '' },
    ],
    submit: t('explain.ask'), send: ask,
  });
  if (account.can('trace')) {
    fields.querySelector('.buttons').append(h('button', {
      type: 'button', id: 'trace', onclick: async (event) => {
        const values = Object.fromEntries([...fields.controls].map(([name, { control }]) => [name, control.value.trim()]));
        if (!values.port) { fields.complain('port', t('explain.port.needed')); return; }
        event.target.setAttribute('aria-disabled', 'true');
        show(result, h('p', { class: 'quiet', role: 'status' }, t('explain.tracing')));
        try {
          const trace = await post(`${base}/trace`, values);
          show(result, traced(trace));
          announce(t(trace.arrived ? 'explain.arrived' : 'explain.lost'));
        } catch (problem) {
          show(result);
          const name = (problem.pointer ?? '').replace(/^\//, '');
          fields.complain(name, problem instanceof Problem ? problemText(problem) : t('problem.unknown'));
        } finally {
          event.target.removeAttribute('aria-disabled');
        }
      },
    }, t('explain.trace')));
  }
  place.append(heading(t('page.explain')), h('p', { class: 'quiet' }, t('explain.lead')), h('section', { class: 'card explain-form' }, fields), result);
  if (query.get('from') && query.get('to')) await ask({ from: query.get('from'), to: query.get('to'), port: query.get('port') ?? undefined });
  return undefined;
}

/** The picture: both ends on their hosts, and the wire between them, whole or cut. */
function picture(answer) {
  const isPlugged = answer.verdict === 'plug' && answer.reason_code === 'plugged';
  const wires = answer.leaves.flatMap((leaf) => leaf.wires);
  const isLocal = answer.from.host === answer.to.host;
  const width = 860;
  const svg = s('svg', { class: 'path', viewBox: `0 0 ${width} 190`, role: 'img', 'aria-label': t('explain.path', { from: answer.from.name, to: answer.to.name, verdict: t(`verdict.${answer.verdict}`) }) });
  svg.style.minWidth = '38rem';
  const end = (one, x, anchor) => [
    s('rect', { class: `box ${one.state === 'running' ? '' : 'bad'}`, x, y: 20, width: 250, height: 140, rx: 12 }),
    s('text', { class: 'soft', x: x + 16, y: 44 }, one.host),
    s('circle', { class: 'ring', cx: anchor, cy: 92, r: 15 }),
    s('text', { x: anchor === x + 210 ? anchor - 28 : anchor + 28, y: 90, 'text-anchor': anchor === x + 210 ? 'end' : 'start', 'font-weight': 650 }, clip(one.name.split('/').pop(), 22)),
    s('text', { class: 'soft', x: anchor === x + 210 ? anchor - 28 : anchor + 28, y: 109, 'text-anchor': anchor === x + 210 ? 'end' : 'start' }, one.ipv4),
    s('text', { class: 'soft', x: x + 16, y: 146 }, clip([one.locator, ...one.groups].filter(Boolean).join(' · '), 34)),
  ];
  svg.append(...end(answer.from, 0, 210).flat(), ...end(answer.to, width - 250, width - 210).flat());
  const kind = isPlugged ? answer.security : 'cut';
  svg.append(s('path', { class: `wire ${kind}`, d: `M226 92C330 ${isLocal ? 92 : 150} ${width - 330} ${isLocal ? 92 : 150} ${width - 226} 92` }));
  const label = wires[0] ? t('explain.wire', { label: String(wires[0].label), security: t(`security.${wires[0].security}`) }) : isPlugged ? t('wire.ready') : t('explain.cut');
  svg.append(s('text', { x: width / 2, y: 62, 'text-anchor': 'middle', 'font-weight': 650 }, t(`verdict.${answer.verdict}`)), s('text', { class: 'soft', x: width / 2, y: 82, 'text-anchor': 'middle' }, label));
  if (!isPlugged) svg.append(s('path', { class: 'wire cut', d: `M${width / 2 - 12} 118l24 24M${width / 2 + 12} 118l-24 24`, 'stroke-dasharray': 'none' }));
  return h('div', { class: 'path-scroll', tabindex: '0', role: 'region', 'aria-label': t('page.explain') }, svg);
}
const clip = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

function rule(one) {
  return [h('b', {}, one.name), ' ', pill(t(`verdict.${one.verdict}`), one.verdict), ' ', h('span', { class: 'quiet' }, t('explain.rule', { name: one.document, line: String(one.line) })),
    one.says ? h('p', { class: 'mono small' }, one.says) : null, one.lacks?.length ? h('p', { class: 'small' }, t('explain.lacks', { what: one.lacks.join('; ') })) : null];
}

function explained(answer, from, to) {
  const direction = (a, b, verdict, security) => h('p', {}, pill(t(`verdict.${verdict}`), verdict), ` ${a} → ${b}`, verdict === 'plug' ? [' ', pill(t(`security.${security}`), security)] : null);
  return [
    h('section', { class: 'card' }, picture(answer)),
    h('div', { class: 'split' },
      h('section', { class: 'card stack' }, h('h2', {}, t('explain.why')), direction(from, to, answer.verdict, answer.security), direction(to, from, answer.reverse_verdict, answer.reverse_security),
        h('p', {}, answer.reason), answer.port ? h('p', {}, `${answer.port}: ${answer.effect}`) : null,
        answer.ports.length ? h('ul', { class: 'mono small' }, answer.ports.map((one) => h('li', {}, one))) : null,
        answer.rule ? h('div', {}, rule(answer.rule)) : null,
        answer.levels ? h('p', {}, answer.levels) : null,
        answer.guardrails.length ? [h('h3', {}, t('explain.guardrails')), h('ul', {}, answer.guardrails.map((one) => h('li', {}, one)))] : null,
        answer.nearest.length ? [h('h3', {}, t('explain.nearest')), h('ul', { class: 'stack' }, answer.nearest.map((one) => h('li', {}, rule(one))))] : null),
      h('section', { class: 'card stack' }, answer.leaves.map((leaf) => h('div', { class: 'stack' }, h('h2', {}, t('explain.at-leaf', { host: leaf.host })),
        !leaf.answered ? nothing(t('explain.leaf.silent')) : [
          leaf.pair ? h('p', {}, pill(t(`verdict.${leaf.pair.verdict}`), leaf.pair.verdict), ' ', leaf.pair.effect) : null,
          leaf.pair?.detail ? h('p', { class: 'small' }, t('explain.refused', { why: leaf.pair.detail })) : null,
          leaf.wires.map((wire) => facts([
            [`${wire.source.split('/').pop()} → ${wire.destination.split('/').pop()}`, `${t(`security.${wire.security}`)}, ${bytes(wire.bytes)}`],
          ])),
          leaf.pair?.flows.length ? h('ul', { class: 'mono small' }, leaf.pair.flows.slice(0, 30).map((flow) =>
            h('li', {}, `${flow.protocol} ${flow.source.split('/').pop()}:${flow.source_port} → ${flow.destination.split('/').pop()}:${flow.destination_port} ${flow.state}`))) : null,
        ])))),
  ];
}

function traced(trace) {
  return h('section', { class: 'card stack' }, h('h2', {}, pill(t(trace.arrived ? 'explain.arrived' : 'explain.lost'), trace.arrived ? 'good' : 'bad')),
    h('ol', { class: 'steps' }, trace.steps.map((step) => h('li', { class: step.passed ? '' : 'stopped' }, h('b', {}, `${step.host}: ${step.step}`), h('p', { class: 'quiet' }, step.finding)))));
}
