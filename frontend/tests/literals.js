/** The string literals of a module, each with the code before it. A scan, as a parser's tokens. */

/**
 * @typedef {object} Literal
 * @property {string} text a template's, with {} in place of its expressions
 * @property {string} before the code that precedes it, without comments, its longer strings emptied
 * @property {number} line
 */

const IS_OPERAND = /(?:[\w$)\]}"`]|\+\+|--)\s*$/;
const IS_KEYWORD = /\b(?:return|typeof|case|in|of|delete|void|throw|new|else|do|await)\s*$/;

/**
 * @param {string} source
 * @returns {Literal[]}
 */
export function literals(source) {
  /** @type {Literal[]} */
  const found = [];
  let at = 0;
  let code = "";
  const line = () => source.slice(0, at).split("\n").length;

  /** Skips to the end of a quoted text and returns it. @param {string} quote */
  const quoted = (quote) => {
    const start = ++at;
    while (source[at] !== quote) at += source[at] === "\\" ? 2 : 1;
    return source.slice(start, at++);
  };

  const regex = () => {
    let isClass = false;
    for (at++; isClass || source[at] !== "/"; at++) {
      if (source[at] === "\\") at++;
      else if (source[at] === "[") isClass = true;
      else if (source[at] === "]") isClass = false;
    }
    at++;
    code += "0";
  };

  const template = () => {
    const literal = { text: "", before: code, line: line() };
    found.push(literal);
    code += "`";
    for (at++; source[at] !== "`"; ) {
      if (source.startsWith("${", at)) {
        literal.text += "{}";
        at += 2;
        scan("}");
        code += "`";
      } else if (source[at] === "\\") {
        literal.text += source.slice(at, at + 2);
        at += 2;
      } else literal.text += source[at++];
    }
    at++;
    code += "`";
  };

  /** Scans code to its end, or to a brace that closes it. @param {string} [end] */
  function scan(end) {
    for (let depth = 0; at < source.length; ) {
      const one = source[at];
      if (source.startsWith("//", at)) at = (source.indexOf("\n", at) + 1 || source.length + 1) - 1;
      else if (source.startsWith("/*", at)) at = source.indexOf("*/", at) + 2;
      else if (one === '"' || one === "'") {
        const literal = { before: code, line: line() };
        const text = quoted(one);
        found.push({ ...literal, text });
        code += /^[\w-]*$/.test(text) ? `"${text}"` : '""';
      } else if (one === "`") template();
      else if (
        one === "/" &&
        (!IS_OPERAND.test(code.slice(-20)) || IS_KEYWORD.test(code.slice(-20)))
      )
        regex();
      else {
        if (one === "{") depth++;
        if (one === "}" && depth-- === 0 && end) {
          at++;
          return;
        }
        code += one;
        at++;
      }
    }
  }

  scan();
  return found;
}
