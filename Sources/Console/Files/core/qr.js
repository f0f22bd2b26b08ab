// QR codes (ISO/IEC 18004): bytes, error correction M, versions 1 to 10, which is room for 213 bytes; an otpauth address
// has about 120. Drawn here so that the secret goes to nobody else's server.

const SIZES = [ // [codewords of data, of correction in a block, blocks] for each version at level M
  [16, 10, 1], [28, 16, 1], [44, 26, 1], [64, 18, 2], [86, 24, 2], [108, 16, 4], [124, 18, 4], [154, 22, 4], [182, 22, 5], [216, 26, 5],
];
const ALIGNMENT = [[], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]];

// The field with 256 elements over x⁸ + x⁴ + x³ + x² + 1.
const exponents = new Uint8Array(512);
const logarithms = new Uint8Array(256);
for (let i = 0, value = 1; i < 255; i += 1) {
  exponents[i] = value;
  exponents[i + 255] = value;
  logarithms[value] = i;
  value = (value << 1) ^ (value & 128 ? 0x11d : 0);
}
const times = (a, b) => (a && b ? exponents[logarithms[a] + logarithms[b]] : 0);

function correction(data, count) {
  let generator = [1];
  for (let i = 0; i < count; i += 1) {
    const next = new Array(generator.length + 1).fill(0);
    generator.forEach((factor, at) => {
      next[at] ^= factor;
      next[at + 1] ^= times(factor, exponents[i]);
    });
    generator = next;
  }
  const rest = [...data, ...new Array(count).fill(0)];
  for (let i = 0; i < data.length; i += 1) {
    const factor = rest[i];
    if (factor) generator.forEach((one, at) => { rest[i + at] ^= times(one, factor); });
  }
  return rest.slice(data.length);
}

function codewords(bytes, version) {
  const [count, checks, blocks] = SIZES[version - 1];
  const bits = [];
  const put = (value, length) => { for (let i = length - 1; i >= 0; i -= 1) bits.push((value >> i) & 1); };
  put(4, 4);
  put(bytes.length, version < 10 ? 8 : 16);
  for (const byte of bytes) put(byte, 8);
  put(0, Math.min(4, count * 8 - bits.length));
  while (bits.length % 8) bits.push(0);
  const data = [];
  for (let i = 0; i < bits.length; i += 8) data.push(parseInt(bits.slice(i, i + 8).join(''), 2));
  for (let pad = 0xec; data.length < count; pad ^= 0xec ^ 0x11) data.push(pad);
  // The last blocks are one longer where it does not come out even.
  const parts = [];
  const short = Math.floor(count / blocks);
  for (let i = 0, at = 0; i < blocks; i += 1) {
    const length = short + (i >= blocks - (count % blocks) ? 1 : 0);
    parts.push(data.slice(at, at + length));
    at += length;
  }
  const sums = parts.map((part) => correction(part, checks));
  const result = [];
  for (let i = 0; i <= short; i += 1) for (const part of parts) if (i < part.length) result.push(part[i]);
  for (let i = 0; i < checks; i += 1) for (const sum of sums) result.push(sum[i]);
  return result;
}

