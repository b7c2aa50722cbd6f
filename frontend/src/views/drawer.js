/** The list of conversations: a drawer on small screens, a column that folds on large ones. */
import { find } from "../lib/dom.js";

const KEY = "parley-sidebar";

export class Drawer {
  #shell = find("#shell");
  #sidebar = find("#sidebar");
  #main = find("#main");
  #backdrop = find("#backdrop");
  #opener = find("#sidebar-open");
  #isSmall = window.matchMedia("(width < 52rem)");
  #isOpen = false;

  constructor() {
    this.#opener.addEventListener("click", () => this.toggle());
    find("#sidebar-close").addEventListener("click", () => this.toggle());
    this.#backdrop.addEventListener("click", () => this.close());
    this.#sidebar.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#isSmall.matches && this.#isOpen) this.close();
    });
    this.#isSmall.addEventListener("change", () => this.#reset());
    this.#reset();
  }

  #reset() {
    this.#isOpen = !this.#isSmall.matches && !isFolded();
    this.#show();
  }

  toggle() {
    this.#isOpen = !this.#isOpen;
    if (!this.#isSmall.matches) fold(!this.#isOpen);
    this.#show();
    if (this.#isOpen) find("#sidebar-close").focus();
    else this.#opener.focus();
  }

  /** Hide a list that covers the thread once something was chosen. */
  close() {
    if (!this.#isSmall.matches || !this.#isOpen) return;
    this.#isOpen = false;
    this.#show();
    this.#opener.focus();
  }

  #show() {
    this.#shell.classList.toggle("with-sidebar", this.#isOpen);
    this.#sidebar.inert = !this.#isOpen;
    this.#main.inert = this.#isOpen && this.#isSmall.matches;
    this.#opener.setAttribute("aria-expanded", String(this.#isOpen));
    this.#opener.hidden = this.#isOpen && !this.#isSmall.matches;
  }
}

function isFolded() {
  try {
    return localStorage.getItem(KEY) === "folded";
  } catch {
    return false;
  }
}

/** @param {boolean} isFolded */
function fold(isFolded) {
  try {
    localStorage.setItem(KEY, isFolded ? "folded" : "shown");
  } catch {
    // Storage is forbidden: the choice holds for this page only.
  }
}
