/** SHA-256 where the browser does not offer it. About 20 ms for the longest reply. */

/** The first 32 bits of the fractional parts of the `root`-th roots of the first `n` primes. */
function fractions(/** @type {number} */ n, /** @type {number} */ root) {
  const found = [];
  for (let candidate = 2; found.length < n; candidate++) {
    let prime = true;
    for (let i = 2; i * i <= candidate; i++) if (candidate % i === 0) prime = false;
    if (prime) found.push(((candidate ** (1 / root) % 1) * 2 ** 32) | 0);
  }
  return Int32Array.from(found);
}

const CONSTANTS = fractions(64, 3);
const START = fractions(8, 2);

/**
 * FIPS 180-4, section 6.2.
 * @param {Uint8Array} message
 * @returns {Uint8Array}
 */
export function digest(message) {
  const padded = new Uint8Array((((message.length + 8) >> 6) + 1) << 6);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(message.length / 2 ** 29));
  view.setUint32(padded.length - 4, message.length << 3);
  const state = Int32Array.from(START);
  const words = new Int32Array(64);
  for (let at = 0; at < padded.length; at += 64) compress(state, words, view, at);
  const out = new DataView(new ArrayBuffer(32));
  for (const [i, word] of state.entries()) out.setInt32(i * 4, word);
  return new Uint8Array(out.buffer);
}

/**
 * @param {Int32Array} state
 * @param {Int32Array} words
 * @param {DataView} view
 * @param {number} at
 */
function compress(state, words, view, at) {
  const w = (/** @type {number} */ i) => /** @type {number} */ (words[i]);
  for (let i = 0; i < 16; i++) words[i] = view.getInt32(at + i * 4);
  for (let i = 16; i < 64; i++) {
    const s0 = rotate(w(i - 15), 7) ^ rotate(w(i - 15), 18) ^ (w(i - 15) >>> 3);
    const s1 = rotate(w(i - 2), 17) ^ rotate(w(i - 2), 19) ^ (w(i - 2) >>> 10);
    words[i] = (w(i - 16) + s0 + w(i - 7) + s1) | 0;
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let i = 0; i < 64; i++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + /** @type {number} */ (CONSTANTS[i]) + w(i)) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => {
    state[i] = /** @type {number} */ (state[i]) + word;
  });
}

/**
 * @param {number} word
 * @param {number} by
 */
const rotate = (word, by) => (word >>> by) | (word << (32 - by));
