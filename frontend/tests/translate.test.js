/** Sentences in a language, and the catalogues that hold them. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { afterEach, test } from "node:test";
import { gzipSync } from "node:zlib";
import { faultsOf, MOST_BYTES, parsed, scriptOf, tagOf } from "../catalogues.js";
import {
  later,
  list,
  msg,
  number,
  sentences,
  t,
  tc,
  tn,
  tparts,
  translate,
} from "../src/lib/translate.js";

const LOCALE = new URL("../locale/", import.meta.url);
const FILES = readdirSync(LOCALE).filter((name) => name.endsWith(".po"));

/** The header of a language. */
const head = (rule) => `msgid ""\nmsgstr ""\n"Plural-Forms: ${rule}\\n"\n`;
const TWO = "nplurals=2; plural=(n != 1);";
const ONE = "nplurals=1; plural=0;";
const SLAVIC =
  "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2);";

/** Sets the catalogue of a .po file, as the page's script does. */
const use = (language, rule, entries) =>
  new Function(scriptOf(`${head(rule)}\n${entries}`, language))();

afterEach(() => {
  delete globalThis.parleyCatalogue;
});

const MESSAGES = `
msgid "{n} message"
msgid_plural "{n} messages"
`;

test("without a catalogue the English sentence stands there", () => {
  assert.equal(t("Hello {name}", { name: "Alice" }), "Hello Alice");
  assert.equal(tc("noun", "Stop"), "Stop");
  assert.deepEqual(
    [0, 1, 2, 1200].map((n) => tn("{n} message", "{n} messages", n)),
    ["0 messages", "1 message", "2 messages", "1,200 messages"],
  );
});

test("a name from right to left turns no sentence around it", () => {
  const name = "אב (c)";
  const isolated = `\u2068${name}\u2069`;
  assert.equal(t("Hello {name}", { name }), `Hello ${isolated}`);
  assert.equal(translate("Hello {name}", { name }), `Hello ${isolated}`);
  assert.equal(tn("{n} of {name}", "{n} of {name}", 1, { name }), `1 of ${isolated}`);
  assert.deepEqual(tparts("Hello {name}!", { name }).join(""), `Hello ${isolated}!`);
  assert.equal(list([name, "d"]), `${isolated}, d`);
  assert.equal(
    t("{said} Again?", { said: t("Hello {name}", { name }) }),
    `Hello ${isolated} Again?`,
  );
  assert.equal(t("Hello {name}", { name: "a\u202Eb" }), "Hello a[RLO]b");
});

test("each language has its own forms for counts", () => {
  const at = (...counts) => counts.map((n) => tn("{n} message", "{n} messages", n));
  use("de", TWO, `${MESSAGES}msgstr[0] "{n} Nachricht"\nmsgstr[1] "{n} Nachrichten"`);
  assert.deepEqual(at(0, 1, 1200), ["0 Nachrichten", "1 Nachricht", "1.200 Nachrichten"]);
  use("hu", TWO, `${MESSAGES}msgstr[0] "{n} üzenet"\nmsgstr[1] "{n} üzenet"`);
  assert.deepEqual(at(0, 1, 5), ["0 üzenet", "1 üzenet", "5 üzenet"]);
  use("zh-Hans", ONE, `${MESSAGES}msgstr[0] "{n} 条消息"`);
  assert.deepEqual(at(0, 1, 5), ["0 条消息", "1 条消息", "5 条消息"]);
  use("pl", SLAVIC, `${MESSAGES}msgstr[0] "{n} a"\nmsgstr[1] "{n} b"\nmsgstr[2] "{n} c"`);
  assert.deepEqual(at(1, 3, 5, 12, 22), ["1 a", "3 b", "5 c", "12 c", "22 b"]);
});

