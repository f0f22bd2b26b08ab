// The difference of two texts, line by line.

const MOST = 4000;

/** Lines with ` ` (same), `-` (only before) or `+` (only after), by a longest common subsequence. */
export function lineDiff(before, after) {
  let [a, b] = [before.split('\n'), after.split('\n')];
  const result = [];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const [head, tail] = [a.slice(0, start), end ? a.slice(-end) : []];
  a = a.slice(start, a.length - end);
  b = b.slice(start, b.length - end);
  for (const line of head) result.push([' ', line]);
  if (a.length * b.length > MOST * MOST) {
    for (const line of a) result.push(['-', line]);
    for (const line of b) result.push(['+', line]);
  } else {
    const width = b.length + 1;
    const longest = new Uint16Array((a.length + 1) * width);
    for (let i = a.length - 1; i >= 0; i -= 1) {
      for (let j = b.length - 1; j >= 0; j -= 1) {
        longest[i * width + j] = a[i] === b[j] ? longest[(i + 1) * width + j + 1] + 1
          : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
      }
    }
    let [i, j] = [0, 0];
    while (i < a.length || j < b.length) {
      if (i < a.length && j < b.length && a[i] === b[j]) { result.push([' ', a[i]]); i += 1; j += 1; }
      else if (j >= b.length || (i < a.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) { result.push(['-', a[i]]); i += 1; }
      else { result.push(['+', b[j]]); j += 1; }
    }
  }
  for (const line of tail) result.push([' ', line]);
  return result;
}
