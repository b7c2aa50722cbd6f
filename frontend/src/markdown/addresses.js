/** Addresses in a text: their end, their safety and their real host. */

import { charBefore, isCjk, sticky } from "./scan.js";

const EMAIL_BEFORE = /[A-Za-z0-9._+-]{1,64}$/;
const EMAIL_AFTER = /[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}/y;

/**
 * True if a link may lead there. Relative addresses may not: they would lead into this site.
 * @param {string} href
 */
export function safeUrl(href) {
  return /^(?:https?:\/\/|mailto:)/i.test(href.trim());
}

/** Punctuation of Chinese, Japanese and Korean texts, which no address has unencoded. */
const CJK_MARK =
  /[\u2018-\u201f\u2026\u3000-\u3004\u3008-\u301f\u3030\u30fb\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]/;
const CJK = /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}]/u;
/** Words that go on after an address, and do not begin a part of one. */
const PARTICLE = /^(?:を|[はがにでのへともや](?![\u3041-\u309f])|[을를은는에로])/;

/**
 * The address that begins with `www.` or a scheme.
 * @param {string} text
 * @param {number} at
 * @param {string} mark its beginning
 * @returns {{href: string, end: number}|null}
 */
export function addressAt(text, at, mark) {
  const isNamed = mark.toLowerCase() === "www.";
  const hostAt = at + mark.length;
  const before = charBefore(text, at);
  if (/[\p{L}\p{N}]/u.test(before) && !isCjk(before)) return null;
  const end = endOfAddress(text, at, hostAt);
  const isHost = /^[\p{L}\p{N}[]/u.test(text.slice(hostAt, hostAt + 2));
  if (end <= hostAt || !isHost || (isNamed && !text.slice(hostAt, end).includes("."))) return null;
  const shown = text.slice(at, end);
  return { href: isNamed ? `https://${shown}` : shown, end };
}

/**
 * The e-mail address around an `@`.
 * @param {string} text
 * @param {number} at of the `@`
 * @param {string} words the text before it that is no other part
 * @returns {{name: string, host: string}|null}
 */
export function emailAt(text, at, words) {
  const name = EMAIL_BEFORE.exec(words.slice(-64))?.[0];
  const host = name ? sticky(EMAIL_AFTER, text, at + 1) : "";
  return name && host && text.slice(at - name.length, at) === name ? { name, host } : null;
}

/**
 * End of an address that begins at `from`: before blanks, brackets that are not its own, marks
 * of the sentence around it, and a CJK text that goes on without a blank.
 * @param {string} text
 * @param {number} from
 * @param {number} hostAt start of its host
 */
function endOfAddress(text, from, hostAt) {
  let end = hostAt;
  let isHost = true;
  for (; end < text.length; end++) {
    const one = text[end] ?? "";
    if (one <= " " || one === "<" || one === ">" || one === "`" || one === '"') break;
    if (one === "*" && text[end + 1] === "*") break;
    if (one === "/" || one === "?" || one === "#") isHost = false;
    if (one < "\u1100") continue;
    if (CJK_MARK.test(one)) break;
    if (!CJK.test(one)) continue;
    // A part of an address is written in one script: `/wiki/東京`, but not `/docs参照`.
    const before = text[end - 1] ?? "";
    const begins = end === hostAt || "/=#?&_-.".includes(before);
    if (!begins && !CJK.test(before)) break;
    if (begins && (PARTICLE.test(text.slice(end, end + 2)) || (isHost && end > hostAt))) break;
  }
  return trimmed(text, from, end);
}

/**
 * @param {string} text
 * @param {number} from
 * @param {number} end
 */
function trimmed(text, from, end) {
  let open = 0;
  let squares = 0;
  for (let i = from; i < end; i++) {
    const one = text[i];
    if (one === "(") open += 1;
    else if (one === ")") open -= 1;
    else if (one === "[") squares += 1;
    else if (one === "]") {
      squares -= 1;
      if (squares < 0) {
        end = i;
        break;
      }
    }
  }
  for (; end > from; end--) {
    const last = text[end - 1] ?? "";
    if (last === ")" && open < 0) open += 1;
    else if (!"?!.,:;*_~'|".includes(last)) break;
  }
  return end;
}

/** Part of a label that reads as the host of an address. */
const HOST = /(?:[\p{L}\p{N}_-]+\.)+\p{L}[\p{L}\p{N}-]+/gu;

/**
 * The host a link really leads to, where its label looks like another address; else "".
 * @param {string} label
 * @param {string} href
 */
export function otherHost(label, href) {
  const host = hostOf(href);
  const seen = label
    .slice(0, 2000)
    .normalize("NFKC")
    .replace(/[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, "")
    .replace(/[。｡․‧]/g, ".")
    .toLowerCase();
  for (const [name] of seen.matchAll(HOST)) {
    if (bare(name) !== bare(host)) return host;
    // The rest of a label that begins with its own host is a path.
    if (seen.includes(`${name}/`)) return "";
  }
  return "";
}

/** @param {string} host */
const bare = (host) => host.replace(/^www\./, "").replace(/\.$/, "");

/**
 * The host that an address leads to.
 * @param {string} href
 */
export function hostOf(href) {
  if (/^mailto:/i.test(href)) return /@([^?,]*)/.exec(href)?.[1]?.toLowerCase() ?? "";
  try {
    return new URL(href).hostname;
  } catch {
    return href;
  }
}
