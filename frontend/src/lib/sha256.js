/**
 * SHA-256 of a text's UTF-8 bytes in lower-case hex: by the browser where it offers that, else by
 * `digest.js` (`crypto.subtle` is missing on a page served over plain HTTP from a LAN address).
 * @param {string} text
 * @returns {Promise<string>}
 */
export async function sha256(text) {
  const bytes = new TextEncoder().encode(text);
  const subtle = globalThis.crypto?.subtle;
  if (subtle) return hex(new Uint8Array(await subtle.digest("SHA-256", bytes)));
  const { digest } = await import("./digest.js");
  return hex(digest(bytes));
}

/** @param {Uint8Array} bytes */
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
