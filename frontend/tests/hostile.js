/** Texts that take parsers long, each by a name: what is repeated, or how it is made. */

const N = 4000;
const grow = (mark, size) => {
  let text = "";
  for (let i = 1; text.length < size; i = (i % 400) + 1) text += `${mark.repeat(i)} a `;
  return text;
};

/** @type {Record<string, string|((size: number) => string)>} */
const KINDS = {
  "display formulas without an end": "\\[",
  "display formulas on lines": "\\[\n",
  "inline formulas without an end": "\\(",
  "inline formulas on lines": "\\( a\n\n",
  dollars: "$$",
  "dollars on lines": "$$\n",
  "single dollars": "$a ",
  formulas: "$x$ ",
  underlines: "_a",
  "opening underlines": "_a ",
  stars: "*a",
  "opening stars": "*a ",
  "closing stars": "a* ",
  "stars of three kinds": "*a **b ***c _d __e ",
  "strong in strong": "**a *b ",
  tildes: "~~a ",
  "tilde fences": "~~~\n",
  "fences with words": "```a\n",
  "Markdown fences": "```md\n",
  headings: "# a\n",
  "headings of nothing": "#\n",
  rules: "---\n",
  underlined: "a\n---\n",
  quotes: "> ",
  "quotes on lines": `${">".repeat(40)} a\n`,
  items: "- ",
  "items on lines": "- a\n",
  "numbered items": "1. a\n",
  "items apart": "- a\n\n",
  "items in items": (size) => {
    let text = "";
    for (let i = 0; text.length < size; i = (i + 1) % 30) text += `${"  ".repeat(i)}- a\n`;
    return text;
  },
  brackets: "[",
  "closing brackets": "]",
  "brackets in pairs": "[]",
  "brackets around brackets": (size) => "[".repeat(size / 2) + "]".repeat(size / 2),
  images: "![",
  "links without an end": "[a](b",
  "links in links": "[a](http://b ",
  "links within brackets": (size) => "[".repeat(size / 2) + "[a](http://b.c) ".repeat(size / 32),
  "images in images": (size) => "![".repeat(size / 16) + "](http://a.b)".repeat(size / 16),
  links: "[a](http://b.c) ",
  definitions: "[a]: http://b.c\n",
  "uses of a definition": (size) => `[a]: http://b.c\n\n${"[a] ".repeat(size / 4)}`,
  "angle brackets": "<",
  "open tags": "<a ",
  "tags with attributes": "<a b=c d='",
  "comments without an end": "<!-- ",
  "tags on lines": "<div>\n",
  backticks: "`",
  "backticks of growing length": (size) => grow("`", size),
  "backticks on lines": "` a\n",
  stretches: (size) => grow("*", size),
  "tables of one row": "| a ",
  "tables of many rows": (size) => `| a | b |\n|---|---|\n${"| 1 | 2 |\n".repeat(size / 10)}`,
  "tables without an end": "| a |\n|---|\n",
  "wide tables": (size) => `${"|a".repeat(size / 8)}|\n${"|-".repeat(size / 8)}|\n|a|\n`,
  "rows of borders": "|-|-\n",
  "one line": "a",
  "words of one line": "word ",
  lines: "a\n",
  paragraphs: "a\n\n",
  "blank lines": "\n",
  "blank lines with blanks": "   \n",
  blanks: " ",
  "blanks and words": `a${" ".repeat(N)}`,
  tabs: "\t",
  "indented lines": "    a\n",
  emoji: "👩‍👩‍👧‍👦",
  Chinese: "重要",
  "Chinese in strong": "**「重要」**です",
  Arabic: "مرحبا ",
  "combining marks": "a\u0301\u0302\u0303",
  "hidden characters": "\u202e",
  tags: "\u{e0041}",
  flags: "\u{1f3f4}\u{e0067}",
  entities: "&amp;",
  "unknown entities": "&abcdef;",
  "many entities": (size) => {
    let text = "";
    for (let i = 0; text.length < size; i++) text += `&x${i.toString(36)};`;
    return text;
  },
  "entities without an end": "&a",
  addresses: "https://a.b/c ",
  "addresses without blanks": "https://a.b",
  "addresses with brackets": `https://a.b/${"(".repeat(N)}${")".repeat(2 * N)} `,
  "addresses of mail": "a@b.c ",
  ats: "@",
  "names before ats": `${"a.".repeat(N)}@`,
  www: "www.",
  backslashes: "\\",
  "escaped marks": "\\*",
  "code without an end": (size) => `\`\`\`js\n${"let a = '\\u0041';\n".repeat(size / 17)}`,
  "code of one line": (size) => `\`\`\`js\n${"(".repeat(size)}\n\`\`\`\n`,
  "short code": "```js\nlet a;\n```\n",
};

/**
 * @param {number} size about so many characters each
 * @returns {[name: string, text: string][]}
 */
export function hostile(size) {
  return Object.entries(KINDS).map(([name, kind]) => {
    const text = typeof kind === "string" ? kind.repeat(Math.ceil(size / kind.length)) : kind(size);
    return [name, text];
  });
}
