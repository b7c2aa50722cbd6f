/**
 * Catalogues of the page: `locale/<language>.po`, in gettext's format, as scripts that set
 * `parleyCatalogue` (`src/lib/translate.js`).
 */

/**
 * @typedef {object} Entry of a .po file
 * @property {string} [context]
 * @property {string} id
 * @property {string} [plural]
 * @property {string[]} texts one, or one for each plural form; "" where it is not translated
 * @property {boolean} isFuzzy
 */

/** Most compressed bytes of a catalogue. */
export const MOST_BYTES = 12_000;

/** The plural rule of a header, as C and JavaScript write it. */
const PLURAL = /nplurals\s*=\s*(\d+)\s*;\s*plural\s*=\s*([n\d\s()?:<>=!%&|]+?)\s*;?\s*$/m;

/**
 * The entries of a .po file, the header first.
 * @param {string} text
 * @returns {Entry[]}
 */
export function parsed(text) {
  /** @type {Entry[]} */
  const entries = [];
  let isFuzzy = false;
  /** Adds a further line of a string. @type {(text: string) => void} */
  let add = () => {};
  /** @type {Entry} */
  let entry = { id: "", texts: [], isFuzzy };
  const begin = () => {
    if (entry.texts.length) entry = { id: "", texts: [], isFuzzy };
    isFuzzy = false;
  };
  text.split(/\r?\n/).forEach((line, at) => {
    if (!line.trim() || /^#(?!,)/.test(line)) return;
    if (line.startsWith("#,")) {
      isFuzzy ||= /\bfuzzy\b/.test(line);
      return;
    }
    const [, keyword, index = "0", quoted] =
      line.match(/^\s*(?:(msgctxt|msgid_plural|msgid|msgstr)(?:\[(\d+)\])?\s+)?(".*")\s*$/) ?? [];
    if (quoted === undefined) throw new Error(`Line ${at + 1} is not one of a .po file: ${line}`);
    const said = JSON.parse(quoted);
    if (keyword === "msgctxt") {
      begin();
      entry.context = "";
      add = (more) => {
        entry.context += more;
      };
    } else if (keyword === "msgid") {
      begin();
      add = (more) => {
        entry.id += more;
      };
    } else if (keyword === "msgid_plural") {
      entry.plural = "";
      add = (more) => {
        entry.plural += more;
      };
    } else if (keyword === "msgstr") {
      if (!entry.texts.length) entries.push(entry);
      const place = Number(index);
      entry.texts[place] = "";
      add = (more) => {
        entry.texts[place] += more;
      };
    }
    add(said);
  });
  return entries;
}

/**
 * The names in braces of a text, in order.
 * @param {string} text
 */
const namesIn = (text) => [...new Set(text.match(/\{\w+\}/g))].sort();

/**
 * Faults of a .po file, as sentences: names that a translation lacks or adds, missing forms.
 * @param {string} text
 * @returns {string[]}
 */
export function faultsOf(text) {
  const [header, ...entries] = parsed(text);
  const { forms } = ruleOf(header);
  return entries.flatMap(({ id, plural, texts, isFuzzy }) => {
    if (isFuzzy || texts.every((one) => !one)) return [];
    const faults = [];
    const count = plural === undefined ? 1 : forms;
    if (texts.length !== count) faults.push(`“${id}” has ${texts.length} of ${count} forms.`);
    const wanted = namesIn(plural ?? id);
    texts.forEach((one, i) => {
      // "One message" needs no number where its form is for 1 alone.
      const isWithoutCount = plural !== undefined && count > 1 && i === 0;
      const names = namesIn(isWithoutCount ? `${one}{n}` : one);
      const expected = isWithoutCount ? namesIn(`${plural}{n}`) : wanted;
      if (names.join() !== expected.join()) {
        faults.push(`“${one}” has ${names.join(" ") || "no names"}, not ${expected.join(" ")}.`);
      }
    });
    return faults;
  });
}

/** @param {Entry|undefined} header */
function ruleOf(header) {
  const [, forms, rule] = header?.texts[0]?.match(PLURAL) ?? [];
  if (header?.id !== "" || !forms || !rule) throw new Error("The header has no Plural-Forms.");
  return { forms: Number(forms), rule };
}

/**
 * The script that sets the catalogue. What is not translated, or not for sure, is left out.
 * @param {string} text of a .po file
 * @param {string} language BCP 47
 */
export function scriptOf(text, language) {
  const [header, ...entries] = parsed(text);
  const { rule } = ruleOf(header);
  const messages = entries
    .filter(({ texts, isFuzzy }) => !isFuzzy && texts.every(Boolean))
    .map(({ context, id, plural, texts }) => [
      context ? `${context}\u0004${id}` : id,
      plural === undefined ? texts[0] : texts,
    ]);
  const parts = [
    `language:${JSON.stringify(language)}`,
    `plural:n=>+(${rule})`,
    `messages:${JSON.stringify(Object.fromEntries(messages))}`,
  ];
  return `globalThis.parleyCatalogue={${parts.join(",")}};\n`;
}

/**
 * The BCP 47 tag of a file's name, which is as gettext writes it.
 * @param {string} name such as `zh_Hans.po`
 */
export const tagOf = (name) => name.replace(/\.po$/, "").replaceAll("_", "-");
