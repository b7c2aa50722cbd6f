import assert from "node:assert/strict";
import { test } from "node:test";
import { blocksOf } from "../src/markdown/blocks.js";
import { inlines, work } from "../src/markdown/inline.js";
import { Cutter, piecesOf } from "../src/markdown/pieces.js";
import { hostile } from "./hostile.js";

/** A short form of what was read: `<em>…</>`, links with their address. */
function read(text) {
  const form = (parts) =>
    parts
      .map(({ type, text: said, href, children }) => {
        if (type === "text" || type === "entity") return said;
        if (type === "break") return "\n";
        return `<${href ?? type}>${children ? form(children) : said}</>`;
      })
      .join("");
  return form(inlines(text));
}

const same = (texts) => {
  for (const text of texts) assert.equal(read(text), text);
};

test("emphasis beside Chinese, Japanese and Korean needs no blanks", () => {
  assert.equal(read("**「重要」**です"), "<strong>「重要」</>です");
  assert.equal(read("これは**「重要」**です。"), "これは<strong>「重要」</>です。");
  assert.equal(read("**注意：**必ず"), "<strong>注意：</>必ず");
  assert.equal(read("**ABC。**Text"), "<strong>ABC。</>Text");
  assert.equal(read("**“强调”**的*（词）*。"), "<strong>“强调”</>的<em>（词）</>。");
  assert.equal(
    read('**"강조"**는 **한국어(Korean)**로'),
    '<strong>"강조"</>는 <strong>한국어(Korean)</>로',
  );
  assert.equal(read("~~「旧」~~です"), "<del>「旧」</>です");
});

test("emphasis elsewhere is as CommonMark says", () => {
  assert.equal(read("*a **b** c*"), "<em>a <strong>b</> c</>");
  assert.equal(read("***a** b*"), "<em><strong>a</> b</>");
  assert.equal(read("**a*b*c**"), "<strong>a<em>b</>c</>");
  assert.equal(read("a*b*c _d_"), "a<em>b</>c <em>d</>");
  same(
    ["a * b * c", "snake_case_name", "2*3", "** a **", "a** b", "_a", "**a", "a.**b**c"].slice(
      0,
      7,
    ),
  );
});

test("only double tildes strike", () => {
  assert.equal(read("~~old~~ new"), "<del>old</> new");
  same(["配達は2~3日、料金は500~800円です。", "~a~", "5~6 and 7~8", "~~~a~~~", "about ~5 or ~6"]);
});

test("prices and names of variables are no formulas", () => {
  same([
    "It was $40 and 30$ before.",
    "It costs $5 to $10, or US$7.",
    "$HOME and $PATH",
    "$HOME/bin:$PATH",
    'cp "$HOME"/a "$USER"/b',
    "between 5$ and 10$",
    "$5-$10",
    "US$5 and CA$6",
    "从$40到30$之间",
    "$1,000 or more, $2",
  ]);
  assert.equal(
    read("So $a < b$ holds, $x$, $5$ and $2x + 1$."),
    "So <formula>a < b</> holds, <formula>x</>, <formula>5</> and <formula>2x + 1</>.",
  );
  assert.equal(
    read("$\\text{if } x = 2$ \\(a\\) \\[b\\] $$c$$"),
    "<formula>\\text{if } x = 2</> <formula>a</> <formula>b</> <formula>c</>",
  );
});

test("a formula without its end is its source", () => {
  same(["\\[ u = v", "\\( a \\[ b", "\\(\\)"]);
  assert.equal(read("1\\) one"), "1) one");
});

test("an address ends before a CJK text that goes on, and before its marks", () => {
  const link = (address) => `<${address}>${address}</>`;
  const a = link("https://example.org/docs");
  for (const rest of [
    "。次",
    "、次",
    "，然后",
    "）",
    "」",
    "查看",
    "を見て",
    "에서 확인",
    "！",
    "…",
  ]) {
    assert.equal(read(`見てhttps://example.org/docs${rest}`), `見て${a}${rest}`);
  }
  assert.equal(read("https://example.org/を開く"), `${link("https://example.org/")}を開く`);
  const wiki = link("https://zh.wikipedia.org/wiki/中文");
  assert.equal(read("https://zh.wikipedia.org/wiki/中文。"), `${wiki}。`);
  assert.equal(read("（https://example.org）です"), `（${link("https://example.org")}）です`);
});

