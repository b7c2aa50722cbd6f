/** The button "Earlier messages" above the thread, which scrolling presses, too. */

import { el } from "../lib/dom.js";
import { t } from "../lib/translate.js";

const NEAR = "600px 0px 0px";

export class Earlier {
  #button = el("button", { class: "button earlier", type: "button", hidden: true });
  #observer;

  /**
   * @param {HTMLElement} thread
   * @param {HTMLElement} scroller
   * @param {() => void} read
   */
  constructor(thread, scroller, read) {
    this.#button.textContent = t("Earlier messages");
    this.#button.addEventListener("click", read);
    this.#observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && read(), {
      root: scroller,
      rootMargin: NEAR,
    });
    thread.before(this.#button);
  }

  /** @param {boolean} isThere true if there are any */
  update(isThere) {
    if (this.#button.hidden === !isThere) return;
    this.#button.hidden = !isThere;
    this.again();
  }

  /** A page was read: a button that is near still asks for the next. */
  again() {
    this.#observer.disconnect();
    if (!this.#button.hidden) this.#observer.observe(this.#button);
  }
}
