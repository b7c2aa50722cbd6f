/** Tab stop of a list of many links: the arrows go through it. */

const STOPS = "a, button:not(.row-menu)";

/**
 * The place of the focus in a list that is about to be drawn anew.
 * @typedef {{row: string|null, isMenu: boolean, at: number}} Held
 */

export class Roving {
  #list;
  #before;
  /** The row that had the focus last. @type {string|null} */
  #row = null;

  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} before stands above the list: the arrows leave to it
   */
  constructor(list, before) {
    this.#list = list;
    this.#before = before;
    list.addEventListener("keydown", (event) => this.#move(event));
    list.addEventListener("focusin", ({ target }) => {
      if (!(target instanceof HTMLElement)) return;
      this.#row = rowOf(target);
      this.#settle(stopOf(target));
    });
  }

  /** @returns {Held|null} null where the focus is not in the list */
  hold() {
    const focused = document.activeElement;
    if (!(focused instanceof HTMLElement) || !this.#list.contains(focused)) return null;
    const isMenu = focused.classList.contains("row-menu");
    return { row: rowOf(focused), isMenu, at: this.#stops().indexOf(stopOf(focused)) };
  }

  /**
   * Gives the focus back after a drawing: to the same row, or to the neighbour of one that went.
   * @param {Held|null} held
   */
  drawn(held) {
    const stops = this.#stops();
    const known = held ? held.row : this.#row;
    const same = known && stops.find((one) => rowOf(one) === known);
    const current = stops.find((one) => one.hasAttribute("aria-current"));
    // A row comes before the buttons above it.
    const first = stops.find(rowOf) ?? stops[0];
    if (!held) return this.#settle(same || current || first);
    const stop = same || stops[Math.min(Math.max(held.at, 0), stops.length - 1)] || this.#before;
    const menu = same && held.isMenu ? menuOf(stop) : null;
    this.#settle(stop);
    (menu ?? stop).focus({ preventScroll: Boolean(same) });
  }

  /** @returns {HTMLElement[]} */
  #stops() {
    return [...this.#list.querySelectorAll(STOPS)].filter((one) => one instanceof HTMLElement);
  }

  /** @param {HTMLElement|undefined} stop the only one that Tab comes to */
  #settle(stop) {
    for (const one of this.#list.querySelectorAll("a, button")) {
      if (one instanceof HTMLElement) one.tabIndex = one === stop ? 0 : -1;
    }
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const { key, target } = event;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!(target instanceof HTMLElement)) return;
    const next = this.#next(key, stopOf(target));
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  /**
   * @param {string} key
   * @param {HTMLElement} stop
   */
  #next(key, stop) {
    if (key === "ArrowRight") return menuOf(stop);
    if (key === "ArrowLeft") return stop;
    const stops = this.#stops();
    if (key === "Home") return stops[0];
    if (key === "End") return stops.at(-1);
    const at = stops.indexOf(stop);
    if (key === "ArrowDown") return stops[at + 1];
    if (key === "ArrowUp") return at > 0 ? stops[at - 1] : this.#before;
    return null;
  }
}

/**
 * The stop of the row whose menu an element is, or the element.
 * @param {HTMLElement} element
 * @returns {HTMLElement}
 */
function stopOf(element) {
  if (!element.classList.contains("row-menu")) return element;
  /** @type {HTMLElement|null|undefined} */
  const stop = element.closest("[data-row]")?.querySelector(STOPS);
  return stop ?? element;
}

/**
 * @param {HTMLElement} stop
 * @returns {HTMLElement|null}
 */
const menuOf = (stop) => stop.closest("[data-row]")?.querySelector(".row-menu") ?? null;

/** @param {HTMLElement} element */
const rowOf = (element) => element.closest("[data-row]")?.getAttribute("data-row") ?? null;
