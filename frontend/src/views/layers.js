/** The layers over the page that several places open: menus, palette, keys, bar of matches. */

import { NEW } from "../state/outbox.js";
import { over } from "./load-overlays.js";

/**
 * @typedef {object} Parts
 * @property {import("../store/store.js").Store} store
 * @property {any} page what the server said about it
 * @property {string} token against cross-site request forgery
 * @property {import("./actions.js").Actions} actions
 * @property {import("./thread.js").ThreadView} thread
 * @property {import("./scroll.js").ScrollManager} scroll
 * @property {(first: string) => void} drawAbove draws earlier messages
 * @property {(place: string) => void} go
 * @property {() => void} archived shows the archived conversations
 */

export class Layers {
  #parts;
  /** @type {import("./conversation-menu.js").ConversationMenu|null} */
  #menu = null;
  /** @type {import("./match-bar.js").MatchBar|null} */
  #matches = null;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /**
   * @param {string} id of a conversation
   * @param {HTMLElement} button
   */
  conversationMenu(id, button) {
    over((views) => this.#menuOf(views).toggle(id, button));
  }

  newFolder() {
    over(({ makeFolder }) => makeFolder(this.#parts.store));
  }

  /**
   * @param {import("../state/records.js").Folder} folder
   * @param {HTMLElement} button
   */
  folderMenu(folder, button) {
    over(({ toggleFolderMenu }) => toggleFolderMenu(this.#parts.store, folder, button));
  }

  /**
   * Moves a conversation.
   * @param {string} id
   * @param {string} folder or "none"
   */
  move(id, folder) {
    over(({ move }) => move(this.#parts.store, id, folder));
  }

  /** @param {HTMLElement} button */
  userMenu(button) {
    const { store, page, token, archived } = this.#parts;
    over(({ toggleUserMenu }) => toggleUserMenu(button, page, token, store.outbox, archived, this));
  }

  /** Shows the list of keys. */
  keys = () => over(({ showKeys }) => showKeys());

  palette() {
    const { store, page, token, actions, go, archived } = this.#parts;
    over((views) =>
      views.openPalette({
        actions: views.actionChoices({
          store,
          page,
          token,
          menu: this.#menuOf(views),
          go,
          stop: () => actions.stop(),
          archived,
          newFolder: () => this.newFolder(),
          keys: this.keys,
        }),
        models: views.modelChoices(store),
        conversations: store.library.all,
        search: (q) => store.library.search(q, null),
        go,
        match: (...found) => this.match(...found),
      }),
    );
  }

  /**
   * Shows a conversation at a message that was found.
   * @param {Parameters<import("./match-bar.js").MatchBar["open"]>} found
   */
  match(...found) {
    const { store, thread, scroll, drawAbove, go } = this.#parts;
    go(found[0]);
    over(({ MatchBar }) => {
      this.#matches ??= new MatchBar({ store, thread, scroll, draw: drawAbove });
      this.#matches.open(...found);
    });
  }

  /**
   * Another conversation is shown.
   * @param {string} place
   */
  leave(place) {
    this.#matches?.leave(place);
  }

  /** @param {typeof import("./overlays.js")} views */
  #menuOf({ ConversationMenu }) {
    const { store, actions, go } = this.#parts;
    this.#menu ??= new ConversationMenu(store, {
      archive: (one, archived) => actions.archive(one, archived),
      left: () => go(NEW),
      removed: (one, wasShown) => actions.removed(one, wasShown),
    });
    return this.#menu;
  }
}
