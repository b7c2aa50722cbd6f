/** The actions of thread and composer. */

import { t } from "../lib/translate.js";
import { editing, NEW } from "../state/outbox.js";
import { isFull } from "../state/reply.js";
import { over } from "./load-overlays.js";
import { announce, toast } from "./notices.js";
import { versionText } from "./versions.js";

/**
 * @typedef {object} Parts
 * @property {import("../store/store.js").Store} store
 * @property {import("./composer.js").Composer} composer
 * @property {import("./scroll.js").ScrollManager} scroll
 * @property {() => void} draw now
 * @property {(place: string) => void} go
 */

export class Actions {
  #parts;
  /** @type {import("./thread.js").ThreadView|null} */
  thread = null;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** @returns {import("./user-message.js").Acts & Omit<import("./reply-message.js").Acts, "whenNear">} */
  get acts() {
    const { store } = this.#parts;
    const { commands, outbox, models } = store;
    return {
      discard: (id) => commands.discard(id),
      again: (id) => commands.again(id),
      edit: (id) => this.#edit(id),
      change: (id, text) => this.#asked(commands.edit(id, text)),
      withdraw: (message) => commands.withdraw(message),
      version: (id, isForward) => this.#showVersion(id, isForward),
      draft: (id) => outbox.draft(editing(id)),
      keepDraft: (id, text) => outbox.setDraft(editing(id), text),
      stop: (id) => commands.stop(id),
      resume: (id) => commands.continueReply(id),
      regenerate: (id) => this.#regenerate(id, null),
      chooseModel: (reply, button, isRetry) =>
        over(({ toggleModelMenu }) =>
          toggleModelMenu(button, {
            label: isRetry ? t("Retry with") : t("Regenerate with"),
            models: models.list,
            chosen: reply.model,
            choose: (model) => {
              if (isRetry) commands.continueReply(reply.id, model);
              else this.#regenerate(reply.id, model);
            },
          }),
        ),
      branch: (id) => this.#branch(id),
      feedback: (id, thumb, given) => this.#feedback(id, thumb, given),
      more: (button, about) => over(({ toggleReplyMenu }) => toggleReplyMenu(button, about)),
      hasModels: () => models.list.length > 1,
      modelLabel: (id) => models.label(id),
      isFull: (reply) => isFull(reply, store.replyBytes),
    };
  }

  /**
   * @param {string} text
   * @returns {boolean} true if it was taken
   */
  send(text) {
    return this.#asked(this.#parts.store.commands.send(text));
  }

  /** Stops the shown reply. @returns {boolean} false if none runs */
  stop() {
    const { commands } = this.#parts.store;
    if (!commands.stoppable) return false;
    commands.stop(commands.stoppable.id);
    return true;
  }

  /** Opens the user's last message for writing. @returns {boolean} false if there is none */
  editLast() {
    const items = this.#parts.store.items();
    const last = items.findLast(({ message, entry }) => message?.role === "user" && !entry);
    if (!last?.message) return false;
    this.thread?.edit(last.key, last.message.text ?? "");
    return true;
  }

  /** @param {HTMLElement} button */
  chooseModel(button) {
    const { store } = this.#parts;
    over(({ toggleModelMenu }) =>
      toggleModelMenu(button, {
        label: t("Model"),
        models: store.models.list,
        chosen: store.model,
        choose: (id) => store.choose(id),
      }),
    );
  }

