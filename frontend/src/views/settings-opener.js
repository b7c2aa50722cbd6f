/** The button of the settings panel. The panel itself is loaded when it is first opened. */

import { find } from "../lib/dom.js";
import { t, tn } from "../lib/translate.js";
import { NAMES } from "../state/settings.js";
import { over } from "./load-overlays.js";

/**
 * @typedef {import("./settings-panel.js").Shown} Shown
 * @typedef {import("./settings-panel.js").SettingsPanel} SettingsPanel
 */

export class SettingsOpener {
  #button = find("#settings-open");
  /** @type {SettingsPanel|null} */
  #panel = null;
  /** @type {Shown|null} */
  #shown = null;

  /** @param {import("./settings-panel.js").Acts} acts */
  constructor(acts) {
    this.#button.addEventListener("click", () => {
      over(({ SettingsPanel }) => {
        this.#panel ??= new SettingsPanel(acts, this.#button);
        if (this.#shown) this.#panel.update(this.#shown);
        this.#panel.toggle();
      });
    });
  }

  /** @param {Shown} shown */
  update(shown) {
    this.#shown = shown;
    this.#button.hidden = !shown.isThere;
    const count = NAMES.filter((name) => name in shown.settings).length;
    find("#settings-dot").hidden = count === 0;
    this.#button.setAttribute(
      "aria-label",
      count ? tn("Settings ({n} set)", "Settings ({n} set)", count) : t("Settings"),
    );
    this.#panel?.update(shown);
  }

  /** Keeps now what is typed. */
  keep() {
    this.#panel?.keep();
  }

  /**
   * Changes the place: the shown conversation got its id.
   * @param {string} place
   */
  moved(place) {
    this.#panel?.moved(place);
  }
}
