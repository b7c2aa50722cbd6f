/** The menu of a conversation: rename, archive, delete. */

import { t, tc } from "../lib/translate.js";
import { prompt } from "./dialog.js";
import { chooseFolder } from "./folder-actions.js";
import { shownTitle } from "./format.js";
import { toggleMenu } from "./menu.js";

/**
 * @typedef {object} Ways
 * @property {(id: string, archived: boolean) => Promise<void>} archive puts away, or brings back
 * @property {() => void} left the shown one is gone
 * @property {(id: string, wasShown: boolean) => void} removed offers to undo it
 */

export class ConversationMenu {
  #store;
  #ways;

  /**
   * @param {import("../store/store.js").Store} store
   * @param {Ways} ways
   */
  constructor(store, ways) {
    this.#store = store;
    this.#ways = ways;
  }

  /**
   * @param {string} id
   * @param {HTMLElement} button
   */
  toggle(id, button) {
    toggleMenu(button, t("Conversation"), [{ items: this.items(id) }]);
  }

  /**
   * The actions on a conversation.
   * @param {string} id
   * @returns {import("./menu.js").Item[]}
   */
  items(id) {
    const { archived: isArchived = false, pinned = 0 } = this.#store.library.conversation(id) ?? {};
    return [
      { label: t("Rename"), icon: "pencil", act: () => this.#rename(id) },
      {
        label: pinned ? t("Unpin") : t("Pin"),
        icon: pinned ? "unpin" : "pin",
        act: () => this.#store.change(id, { pinned: !pinned }),
      },
      {
        label: t("Move to a folder…"),
        icon: "folder",
        act: () => chooseFolder(this.#store, id),
      },
      {
        label: isArchived ? t("Unarchive") : tc("verb", "Archive"),
        icon: isArchived ? "unarchive" : "archive",
        act: () => this.#ways.archive(id, !isArchived),
      },
      { label: t("Delete"), icon: "trash", isDanger: true, act: () => this.#remove(id) },
    ];
  }

  /** @param {string} id */
  async #rename(id) {
    const before = shownTitle(this.#store.library.conversation(id)?.title);
    const title = await prompt({
      title: t("Rename conversation"),
      label: t("Title"),
      value: before,
      action: t("Rename"),
      longest: 120,
    });
    if (title && title !== before) await this.#store.change(id, { title });
  }

  /** @param {string} id */
  async #remove(id) {
    const wasShown = this.#store.place === id;
    if (!(await this.#store.remove(id))) return;
    if (wasShown) this.#ways.left();
    this.#ways.removed(id, wasShown);
  }
}
