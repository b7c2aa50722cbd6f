/** The time of a message: seen beside its tools, in full where it is pointed at. */

import { el, setText } from "../lib/dom.js";
import { fullTime, shortTime } from "./days.js";

export class Moment {
  element = el("time", { class: "moment" });

  /** @param {string|undefined} time ISO 8601 */
  update(time) {
    this.element.hidden = !time;
    if (!time) return;
    setText(this.element, shortTime(time, new Date()));
    this.element.dateTime = time;
    this.element.title = fullTime(time);
  }

  /** The full time in words; "" without one. */
  get text() {
    return this.element.title;
  }
}
