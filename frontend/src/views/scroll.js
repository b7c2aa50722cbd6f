/**
 * Keeps a growing thread at its end while the reader is there, and leaves it alone otherwise.
 */
import { find } from "../lib/dom.js";

export class ScrollManager {
  #scroller;
  #button;
  #dot = find("#jump-dot");
  #isStuck = true;
  #last = 0;
  /** Distance to the place that is wanted while content is still being drawn. @type {(() => number)|null} */
  #wanted = null;

  /**
   * @param {HTMLElement} scroller
   * @param {HTMLElement} content the growing content within it
   * @param {HTMLElement} button "Jump to latest"
   */
  constructor(scroller, content, button) {
    this.#scroller = scroller;
    this.#button = button;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    button.addEventListener("click", () => this.toEnd());
    for (const kind of ["wheel", "touchmove", "pointerdown", "keydown"]) {
      scroller.addEventListener(kind, () => this.#letGo(), { passive: true });
    }
    const observer = new ResizeObserver(() => this.#resized());
    observer.observe(content);
    observer.observe(scroller);
  }

  /** True if the reader is at the end, and stays there while it grows. */
  get isAtEnd() {
    return this.#isStuck;
  }

  /**
   * Goes to a place, and keeps to it until its content is drawn or the reader moves.
   * @param {() => number} distance from where it is now
   */
  toPlace(distance) {
    this.#wanted = distance;
    this.stay(distance());
  }

  #letGo() {
    this.#wanted = null;
  }

  /** Goes to the end and stays there. */
  toEnd() {
    this.#letGo();
    this.#isStuck = true;
    this.#jump();
    this.#show();
  }

  /**
   * Stays with the reader: what is drawn anew keeps its place on the screen.
   * @param {number} by distance that it has moved
   */
  stay(by) {
    this.#isStuck = false;
    this.#scroller.scrollTop += by;
    this.#last = this.#scroller.scrollTop;
    this.#show();
  }

  /**
   * Keep visible text in place when content came above it; a reader at the end stays there.
   * @param {number} by distance that it has moved
   */
  keep(by) {
    if (!this.#isStuck) this.stay(by);
  }

  /** Marks the button if new content at the end of the thread is out of sight. */
  grew() {
    if (!this.#button.hidden) this.#dot.hidden = false;
  }

  #jump() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#last = this.#scroller.scrollTop;
  }

  #distance() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight;
  }

  #scrolled() {
    const top = this.#scroller.scrollTop;
    // Growth never scrolls up, only a reader does.
    if (this.#distance() < 24 && !this.#wanted) this.#isStuck = true;
    else if (top < this.#last - 2) this.#isStuck = false;
    this.#last = top;
    this.#show();
  }

  #resized() {
    if (this.#wanted) this.stay(this.#wanted());
    else if (this.#isStuck) this.#jump();
    this.#show();
  }

  #show() {
    this.#button.hidden = this.#isStuck || this.#distance() < 120;
    if (this.#button.hidden) this.#dot.hidden = true;
  }
}
