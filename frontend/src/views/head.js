/** The bar over the thread: title and menu of the shown conversation. */

import { quoted } from "../lib/bidi.js";
import { find } from "../lib/dom.js";
import { t } from "../lib/translate.js";
import { marked } from "../lib/visible-text.js";
import { isNew } from "../state/outbox.js";
import { shownTitle } from "./format.js";

export class Head {
  /** The title that is drawn. */
  #title = "";

  /** @param {import("../store/store.js").Store} store */
  update({ shown, place, threadState }) {
    const title = threadState === "missing" ? t("Not found") : shownTitle(shown?.title);
    if (title !== this.#title) find("#title").replaceChildren(...marked(title));
    this.#title = title;
    document.title = isNew(place) ? "Parley" : `${quoted(title)} · Parley`;
    find("#conversation-menu").hidden = !shown;
    find("#archived").hidden = !shown?.archived;
  }
}
