/** The list of keys. */

import { el } from "../lib/dom.js";
import { t, translate } from "../lib/translate.js";
import { ask } from "./dialog.js";
import { KEYS, keyCaps } from "./keys.js";

/** Shows all keys, grouped by where they act. */
export async function showKeys() {
  if (document.querySelector("#key-help")) return;
  /** @type {Map<string, HTMLElement>} */
  const groups = new Map();
  const body = el(
    "form",
    { method: "dialog", class: "dialog-body" },
    el("h2", { id: "key-help-title" }, t("Keys")),
  );
  for (const key of /** @type {import("./keys.js").Key[]} */ (Object.values(KEYS))) {
    const where = key.where ? translate(key.where, {}) : t("Everywhere");
    let group = groups.get(where);
    if (!group) {
      group = el("dl", { class: "key-list" });
      groups.set(where, group);
      body.append(el("h3", {}, where), group);
    }
    const caps = keyCaps(key).map((cap) => el("kbd", {}, cap));
    group.append(el("div", {}, el("dt", {}, translate(key.label, {})), el("dd", {}, ...caps)));
  }
  body.append(
    el(
      "div",
      { class: "actions actions-end" },
      el("button", { class: "button", value: "", autofocus: true }, t("Close")),
    ),
  );
  await ask(
    el(
      "dialog",
      { class: "dialog wide", id: "key-help", "aria-labelledby": "key-help-title" },
      body,
    ),
  );
}
