// Words: messages in the reader's language, numbers, sizes and times.

import { visible } from './dom.js';

/** The languages: a new one is a file of messages and a line here. */
export const languages = [
  { id: 'en', name: 'English', file: 'en' },
  { id: 'zh-Hant', name: '繁體中文', file: 'zh-Hant' },
  { id: 'zh-Hans', name: '简体中文', file: 'zh-Hans' },
];

let messages = {};
let fallback = {};
let plural = new Intl.PluralRules('en');
export let language = 'en';

/** What the browser's owner reads, unless he has chosen. */
export function preferredLanguage() {
  const chosen = localStorage.getItem('patchbay.language');
  if (languages.some((one) => one.id === chosen)) return chosen;
  for (const wish of navigator.languages ?? [navigator.language]) {
    const tag = wish.toLowerCase();
    if (tag.startsWith('zh')) return /hans|-cn|-sg|^zh$/.test(tag) ? 'zh-Hans' : 'zh-Hant';
    if (tag.startsWith('en')) return 'en';
  }
  return 'en';
}

async function load(id) {
  const answer = await fetch(`messages/${languages.find((one) => one.id === id).file}.json`);
  if (!answer.ok) throw new Error(`no messages for ${id}`);
  return answer.json();
}

export async function setLanguage(id, keep = false) {
  if (!Object.keys(fallback).length) fallback = await load('en');
  messages = id === 'en' ? fallback : await load(id);
  language = id;
  plural = new Intl.PluralRules(id);
  document.documentElement.lang = id;
  if (keep) localStorage.setItem('patchbay.language', id);
}

/** Whether there is such a message. */
export const hasWord = (key) => key in messages || key in fallback;

/**
 * The message of a key. `{name}` in it becomes that value; a message with forms (`{"one": …, "other": …}`) is chosen by
 * `count`, with the language's own rule.
 */
export function t(key, values) {
  let text = messages[key] ?? fallback[key] ?? key;
  if (typeof text === 'object') text = text[plural.select(Number(values?.count ?? 0))] ?? text.other;
  if (!values) return text;
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    return value === undefined ? whole : typeof value === 'number' ? number(value) : String(value);
  });
}

export const number = (value, digits = 0) =>
  new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);

function scaled(value, base, units) {
  let i = 0;
  while (value >= base * 0.9995 && i < units.length - 1) { value /= base; i += 1; }
  return `${number(value, value < 10 && i > 0 ? 1 : 0)} ${units[i]}`;
}
/** Bytes as B, KB, MB, … (powers of 1000, as bills count). */
export const bytes = (value) => scaled(Number(value) || 0, 1000, ['B', 'KB', 'MB', 'GB', 'TB', 'PB']);
/** Bits a second. */
export const rate = (value) => scaled(Number(value) || 0, 1000, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']);

/** A time as people write it here. */
export function time(text, style = 'medium') {
  if (!text) return '–';
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: style }).format(date);
}

/** How long ago, or until when. */
export function ago(text) {
  const date = new Date(text);
  if (!text || Number.isNaN(date.getTime())) return '–';
  const seconds = (date.getTime() - Date.now()) / 1000;
  const steps = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];
  const [unit, size] = steps.find(([, one]) => Math.abs(seconds) >= one) ?? steps[3];
  return new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(Math.round(seconds / size), unit);
}

/** An error in words: ours for codes that we know, and what the controller says. */
export function problemText(problem) {
  const known = hasWord(`problem.${problem.code}`) ? t(`problem.${problem.code}`, { seconds: problem.retryAfter ?? '' }) : null;
  const said = visible([problem.detail, problem.remedy].filter(Boolean).join(' '));
  if (known && (language !== 'en' || !said)) return said ? `${known} (${said})` : known;
  return said || known || problem.message || t('problem.unknown');
}

/** What is counted of a tenant. */
export function kindWord(kind) {
  const key = `kind.${kind.replaceAll(' ', '-')}`;
  return hasWord(key) ? t(key) : kind;
}