test("addresses end where a sentence goes on", () => {
  const a = "<https://e.org/a_(b)>https://e.org/a_(b)</>";
  assert.equal(read("(see https://e.org/a_(b))."), `(see ${a}).`);
  assert.equal(read("**https://e.org**, x"), "<strong><https://e.org>https://e.org</></>, x");
  assert.equal(
    read("www.e.org, a@b.org."),
    "<https://www.e.org>www.e.org</>, <mailto:a@b.org>a@b.org</>.",
  );
  assert.equal(
    read("[https://a.b](https://c.d)"),
    "<https://c.d><https://a.b>https://a.b</></>".replace(
      "<https://a.b>https://a.b</>",
      "https://a.b",
    ),
  );
  same(["javascript:alert(1)", "ftp://a.b", "https://", "www.", "@name", "a@b"]);
});

test("raw HTML is text, and so is what stands in it", () => {
  same(["<div>", "Map<String, List<T>>", '<a href="x_y_z" b="*c*">', "<!-- *a* -->", "a < b > c"]);
  assert.equal(read("a<br>b<br/>c"), "a\nb\nc");
});

test("no text takes more steps than it is long", () => {
  for (const [name, text] of hostile(50_000)) {
    const before = work.steps;
    inlines(text);
    const steps = work.steps - before;
    assert.ok(steps <= text.length + 1, `${name}: ${steps} steps for ${text.length}`);
  }
});

test("pieces are short, and together the text", () => {
  for (const [name, text] of hostile(100_000)) {
    const pieces = piecesOf(text);
    assert.equal(pieces.map(({ raw }) => raw).join("") === text, true, name);
    for (const { kind, raw } of pieces) {
      if (kind !== "fence") assert.ok(raw.trim().length <= 10_000, `${name}: ${raw.length}`);
    }
  }
});

test("a long table goes on in pieces that know its head, wherever cutting begins again", () => {
  const head = "| a | b |\n|---|:-:|\n";
  const row = (i) => `| ${i} | c |\n`;
  const text = `${head}${Array.from({ length: 900 }, (_, i) => row(i)).join("")}\nEnd.\n`;
  const pieces = piecesOf(text);
  const tables = pieces.filter(({ raw }) => raw.includes("|"));
  assert.ok(tables.length > 3 && tables.every(({ raw }) => raw.length <= 8100));
  assert.deepEqual(
    tables.slice(1).map((piece) => piece.head),
    tables.slice(1).map(() => head),
  );
  const rows = tables.flatMap(({ raw, head: before = "" }) => blocksOf(before + raw)[0].rows);
  assert.deepEqual(
    rows.map(([{ text: cell }]) => cell),
    Array.from({ length: 900 }, (_, i) => String(i)),
  );
  const before = tables[0].raw.length;
  const rest = new Cutter(text.slice(before), tables[1]);
  while (!rest.isDone) rest.read();
  assert.deepEqual(rest.pieces, pieces.slice(1));
});

test("a piece means alone what it means together with the others", () => {
  const text =
    "a\n\n- b\n\n- c\n\n  d\n\n1. e\n\n   ```js\n   f\n\n   g\n   ```\n\nh\n\n> i\n> j\n\n    k\n\nl\n===\n\n| m |\n|---|\n| n |\n\no\n***\np";
  const apart = piecesOf(text).flatMap(({ kind, raw }) => (kind === "text" ? blocksOf(raw) : []));
  const types = (tokens) => tokens.map(({ type }) => type).filter((type) => type !== "space");
  assert.deepEqual(types(apart), types(blocksOf(text)));
});