const masks = [
  (x, y) => (x + y) % 2 === 0, (x, y) => y % 2 === 0, (x) => x % 3 === 0, (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2 === 0, (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0, (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

function remainder(value, divisor, bits) {
  let rest = value << bits;
  const top = 31 - Math.clz32(divisor);
  while (rest && 31 - Math.clz32(rest) >= top) rest ^= divisor << (31 - Math.clz32(rest) - top);
  return rest;
}

function build(words, version, mask) {
  const size = 17 + 4 * version;
  const grid = Array.from({ length: size }, () => new Array(size).fill(null));
  const set = (x, y, value) => { if (x >= 0 && y >= 0 && x < size && y < size) grid[y][x] = value ? 1 : 0; };
  for (const [cx, cy] of [[3, 3], [size - 4, 3], [3, size - 4]]) {
    for (let dy = -4; dy <= 4; dy += 1) for (let dx = -4; dx <= 4; dx += 1) set(cx + dx, cy + dy, ![2, 4].includes(Math.max(Math.abs(dx), Math.abs(dy))));
  }
  for (const cy of ALIGNMENT[version - 1]) {
    for (const cx of ALIGNMENT[version - 1]) {
      if (grid[cy][cx] !== null) continue;
      for (let dy = -2; dy <= 2; dy += 1) for (let dx = -2; dx <= 2; dx += 1) set(cx + dx, cy + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
    }
  }
  for (let i = 8; i < size - 8; i += 1) {
    if (grid[6][i] === null) set(i, 6, i % 2 === 0);
    if (grid[i][6] === null) set(6, i, i % 2 === 0);
  }
  // Level M is 00; the mask stands beside it, both twice.
  const format = ((mask << 10) | remainder(mask, 0x537, 10)) ^ 0x5412;
  for (let i = 0; i < 15; i += 1) {
    const bit = (format >> i) & 1;
    if (i < 6) set(8, i, bit);
    else if (i < 8) set(8, i + 1, bit);
    else if (i === 8) set(7, 8, bit);
    else set(14 - i, 8, bit);
    if (i < 8) set(size - 1 - i, 8, bit);
    else set(8, size - 15 + i, bit);
  }
  set(8, size - 8, 1);
  if (version >= 7) {
    const text = (version << 12) | remainder(version, 0x1f25, 12);
    for (let i = 0; i < 18; i += 1) {
      const [a, b] = [Math.floor(i / 3), (i % 3) + size - 11];
      set(a, b, (text >> i) & 1);
      set(b, a, (text >> i) & 1);
    }
  }
  let at = 0;
  for (let right = size - 1; right > 0; right -= 2) {
    if (right === 6) right = 5;
    for (let step = 0; step < size; step += 1) {
      const upward = ((right + 1) & 2) === 0;
      const y = upward ? size - 1 - step : step;
      for (const x of [right, right - 1]) {
        if (grid[y][x] !== null) continue;
        const bit = at < words.length * 8 ? (words[at >> 3] >> (7 - (at & 7))) & 1 : 0;
        at += 1;
        grid[y][x] = bit ^ (masks[mask](x, y) ? 1 : 0);
      }
    }
  }
  return grid;
}

/** How hard a grid is to read, by the four rules of the standard. */
function penalty(grid) {
  const size = grid.length;
  let sum = 0;
  const lines = [...grid, ...grid.map((_, x) => grid.map((row) => row[x]))];
  for (const line of lines) {
    for (let i = 0; i < size;) {
      let run = 1;
      while (i + run < size && line[i + run] === line[i]) run += 1;
      if (run >= 5) sum += run - 2;
      i += run;
    }
    const text = line.join('');
    for (const bad of ['10111010000', '00001011101']) for (let i = text.indexOf(bad); i >= 0; i = text.indexOf(bad, i + 1)) sum += 40;
  }
  for (let y = 0; y < size - 1; y += 1) for (let x = 0; x < size - 1; x += 1) if (grid[y][x] === grid[y][x + 1] && grid[y][x] === grid[y + 1][x] && grid[y][x] === grid[y + 1][x + 1]) sum += 3;
  const dark = grid.flat().reduce((total, one) => total + one, 0) / (size * size);
  return sum + Math.floor(Math.abs(dark - 0.5) * 20) * 10;
}

/** The path of the dark squares of a text's QR code, in units of one square, and how many there are to a side. */
export function qrPath(text) {
  const bytes = new TextEncoder().encode(text);
  const version = SIZES.findIndex(([count], i) => bytes.length + (i < 9 ? 2 : 3) <= count) + 1;
  if (!version) throw new RangeError('too long for a QR code of version 10');
  const words = codewords(bytes, version);
  const grid = masks.map((_, mask) => build(words, version, mask)).sort((a, b) => penalty(a) - penalty(b))[0];
  const parts = [];
  grid.forEach((row, y) => row.forEach((dark, x) => { if (dark) parts.push(`M${x} ${y}h1v1h-1z`); }));
  return { path: parts.join(''), size: grid.length };
}
