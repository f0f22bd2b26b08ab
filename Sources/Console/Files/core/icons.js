// Small pictures beside words, drawn with one line each on a field of 24 by 24; decoration only.

import { s } from './dom.js';

const lines = {
  dashboard: 'M4 4h7v9H4zM13 4h7v5h-7zM13 11h7v9h-7zM4 15h7v5H4z',
  bay: 'M7 4.5a2.5 2.5 0 1 0 .01 0M17 4.5a2.5 2.5 0 1 0 .01 0M7 9.5C7 24 17 24 17 9.5',
  endpoints: 'M5 4h14v11H5zM9 20h6M12 15v5',
  vnets: 'M12 4v5M5 15v-3h14v3M12 9v3M3 15h4v5H3zM10 15h4v5h-4zM17 15h4v5h-4zM9.500 4h5',
  guardrails: 'M12 3l8 3v6c0 5-4 8-8 9c-4-1-8-4-8-9V6zM9 12l2 2l4-4',
  groups: 'M9 9h11v11H9zM6 15H4V4h11v2',
  policy: 'M6 3h9l4 4v14H6zM9 11h7M9 15h7M14 3v5h5',
  explain: 'M4 18a2 2 0 1 0 .01 0M20 4a2 2 0 1 0 .01 0M5.5 18.5C16 18.5 8 6 18.5 6',
  usage: 'M4 20V4M4 20h16M8 16v-4M12 16V8M16 16v-6',
  users: 'M9 4.5a3.5 3.5 0 1 0 .01 0M3 20c0-8 12-8 12 0M16 5a3 3 0 0 1 0 6M17 14c3 .5 4 3 4 6',
  access: 'M8 11a4 4 0 1 0 .01 0M11 13l9-9M16 8l3 3M13.500 10.500l2 2',
  audit: 'M5 4h14v16H5zM8.500 8.500l1.500 1.500l2-3M14.500 9h2M8.500 15l1.500 1.500l2-3M14.500 15.500h2',
  providers: 'M12 3.500a4 4 0 1 0 .01 0M4 20c0-9 16-9 16 0M15.500 17l2 2l3.500-4',
  tenants: 'M4 20V8l6-4v16M10 9l10 3v8H4M14 15v2M17 15.500v2M7 10v2M7 14v2',
  hosts: 'M4 4h16v6H4zM4 14h16v6H4zM7 7h3M7 17h3M16 7h1M16 17h1',
};

export const icon = (name) => s('svg', { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true' }, s('path', { d: lines[name] ?? '' }));
