/** ‹ 2/3 ›: which version of a message is shown, and the ways to those beside it. */
import { el, setText } from "./dom.js";
import { icon } from "./icons.js";

export class VersionSwitch {
  element;
  #words = el("span", { class: "versions-words", "aria-hidden": "true" });
  #before;
  #after;
  /** @type {import("./items.js").Place|null} */
  #place = null;

  /** @param {(id: string, isForward: boolean) => void} show */
  constructor(show) {
    this.#before = this.#button("Previous version", "chevronLeft", () => {
      if (this.#place?.before) show(this.#place.before, false);
    });
    this.#after = this.#button("Next version", "chevronRight", () => {
      if (this.#place?.after) show(this.#place.after, true);
    });
    this.element = el("span", { class: "versions", role: "group", hidden: true });
    this.element.append(this.#before, this.#words, this.#after);
  }

  /**
   * @param {string} label
   * @param {import("./icons.js").IconName} name
   * @param {() => void} act
   */
  #button(label, name, act) {
    const button = el("button", { class: "tool", type: "button", "aria-label": label });
    button.title = label;
    button.append(icon(name));
    button.addEventListener("click", act);
    return button;
  }

  /** @param {import("./items.js").Place|undefined} place */
  update(place) {
    this.#place = place ?? null;
    this.element.hidden = !place;
    if (!place) return;
    this.element.setAttribute("aria-label", `Version ${place.at} of ${place.count}`);
    setText(this.#words, `${place.at}/${place.count}`);
    this.#before.disabled = !place.before;
    this.#after.disabled = !place.after;
  }

  /**
   * Who goes through the versions by keyboard stays where they are.
   * @param {boolean} isForward
   */
  focus(isForward) {
    const [wanted, other] = isForward ? [this.#after, this.#before] : [this.#before, this.#after];
    (wanted.disabled ? other : wanted).focus({ preventScroll: true });
  }
}
