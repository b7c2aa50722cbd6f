/** The results of a search, below its field: titles and excerpts with the found words marked. */

import { el } from "../lib/dom.js";
import { dateLanguage, t } from "../lib/translate.js";
import { shownTitle } from "./format.js";

/**
 * @typedef {import("../protocol.js").SearchResult} Result
 * @typedef {import("../protocol.js").Marked} Marked
 */

/**
 * @param {Result[]} results
 * @param {string} place the shown conversation
 * @param {(result: Result, message: string|null) => void} show
 */
export function resultList(results, place, show) {
  return el("ul", { class: "results" }, ...results.map((one) => row(one, place, show)));
}

/**
 * @param {Result} result
 * @param {string} place
 * @param {(result: Result, message: string|null) => void} show
 */
function row(result, place, show) {
  const { conversation, title, title_pieces, date, archived, source, excerpts } = result;
  const day = new Date(date);
  const link = el(
    "a",
    { href: `/c/${conversation}`, "aria-current": conversation === place ? "page" : null },
    el(
      "span",
      { class: "row-title", dir: "auto" },
      ...(title ? pieces(title_pieces) : [shownTitle(title)]),
    ),
    source === "api" && el("span", { class: "row-mark" }, "API"),
    archived && el("span", { class: "row-mark" }, t("Archived")),
    el(
      "time",
      { datetime: date, title: day.toLocaleString(dateLanguage()) },
      day.toLocaleDateString(dateLanguage(), dayFormat(day)),
    ),
  );
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(result, excerpts[0]?.message ?? null);
  });
  const parts = excerpts.map((one) => {
    const said = pieces(one.pieces);
    const button = el("button", { class: "excerpt", type: "button", dir: "auto" }, ...said);
    button.addEventListener("click", () => show(result, one.message));
    return button;
  });
  return el("li", { class: "result" }, link, ...parts);
}

/** @param {Marked[]} marked */
function pieces(marked) {
  return marked.map(({ text, marked: isFound }) => (isFound ? el("mark", {}, text) : text));
}

/**
 * @param {Date} day
 * @returns {Intl.DateTimeFormatOptions}
 */
function dayFormat(day) {
  const isThisYear = day.getFullYear() === new Date().getFullYear();
  return { day: "numeric", month: "short", ...(!isThisYear && { year: "numeric" }) };
}
