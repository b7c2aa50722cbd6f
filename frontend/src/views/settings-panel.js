/**
 * The settings panel of the shown conversation: beside the thread if there is room, else a sheet
 * over it. Entries are kept at once; a wrong one is named at its field.
 */

import { find, setText } from "../lib/dom.js";
import { t } from "../lib/translate.js";
import { read, written } from "../state/setting-fields.js";
import { NAMES } from "../state/settings.js";
import { confirm } from "./dialog.js";

/** Delay between the last key and the keeping of the text. */
const REST = 700;

/**
 * @typedef {import("../state/settings.js").Name} Name
 *
 * @typedef {object} Shown
 * @property {string} place
 * @property {boolean} isThere
 * @property {import("../state/settings.js").Settings} settings
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
  #opener;
  #isWide = matchMedia("(width >= 64rem)");
  #acts;
  /** @type {Field[]} */
  #fields;
  /** @type {Shown|null} */
  #shown = null;

  /**
   * @param {Acts} acts
   * @param {HTMLElement} opener its button
   */
  constructor(acts, opener) {
    this.#acts = acts;
    this.#opener = opener;
    this.#fields = NAMES.map(
      (name) => new Field(name, (place, value) => acts.change(place, name, value)),
    );
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
    // A click beside the panel closes it.
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

  toggle() {
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
   * Changes the place: the shown conversation got its id.
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
        title: t("Reset all settings?"),
        text: [t("The system prompt will be deleted for good.")],
        action: t("Reset"),
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
  }
}

class Field {
  name;
  /** The place that the entries belong to. */
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
