/** The menu of a conversation: rename, archive, delete. */

import { isolated } from "../lib/visible-text.js";
import { confirm, prompt } from "./dialog.js";
import { toggleMenu } from "./menu.js";

/**
 * @typedef {object} Ways
 * @property {(id: string, archived: boolean) => Promise<void>} archive puts away, or brings back
 * @property {() => void} left the shown one is gone
 * @property {(text: string) => void} announce
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
    const isArchived = this.#store.library.conversation(id)?.archived ?? false;
    toggleMenu(button, "Conversation", [
      {
        items: [
          { label: "Rename", icon: "pencil", act: () => this.#rename(id) },
          {
            label: isArchived ? "Unarchive" : "Archive",
            icon: isArchived ? "unarchive" : "archive",
            act: () => this.#ways.archive(id, !isArchived),
          },
          { label: "Delete", icon: "trash", isDanger: true, act: () => this.#remove(id) },
        ],
      },
    ]);
  }

  /** @param {string} id */
  async #rename(id) {
    const before = this.#store.library.conversation(id)?.title ?? "";
    const title = await prompt({
      title: "Rename conversation",
      label: "Title",
      value: before,
      action: "Rename",
      longest: 120,
    });
    if (title && title !== before) await this.#store.change(id, { title });
  }

  /** @param {string} id */
  async #remove(id) {
    const title = this.#store.library.conversation(id)?.title ?? "";
    const isSure = await confirm({
      title: "Delete this conversation?",
      text: ["“", isolated(title), "” and all its messages will be deleted for good."],
      action: "Delete",
      isDanger: true,
    });
    if (!isSure || !(await this.#store.remove(id))) return;
    this.#ways.announce("Conversation deleted.");
    if (this.#store.place === id) this.#ways.left();
  }
}
