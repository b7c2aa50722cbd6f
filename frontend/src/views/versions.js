/** ‹ 2/3 ›: the shown version of a message, and the way to its neighbours. */

import { el, setText } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { number, t } from "../lib/translate.js";

export class VersionSwitch {
  element;
  #words = el("span", { class: "versions-words", "aria-hidden": "true" });
  #before;
  #after;
  /** @type {import("../state/thread-items.js").Place|null} */
  #place = null;

  /** @param {(id: string, isForward: boolean) => void} show */
  constructor(show) {
    this.#before = this.#button(t("Previous version"), "chevronLeft", () => {
      if (this.#place?.before) show(this.#place.before, false);
    });
    this.#after = this.#button(t("Next version"), "chevronRight", () => {
      if (this.#place?.after) show(this.#place.after, true);
    });
    this.element = el("span", { class: "versions", role: "group", hidden: true });
    this.element.append(this.#before, this.#words, this.#after);
  }

  /**
   * @param {string} label
   * @param {import("../lib/icons.js").IconName} name
   * @param {() => void} act
   */
  #button(label, name, act) {
    const button = el("button", { class: "tool", type: "button", "aria-label": label });
    button.append(icon(name));
    button.addEventListener("click", act);
    return button;
  }

  /** @param {import("../state/thread-items.js").Place|undefined} place */
  update(place) {
    this.#place = place ?? null;
    this.element.hidden = !place;
    if (!place) return;
    this.element.setAttribute("aria-label", versionText(place));
    setText(this.#words, `${number(place.at)}/${number(place.count)}`);
    this.#before.disabled = !place.before;
    this.#after.disabled = !place.after;
  }

  /**
   * A reader who changes versions by keyboard keeps the focus.
   * @param {boolean} isForward
   */
  focus(isForward) {
    const [wanted, other] = isForward ? [this.#after, this.#before] : [this.#before, this.#after];
    (wanted.disabled ? other : wanted).focus({ preventScroll: true });
  }
}

/** @param {import("../state/thread-items.js").Place} place */
export const versionText = ({ at, count }) => t("Version {at} of {count}", { at, count });
