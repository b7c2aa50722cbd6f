/** The bar over the thread: title and menu of the shown conversation. */

import { quoted } from "../lib/bidi.js";
import { find } from "../lib/dom.js";
import { t } from "../lib/translate.js";
import { marked } from "../lib/visible-text.js";
import { isNew, NEW } from "../state/outbox.js";
import { shownTitle } from "./format.js";

export class Head {
  /** The title that is drawn. */
  #title = "";

  /** @param {import("../store/store.js").Store} store */
  update(store) {
    const { shown, place, threadState } = store;
    const title = threadState === "missing" ? t("Not found") : shownTitle(shown?.title);
    if (title !== this.#title) find("#title").replaceChildren(...marked(title));
    this.#title = title;
    document.title = isNew(place) ? "Parley" : `${quoted(title)} · Parley`;
    find("#conversation-menu").hidden = !shown;
    find("#archived").hidden = !shown?.archived;
    const { isTemporary, mayBeTemporary } = store;
    const control = find("#temporary-switch");
    control.hidden = place !== NEW || !mayBeTemporary;
    control.setAttribute("aria-pressed", String(isTemporary));
    find("#temporary").hidden = !isTemporary;
  }
}