  /**
   * Archives or unarchives a conversation, and says so.
   * @param {string} id
   * @param {boolean} archived
   * @param {boolean} [isUndo]
   */
  async archive(id, archived, isUndo = false) {
    if (!(await this.#parts.store.change(id, { archived }))) return;
    const undo = { label: t("Undo"), act: () => this.archive(id, !archived, true) };
    toast(archived ? t("Archived") : t("Unarchived"), {
      action: isUndo ? null : undo,
    });
  }

  /**
   * Says that a conversation was deleted, which can be undone for a while.
   * @param {string} id
   * @param {boolean} wasShown
   */
  removed(id, wasShown) {
    const { store, go } = this.#parts;
    const act = async () => {
      if ((await store.attempt(() => store.library.restore(id))) && wasShown) go(id);
    };
    toast(t("Conversation deleted."), { action: { label: t("Undo"), act } });
  }

  /**
   * A message is not there any more: its text goes back to where texts are written.
   * @param {import("../state/outbox.js").Entry} entry
   */
  takeBack(entry) {
    const { store, go } = this.#parts;
    const { outbox } = store;
    const to = entry.conversation ? entry.place : NEW;
    if (entry.place !== store.place) {
      outbox.setDraft(to, joined(entry.text, outbox.draft(to)));
      return;
    }
    go(to);
    this.#write(entry.text);
  }

  /**
   * @param {string|null} problem why it cannot be asked for
   * @returns {boolean} true if it is
   */
  #asked(problem) {
    if (problem) {
      toast(problem, { tone: "danger" });
      return false;
    }
    this.#parts.scroll.toEnd();
    this.#parts.composer.focus(false);
    return true;
  }

  /**
   * Gives feedback at once, and then asks for its details.
   * @param {string} id
   * @param {"up"|"down"} thumb
   * @param {import("../protocol.js").FeedbackObject|null} given
   */
  async #feedback(id, thumb, given) {
    const { store } = this.#parts;
    const isGiven = given?.thumb === thumb;
    const give = (/** @type {typeof given} */ what) =>
      store.attempt(() => store.library.giveFeedback(id, what));
    const feedback = isGiven ? given : { thumb, reasons: [], words: given?.words ?? "" };
    if (!isGiven && !(await give(feedback))) return;
    over(async ({ askFeedback }) => {
      const answer = await askFeedback(feedback);
      if (answer) await give(answer === "remove" ? null : answer);
    });
  }

  /** @param {string} id of a reply, which ends the new conversation */
  async #branch(id) {
    const { store, go } = this.#parts;
    let made = "";
    const isMade = await store.attempt(async () => {
      made = await store.library.branch(store.place, id);
    });
    if (!isMade) return;
    go(made);
    toast(t("This is a new conversation, with the messages so far."));
  }

  /**
   * @param {string} id
   * @param {string|null} model
   */
  #regenerate(id, model) {
    this.#parts.store.commands.regenerate(id, model);
    this.#asked(null);
  }

  /**
   * @param {string} id
   * @param {boolean} isForward
   */
  #showVersion(id, isForward) {
    const { store, scroll, draw } = this.#parts;
    store.commands.showVersion(id, (change) => {
      const before = this.thread?.top(this.#beside(id) ?? "") ?? null;
      change();
      draw();
      const after = this.thread?.top(id) ?? null;
      if (before !== null && after !== null) scroll.stay(after - before);
      this.thread?.focusVersion(id, isForward);
      const place = store.items().find(({ key }) => key === id)?.place;
      if (place) announce(versionText(place));
    });
  }

  /**
   * The shown version beside another one.
   * @param {string} id
   */
  #beside(id) {
    const items = this.#parts.store.items();
    return items.find(({ place }) => place?.before === id || place?.after === id)?.key;
  }

  /** @param {string} id of an entry of the outbox */
  #edit(id) {
    const { store, draw } = this.#parts;
    const entry = store.outbox.get(id);
    if (!entry) return;
    store.commands.discard(id);
    draw();
    const isThere = store.path.some((message) => message.id === entry.target);
    if (isThere) this.thread?.edit(entry.target ?? "", entry.text);
    else this.#write(entry.text);
  }

  /** @param {string} text goes before what is being written */
  #write(text) {
    const { composer } = this.#parts;
    composer.set(joined(text, composer.text));
    composer.keep();
    composer.focus();
  }
}

/**
 * @param {string} text
 * @param {string} written
 */
const joined = (text, written) => (written ? `${text}\n\n${written}` : text);
