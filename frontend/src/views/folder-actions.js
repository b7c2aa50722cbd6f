/** Actions on folders: make, rename, delete, and move conversations between them. */

import { el } from "../lib/dom.js";
import { t } from "../lib/translate.js";
import { marked } from "../lib/visible-text.js";
import { ask, prompt } from "./dialog.js";
import { toggleMenu } from "./menu.js";
import { icon } from "./menu-icons.js";
import { toast } from "./notices.js";

/** Code points of a name. */
const LONGEST = 80;

/** @typedef {import("../store/store.js").Store} Store */

/**
 * The menu of a folder.
 * @param {Store} store
 * @param {import("../state/records.js").Folder} folder
 * @param {HTMLElement} button
 */
export function toggleFolderMenu(store, folder, button) {
  toggleMenu(button, t("Folder"), [
    {
      items: [
        { label: t("Rename"), icon: "pencil", act: () => rename(store, folder) },
        { label: t("Delete"), icon: "trash", isDanger: true, act: () => remove(store, folder) },
      ],
    },
  ]);
}

/** @param {string} title @param {string} value @param {string} action */
const askName = (title, value, action) =>
  prompt({ title, label: t("Name"), value, action, longest: LONGEST });

/**
 * Asks for a name, and makes a folder of it.
 * @param {Store} store
 * @returns {Promise<string|null>} the id of the folder
 */
export async function makeFolder(store) {
  const name = await askName(t("New folder"), "", t("Create"));
  let id = null;
  if (name) {
    await store.attempt(async () => {
      id = (await store.folders.make(name)).id;
    });
  }
  return id;
}

/**
 * @param {Store} store
 * @param {import("../state/records.js").Folder} folder
 */
async function rename(store, { id, name: before }) {
  const name = await askName(t("Rename folder"), before, t("Rename"));
  if (name && name !== before) await store.attempt(() => store.folders.rename(id, name));
}

/**
 * @param {Store} store
 * @param {import("../state/records.js").Folder} folder
 */
async function remove(store, { id }) {
  if (!(await store.attempt(() => store.folders.remove(id)))) return;
  toast(t("Folder deleted. Its conversations are kept."), {
    action: { label: t("Undo"), act: () => store.attempt(() => store.folders.restore(id)) },
  });
}

/**
 * Asks for the folder of a conversation, and moves it there.
 * @param {Store} store
 * @param {string} id
 */
export async function chooseFolder(store, id) {
  const now = store.library.conversation(id)?.folder ?? "none";
  /** @param {string} value @param {(string|Node)[]} label @param {"folder"|"check"} mark */
  const choice = (value, label, mark) =>
    el(
      "button",
      {
        class: "menu-item",
        value,
        "aria-current": value === now ? "true" : null,
        autofocus: value === now,
      },
      icon(mark),
      el("span", { class: "menu-text", dir: "auto" }, ...label),
      value === now && icon("check"),
    );
  const dialog = el(
    "dialog",
    { class: "dialog", "aria-labelledby": "folder-choice" },
    el(
      "form",
      { method: "dialog", class: "dialog-body" },
      el("h2", { id: "folder-choice" }, t("Move to a folder")),
      el(
        "div",
        { class: "folder-choices" },
        choice("none", [t("No folder")], "folder"),
        ...store.folders.all.map(({ id: folder, name }) => choice(folder, marked(name), "folder")),
      ),
      el(
        "div",
        { class: "actions actions-end" },
        el("button", { class: "button", value: "new" }, t("New folder…")),
        el("button", { class: "button button-quiet", value: "" }, t("Cancel")),
      ),
    ),
  );
  const answer = await ask(dialog);
  const to = answer === "new" ? await makeFolder(store) : answer;
  if (to && to !== now) await move(store, id, to);
}

/**
 * Moves a conversation, and says so.
 * @param {Store} store
 * @param {string} id
 * @param {string} to a folder, or "none"
 * @param {boolean} [isUndo]
 */
export async function move(store, id, to, isUndo = false) {
  const before = store.library.conversation(id)?.folder ?? "none";
  if (before === to || !(await store.change(id, { folder: to }))) return;
  if (isUndo) return;
  const name = store.library.folders.get(to)?.name;
  toast(name ? t("Moved to {folder}.", { folder: name }) : t("Moved out of the folder."), {
    action: { label: t("Undo"), act: () => move(store, id, before, true) },
  });
}
