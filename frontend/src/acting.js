/** What the controls of the thread and the composer do. */
import { toggleModelMenu } from "./modelmenu.js";
import { announce, toast } from "./notices.js";
import { editing, NEW } from "./outbox.js";
import { isFull } from "./reply.js";

/**
 * @typedef {object} Parts
 * @property {import("./store.js").Store} store
 * @property {import("./composer.js").Composer} composer
 * @property {import("./scroll.js").ScrollManager} scroll
 * @property {() => void} draw now
 * @property {(place: string) => void} go
 */

export class Acting {
  #parts;
  /** @type {import("./thread.js").ThreadView|null} */
  thread = null;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** @returns {import("./usermessage.js").Acts & Omit<import("./replymessage.js").Acts, "whenNear">} */
  get acts() {
    const { store } = this.#parts;
    const { asking, outbox, models } = store;
    return {
      discard: (id) => asking.discard(id),
      again: (id) => asking.again(id),
      edit: (id) => this.#edit(id),
      change: (id, text) => this.#asked(asking.edit(id, text)),
      withdraw: (message) => asking.withdraw(message),
      version: (id, isForward) => this.#showVersion(id, isForward),
      draft: (id) => outbox.draft(editing(id)),
      keepDraft: (id, text) => outbox.setDraft(editing(id), text),
      stop: (id) => asking.stop(id),
      resume: (id) => asking.continueReply(id),
      regenerate: (id) => this.#regenerate(id, null),
      chooseModel: (reply, button) =>
        toggleModelMenu(button, {
          label: "Regenerate with",
          models: models.list,
          chosen: reply.model,
          choose: (model) => this.#regenerate(reply.id, model),
        }),
      hasModels: () => models.list.length > 1,
      modelLabel: (id) => models.label(id),
      isFull: (reply) => isFull(reply, store.replyBytes),
    };
  }

  /**
   * @param {string} text
   * @returns {boolean} whether it was taken
   */
  send(text) {
    return this.#asked(this.#parts.store.asking.send(text));
  }

  stop() {
    const { asking } = this.#parts.store;
    if (asking.stoppable) asking.stop(asking.stoppable.id);
  }

  /** @param {HTMLElement} button */
  chooseModel(button) {
    const { store } = this.#parts;
    toggleModelMenu(button, {
      label: "Model",
      models: store.models.list,
      chosen: store.model,
      choose: (id) => store.choose(id),
    });
  }

  /**
   * A message is not there any more: its text goes back to where texts are written.
   * @param {import("./outbox.js").Entry} entry
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
   * @returns {boolean} whether it is
   */
  #asked(problem) {
    if (problem) {
      toast(problem, "danger");
      return false;
    }
    this.#parts.scroll.toEnd();
    this.#parts.composer.focus(false);
    return true;
  }

  /**
   * @param {string} id
   * @param {string|null} model
   */
  #regenerate(id, model) {
    this.#parts.store.asking.regenerate(id, model);
    this.#asked(null);
  }

  /**
   * @param {string} id
   * @param {boolean} isForward
   */
  #showVersion(id, isForward) {
    const { store, scroll, draw } = this.#parts;
    const before = this.thread?.top(this.#beside(id) ?? "") ?? null;
    store.asking.showVersion(id);
    draw();
    const after = this.thread?.top(id) ?? null;
    if (before !== null && after !== null) scroll.stay(after - before);
    this.thread?.focusVersion(id, isForward);
    const place = store.items().find(({ key }) => key === id)?.place;
    if (place) announce(`Version ${place.at} of ${place.count}`);
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
    store.asking.discard(id);
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
