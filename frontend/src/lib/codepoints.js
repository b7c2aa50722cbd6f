/**
 * Text counted in Unicode code points, as the protocol counts it. JavaScript counts UTF-16 units,
 * of which everything beyond the Basic Multilingual Plane (an emoji, say) takes two.
 */

/**
 * Number of code points of `text`.
 * @param {string} text
 */
export function count(text) {
  let points = text.length;
  // Most texts have none: of a megabyte that is known at once.
  if (!/[\ud800-\udbff]/.test(text)) return points;
  for (let i = 0; i < text.length - 1; i++) {
    if (isPair(text, i)) {
      points--;
      i++;
    }
  }
  return points;
}

/**
 * `text` without its first `points` code points.
 * @param {string} text
 * @param {number} points
 */
export function drop(text, points) {
  let unit = 0;
  for (let left = points; left > 0 && unit < text.length; left--) {
    unit += isPair(text, unit) ? 2 : 1;
  }
  return text.slice(unit);
}

/**
 * @param {string} text
 * @param {number} i
 */
function isPair(text, i) {
  const high = text.charCodeAt(i);
  if (high < 0xd800 || high > 0xdbff) return false;
  const low = text.charCodeAt(i + 1);
  return low >= 0xdc00 && low <= 0xdfff;
}

/**
 * The bytes of a text in UTF-8, as the server's limits count them.
 * @param {string} text
 */
export const byteLength = (text) => new TextEncoder().encode(text).length;