test("a sentence without a translation stays English, a fuzzy one too", () => {
  use(
    "de",
    TWO,
    `msgid "Undo"\nmsgstr ""\n\n#, fuzzy\nmsgid "Close"\nmsgstr "Schluss"\n${MESSAGES}msgstr[0] ""\nmsgstr[1] ""`,
  );
  assert.equal(t("Undo"), "Undo");
  assert.equal(t("Close"), "Close");
  assert.equal(t("toString"), "toString");
  assert.equal(tn("{n} message", "{n} messages", 2), "2 messages");
});

test("a context tells two equal words apart", () => {
  use(
    "de",
    TWO,
    'msgctxt "verb"\nmsgid "Archive"\nmsgstr "Archivieren"\n\nmsgid "Archive"\nmsgstr "Archiv"',
  );
  assert.equal(tc("verb", "Archive"), "Archivieren");
  assert.equal(t("Archive"), "Archiv");
});

test("a value is put in once, as it is; a name without one stays", () => {
  assert.equal(t("{a} and {b}", { a: "{b}", b: "$&" }), "{b} and $&");
  assert.equal(translate("{a} and {b}", { a: "x", c: "y" }), "x and {b}");
  assert.equal(translate(msg("{constructor}"), {}), "{constructor}");
});

test("elements stand in the place of their names", () => {
  use("de", TWO, 'msgid "Delete {title} now?"\nmsgstr "Jetzt {title} löschen?"');
  const title = { node: true };
  assert.deepEqual(tparts("Delete {title} now?", { title }), ["Jetzt ", title, " löschen?"]);
});

test("numbers, lists and times are those of the language", () => {
  const said = () => [
    number(1234.5),
    list(["a", "b", "c"]),
    later(2, "day"),
    sentences("A.", "", "B."),
  ];
  assert.deepEqual(said(), ["1,234.5", "a, b, c", "in 2 days", "A. B."]);
  use("de", TWO, "");
  assert.deepEqual(said(), ["1.234,5", "a, b und c", "in 2 Tagen", "A. B."]);
  use("zh-Hans", ONE, "");
  assert.equal(said()[3], "A.B.");
});

test("a .po file is read with its escapes, continued lines and comments", () => {
  const entries = parsed(
    `${head(ONE)}\n# note\n#: src/a.js:1\nmsgid ""\n"Say \\"yes\\" "\n"now"\nmsgstr "Ja\\n"\n#~ msgid "old"\n#~ msgstr "alt"\n`,
  );
  assert.deepEqual(entries.slice(1), [{ id: 'Say "yes" now', texts: ["Ja\n"], isFuzzy: false }]);
  assert.throws(() => parsed("msgid Hello"), /Line 1/);
  assert.throws(() => scriptOf('msgid "a"\nmsgstr "b"', "de"), /Plural-Forms/);
  assert.throws(() => scriptOf(head("nplurals=1; plural=alert(1);"), "de"), /Plural-Forms/);
});

test("a translation that loses or adds a name is found", () => {
  const faults = (entry) => faultsOf(`${head(TWO)}\n${entry}`);
  assert.equal(faults('msgid "a {x}"\nmsgstr "b {x}"').length, 0);
  assert.equal(faults('msgid "a {x}"\nmsgstr "b"').length, 1);
  assert.equal(faults('msgid "a"\nmsgstr "b {y}"').length, 1);
  assert.equal(faults(`${MESSAGES}msgstr[0] "eine"\nmsgstr[1] "{n} b"`).length, 0);
  assert.equal(faults(`${MESSAGES}msgstr[0] "eine"\nmsgstr[1] "b"`).length, 1);
  assert.equal(faults(`${MESSAGES}msgstr[0] "{n} a"`).length, 1);
});

for (const name of FILES) {
  const text = readFileSync(new URL(name, LOCALE), "utf8");

  test(`the translations of ${name} keep all names and forms`, () => {
    assert.deepEqual(faultsOf(text), []);
    assert.equal(Intl.getCanonicalLocales(tagOf(name))[0], tagOf(name));
  });

  test(`the catalogue of ${name} is small`, () => {
    assert.ok(gzipSync(scriptOf(text, tagOf(name))).length <= MOST_BYTES);
  });
}
