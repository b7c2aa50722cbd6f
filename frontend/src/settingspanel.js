/**
 * The panel with the settings of the shown conversation: beside the thread where there is room,
 * else a sheet over it. What is entered is kept at once; what cannot be is named at its field.
 */
import { confirm } from "./dialog.js";
import { find, setText } from "./dom.js";
import { NAMES, read, written } from "./settings.js";

/** What is typed is kept this long after the last key. */
const REST = 700;

/**
 * @typedef {import("./settings.js").Name} Name
 *
 * @typedef {object} Shown
 * @property {string} place
 * @property {boolean} isThere
 * @property {import("./settings.js").Settings} settings
 * @property {{label: string, note: string}} model
 * @property {string} hint how it stands with what was entered
 * @property {boolean} isTrouble
 * @property {{field: string, text: string}|null} refused by the server
 *
 * @typedef {object} Acts
 * @property {(place: string, name: Name, value: any) => void} change
 * @property {(place: string) => void} reset
 * @property {(button: HTMLElement) => void} model
 */

export class SettingsPanel {
  #dialog = /** @type {HTMLDialogElement} */ (find("#settings"));
  #opener = find("#settings-open");
  #isWide = matchMedia("(width >= 64rem)");
  #acts;
  /** @type {Field[]} */
  #fields;
  /** @type {Shown|null} */
  #shown = null;

  /** @param {Acts} acts */
  constructor(acts) {
    this.#acts = acts;
    this.#fields = NAMES.map(
      (name) => new Field(name, (place, value) => acts.change(place, name, value)),
    );
    this.#opener.addEventListener("click", () => this.#toggle());
    find("#settings-close").addEventListener("click", () => this.#close());
    const model = find("#settings-model");
    model.addEventListener("click", () => acts.model(model));
    find("#settings-reset").addEventListener("click", () => this.#reset());
    this.#dialog.addEventListener("keydown", (event) => {
      // Escape may be meant for an input method, or for the open menu.
      if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
      event.preventDefault();
      this.#close();
    });
    // A click beside it.
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog && !this.#isWide.matches) this.#close();
    });
    this.#dialog.addEventListener("close", () => this.#mark());
    this.#isWide.addEventListener("change", () => {
      if (!this.#dialog.open) return;
      this.#dialog.close();
      this.#open();
    });
  }

  #toggle() {
    if (this.#dialog.open) this.#close();
    else this.#open();
  }

  #open() {
    if (this.#isWide.matches) this.#dialog.show();
    else this.#dialog.showModal();
    this.#mark();
  }

  #close() {
    this.keep();
    const hadFocus = this.#dialog.contains(document.activeElement);
    this.#dialog.close();
    if (hadFocus) this.#opener.focus();
  }

  #mark() {
    const { open } = this.#dialog;
    this.#opener.setAttribute("aria-expanded", String(open));
    find("#shell").classList.toggle("with-settings", open && this.#isWide.matches);
  }

  /** Keeps now what is typed. */
  keep() {
    for (const field of this.#fields) field.keep();
  }

  /**
   * What is shown has been given its id.
   * @param {string} place
   */
  moved(place) {
    if (this.#shown) this.#shown = { ...this.#shown, place };
    for (const field of this.#fields) field.place = place;
  }

  async #reset() {
    const { place = "", settings } = this.#shown ?? {};
    const isSure =
      !settings?.system ||
      (await confirm({
        title: "Reset all settings?",
        text: "The system prompt goes for good.",
        action: "Reset",
        isDanger: true,
      }));
    if (!isSure) return;
    for (const field of this.#fields) field.forget();
    this.#acts.reset(place);
    find("#settings-reset").focus();
  }

  /** @param {Shown} shown */
  update(shown) {
    if (shown.place !== this.#shown?.place) {
      this.keep();
      for (const field of this.#fields) field.forget();
    }
    const { place, isThere, settings, model, hint, isTrouble, refused } = shown;
    this.#opener.hidden = !isThere;
    if (!isThere && this.#dialog.open) this.#close();
    if (refused && refused !== this.#shown?.refused) {
      this.#fields.find(({ name }) => name === refused.field)?.say(refused.text);
    }
    this.#shown = shown;
    for (const field of this.#fields) {
      field.place = place;
      field.show(settings[field.name]);
    }
    setText(find("#settings-model-label"), model.label);
    setText(find("#settings-model-note"), model.note);
    const line = find("#settings-hint");
    setText(line, hint);
    line.classList.toggle("danger", isTrouble);
    const count = NAMES.filter((name) => name in settings).length;
    find("#settings-dot").hidden = count === 0;
    this.#opener.setAttribute("aria-label", count ? `Settings (${count} set)` : "Settings");
  }
}

class Field {
  name;
  /** Where what is entered belongs. */
  place = "";
  #element;
  #error;
  #change;
  /** Typed in since it was last left: what comes from elsewhere must not overwrite it. */
  #isEdited = false;
  #problem = "";
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /**
   * @param {Name} name
   * @param {(place: string, value: any) => void} change
   */
  constructor(name, change) {
    this.name = name;
    this.#change = change;
    const id = `#set-${name.replace("_", "-")}`;
    this.#element = /** @type {HTMLInputElement} */ (find(id));
    this.#error = find(`${id}-error`);
    this.#element.addEventListener("input", () => {
      this.#isEdited = true;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.keep(), REST);
    });
    for (const moment of ["change", "blur"]) {
      this.#element.addEventListener(moment, () => {
        this.keep();
        this.#isEdited = false;
      });
    }
  }

  /** Gives on what was entered, where it makes sense. */
  keep() {
    clearTimeout(this.#timer);
    if (!this.#isEdited) return;
    const { value, problem } = read(this.name, this.#element.value);
    this.say(problem ?? "");
    if (!problem) this.#change(this.place, value);
  }

  /** Names what is wrong. @param {string} problem */
  say(problem) {
    this.#problem = problem;
    setText(this.#error, problem);
    this.#error.hidden = !problem;
    if (problem) this.#element.setAttribute("aria-invalid", "true");
    else this.#element.removeAttribute("aria-invalid");
  }

  /** Gives up what is entered. */
  forget() {
    clearTimeout(this.#timer);
    this.#isEdited = false;
    this.say("");
  }

  /** @param {any} value */
  show(value) {
    // An entry with a problem stays until it is mended.
    if (this.#isEdited || this.#problem) return;
    const text = written(value);
    if (this.#element.value !== text) this.#element.value = text;
  }
}
