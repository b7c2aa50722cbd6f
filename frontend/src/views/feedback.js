/** The dialog for feedback on a reply: reasons and words, which can be changed and removed. */

import { el } from "../lib/dom.js";
import { t } from "../lib/translate.js";
import { ask } from "./dialog.js";

/** @typedef {import("../protocol.js").FeedbackObject} Feedback */

/** @returns {Record<Feedback["thumb"], [Feedback["reasons"][number], string][]>} */
const reasons = () => ({
  up: [
    ["correct", t("Correct")],
    ["helpful", t("Helpful")],
    ["clear", t("Clear")],
    ["other", t("Something else")],
  ],
  down: [
    ["wrong", t("Wrong")],
    ["incomplete", t("Incomplete")],
    ["not_followed", t("Instructions not followed")],
    ["outdated", t("Outdated")],
    ["style", t("Wrong style")],
    ["unsafe", t("Unsafe")],
    ["refused", t("Refused without need")],
    ["other", t("Something else")],
  ],
});

/**
 * Asks for the details of a feedback.
 * @param {Feedback} given
 * @returns {Promise<Feedback|"remove"|null>} null where it is left as it is
 */
export async function askFeedback({ thumb, reasons: chosen, words }) {
  const boxes = reasons()[thumb].map(([value, label]) => {
    const box = el("input", { type: "checkbox", value, id: `feedback-${value}` });
    box.checked = chosen.includes(value);
    return { box, label: el("label", { for: box.id }, label) };
  });
  const area = el("textarea", { id: "feedback-words", rows: 3, maxlength: 4000, dir: "auto" });
  area.value = words;
  const dialog = el(
    "dialog",
    { class: "dialog", "aria-labelledby": "dialog-title" },
    el(
      "form",
      { method: "dialog", class: "dialog-body" },
      el("h2", { id: "dialog-title" }, thumb === "up" ? t("Good reply") : t("Bad reply")),
      el(
        "fieldset",
        { class: "choices" },
        el("legend", {}, t("Reasons")),
        ...boxes.map(({ box, label }) => el("div", { class: "field-check" }, box, label)),
      ),
      el("div", { class: "field" }, el("label", { for: area.id }, t("In your words")), area),
      el("p", { class: "field-help" }, t("People who run this server may read it.")),
      el(
        "div",
        { class: "actions actions-end" },
        el(
          "button",
          { class: "button button-quiet", type: "button", onclick: () => dialog.close("remove") },
          t("Remove"),
        ),
        el(
          "button",
          { class: "button", type: "button", onclick: () => dialog.close("") },
          t("Cancel"),
        ),
        el("button", { class: "button button-primary", value: "save" }, t("Save")),
      ),
    ),
  );
  const answer = await ask(dialog);
  if (answer === "remove") return "remove";
  if (answer !== "save") return null;
  const values = boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
  return {
    thumb,
    reasons: /** @type {Feedback["reasons"]} */ (values),
    words: area.value.trim(),
  };
}
