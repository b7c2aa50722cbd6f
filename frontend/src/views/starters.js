/** The start of a conversation: suggestions at the message box, which stands in the middle then. */

import { el, find } from "../lib/dom.js";
import { t } from "../lib/translate.js";

const suggestions = () => [
  {
    title: t("Explain something"),
    text: t("Explain how public-key encryption works, with an everyday example."),
  },
  {
    title: t("Write an e-mail"),
    text: t("Write a short, friendly e-mail that moves a meeting from Tuesday to Thursday."),
  },
  {
    title: t("Work on code"),
    text: t("Write a Python function that groups a list of dates by week, with a test."),
  },
  {
    title: t("Think it through"),
    text: t("What should I ask before choosing between two job offers? Give me a table."),
  },
];

/** Milliseconds for which the message box slides to its place. */
const SLIDE = 240;

export class Starters {
  #main = find("#main");
  #host = find("#starters");
  #box = find("#composer");

  /** @param {(text: string) => void} suggest */
  constructor(suggest) {
    const items = suggestions().map(({ title, text }) =>
      el(
        "li",
        {},
        el("button", { type: "button", title: text, onclick: () => suggest(text) }, title),
      ),
    );
    this.#host.append(...items);
  }

  /**
   * @param {boolean} isEmpty the conversation
   * @param {boolean} canSend there is a model
   * @param {boolean} isFirst the first message has just been sent
   */
  update(isEmpty, canSend, isFirst) {
    const before = isFirst ? this.#box.getBoundingClientRect().top : 0;
    this.#main.classList.toggle("empty", isEmpty);
    this.#host.hidden = !isEmpty || !canSend;
    if (!isFirst || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const by = before - this.#box.getBoundingClientRect().top;
    if (!by) return;
    this.#box.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], {
      duration: SLIDE,
      easing: "cubic-bezier(0.2, 0, 0.1, 1)",
    });
  }
}
