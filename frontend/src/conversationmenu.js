/** What can be done with a whole conversation: rename, put away, delete. */
import { confirm, prompt } from "./dialog.js";
import { toggleMenu } from "./menu.js";
import { announce, toast } from "./notices.js";

export class ConversationMenu {
  #store;
  #left;

  /**
   * @param {import("./store.js").Store} store
   * @param {() => void} left the shown one is gone
   */
  constructor(store, left) {
    this.#store = store;
    this.#left = left;
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
            label: isArchived ? "Bring back" : "Archive",
            icon: isArchived ? "unarchive" : "archive",
            act: () => this.#archive(id, !isArchived),
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
      title: "Rename the conversation",
      label: "Title",
      value: before,
      action: "Rename",
      longest: 200,
    });
    if (title && title !== before) await this.#store.change(id, { title });
  }

  /**
   * @param {string} id
   * @param {boolean} archived
   */
  async #archive(id, archived) {
    if (!(await this.#store.change(id, { archived }))) return;
    toast(
      archived ? "Archived. It stands under “Archived” in the list." : "Back among the others.",
    );
  }

  /** @param {string} id */
  async #remove(id) {
    const isSure = await confirm({
      title: "Delete this conversation?",
      text: `“${this.#store.library.conversation(id)?.title ?? ""}” and all its messages go for good.`,
      action: "Delete",
      isDanger: true,
    });
    if (!isSure || !(await this.#store.remove(id))) return;
    announce("The conversation is deleted.");
    if (this.#store.place === id) this.#left();
  }
}
