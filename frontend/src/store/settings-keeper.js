/**
 * Keeps the settings, the model and the shown version of every conversation: the server's values,
 * with the edits of this browser on top until they are saved. Edits lie in the outbox, so that no
 * lost connection and no closed page loses a system prompt. One request is on its way at a time; the
 * last edit wins.
 */
import { sentences, t } from "../lib/translate.js";
import { ApiError } from "../protocol/api.js";
import { isNew } from "../state/outbox.js";
import { clearing, isEmpty, merge, without } from "../state/settings.js";

const AGAIN_MS = 5000;

/**
 * @typedef {import("../state/settings.js").Settings} Settings
 *
 * @typedef {object} Parts
 * @property {import("../state/outbox.js").Outbox} outbox
 * @property {(id: string) => {settings?: Settings, model: string|null, leaf?: string|null}|undefined
 *   } conversation as the server has it
 * @property {(id: string, change: import("../state/records.js").Change) => Promise<void>} save
 * @property {Settings} [defaults] with which new conversations begin
 * @property {() => void} changed
 * @property {(problem: ApiError, text: string) => void} failed
 */

export class SettingsKeeper {
  /** The reason that the last save failed, or "". */
  problem = "";
  /** The value that the server refused. @type {{place: string, field: string, text: string}|null} */
  refused = null;
  #parts;
  /** Places whose edits this page saves; another page's become its own when it connects. */
  #mine = new Set();
  #isSaving = false;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  #isHeld = false;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  get isSaving() {
    return this.#isSaving;
  }

  /**
   * The settings of a place as its user wants them.
   * @param {string} place
   * @returns {Settings}
   */
  of(place) {
    const { outbox, conversation } = this.#parts;
    const { model: _, leaf: __, ...edits } = outbox.edits(place);
    if (this.#isUnsent(place)) return merge(this.#parts.defaults, edits);
    const known = isNew(place) ? outbox.in(place)[0] : conversation(place);
    return merge(known?.settings, edits);
  }

  /**
   * True for a new conversation that has no message yet.
   * @param {string} place
   */
  #isUnsent(place) {
    return isNew(place) && !this.#parts.outbox.in(place).length;
  }

  /**
   * The model chosen for a place; null for the default.
   * @param {string} place
   * @returns {string|null}
   */
  modelOf(place) {
    const { outbox, conversation } = this.#parts;
    const known = isNew(place) ? outbox.in(place)[0] : conversation(place);
    return outbox.edits(place).model ?? known?.model ?? null;
  }

  /**
   * @param {string} place
   * @param {string} model
   */
  choose(place, model) {
    if (this.modelOf(place) !== model) this.#edit(place, { model });
  }

  /**
   * End of the shown path; null without a choice.
   * @param {string} place
   * @returns {string|null}
   */
  leafOf(place) {
    const { outbox, conversation } = this.#parts;
    return outbox.edits(place).leaf ?? conversation(place)?.leaf ?? null;
  }

  /**
   * @param {string} place
   * @param {string} leaf
   */
  showLeaf(place, leaf) {
    if (this.leafOf(place) !== leaf) this.#edit(place, { leaf });
  }

  /**
   * Drops a choice of version that is not saved, for a newer one.
   * @param {string} place
   */
  forgetLeaf(place) {
    const { outbox } = this.#parts;
    const { leaf, ...others } = outbox.edits(place);
    if (leaf) outbox.setEdits(place, others);
  }

  /**
   * True if something is on its way that the next message is to find there.
   * @param {string} place
   */
  isPending(place) {
    return !this.#isHeld && this.#canSave(place);
  }

  /** @param {string} place */
  #canSave(place) {
    const { outbox, conversation } = this.#parts;
    return (
      this.#mine.has(place) &&
      !isNew(place) &&
      conversation(place) !== undefined &&
      !isEmpty(outbox.edits(place))
    );
  }

  /**
   * @param {string} place
   * @param {string} name
   * @param {any} value null to unset it
   */
  change(place, name, value) {
    if (this.refused?.field === name) this.refused = null;
    if ((this.of(place)[name] ?? null) !== value) this.#edit(place, { [name]: value });
  }

  /** @param {string} place */
  reset(place) {
    this.refused = null;
    const edits = clearing(this.of(place));
    if (!isEmpty(edits)) this.#edit(place, edits);
  }

  /**
   * @param {string} place
   * @param {import("../state/settings.js").Edits} edits
   */
  #edit(place, edits) {
    const { outbox } = this.#parts;
    const all = { ...outbox.edits(place), ...edits };
    // A setting that is not sent yet needs no unsetting, unless it is a default.
    const { defaults = {} } = this.#parts;
    const needed = Object.entries(all).filter(
      ([name, value]) => value !== null || name in defaults,
    );
    outbox.setEdits(place, this.#isUnsent(place) ? Object.fromEntries(needed) : all);
    this.#mine.add(place);
    this.#parts.changed();
    this.pump();
  }

  /**
   * Takes the settings along with the first message of a new conversation.
   * @param {string} place
   * @returns {Settings|null} null without settings
   */
  take(place) {
    const settings = this.of(place);
    this.#mine.delete(place);
    this.#parts.outbox.setEdits(place, {});
    return isEmpty(settings) ? null : settings;
  }

  /**
   * Gives them back: the message was given up.
   * @param {string} from
   * @param {string} to
   * @param {Settings|null|undefined} settings
   */
  giveBack(from, to, settings) {
    const { outbox } = this.#parts;
    // The defaults that it went without stay unset.
    const unset = clearing(this.#parts.defaults ?? {});
    const edits = { ...unset, ...merge(settings, outbox.edits(from)) };
    outbox.setEdits(from, {});
    if (!isEmpty(edits)) outbox.setEdits(to, edits);
  }

  /**
   * A new conversation was given its id: what was set since its first message goes there.
   * @param {string} from
   * @param {string} to
   */
  move(from, to) {
    const { outbox } = this.#parts;
    const edits = outbox.edits(from);
    if (isEmpty(edits)) return;
    outbox.setEdits(from, {});
    outbox.setEdits(to, { ...outbox.edits(to), ...edits });
    this.#mine.add(to);
  }

  /** The connection is back: saves whatever is unsaved, also by a page that is closed. */
  adoptAll() {
    for (const place of this.#parts.outbox.edited()) this.#mine.add(place);
    this.#isHeld = false;
    this.pump();
  }

  /** Saves what is next, of a conversation that is known. */
  async pump() {
    if (this.#isSaving || this.#isHeld) return;
    const { outbox, conversation, save } = this.#parts;
    const place = [...this.#mine].find((one) => this.#canSave(one));
    if (!place) return;
    clearTimeout(this.#timer);
    const edits = outbox.edits(place);
    const { model, leaf, ...others } = edits;
    const settings = merge(conversation(place)?.settings, others);
    this.#isSaving = true;
    this.#parts.changed();
    try {
      await save(place, {
        ...(model && { model }),
        ...(leaf && { leaf }),
        ...(!isEmpty(others) && { settings }),
      });
      outbox.setEdits(place, without(outbox.edits(place), edits));
      this.problem = "";
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      this.#failed(problem, place, edits);
    } finally {
      this.#isSaving = false;
      this.#parts.changed();
    }
    this.pump();
  }

  /**
   * @param {ApiError} problem
   * @param {string} place
   * @param {import("../state/settings.js").Edits} edits
   */
  #failed(problem, place, edits) {
    const { outbox, failed } = this.#parts;
    const { status, message } = problem;
    const isOurs = status >= 400 && status < 500 && ![401, 403, 408, 429].includes(status);
    if (isOurs) {
      outbox.setEdits(place, without(outbox.edits(place), edits));
      const field = /^settings\.(\w+)/.exec(problem.field ?? "")?.[1] ?? "";
      if (status !== 404) this.refused = { place, field, text: message };
      failed(problem, message);
      return;
    }
    const isFirst = !this.problem;
    this.#isHeld = true;
    this.problem = status
      ? sentences(t("The settings are not saved."), message, t("Trying again."))
      : t("The settings are not saved. They will be saved when the connection is back.");
    if (status !== 401 && status !== 403) {
      this.#timer = setTimeout(() => {
        this.#isHeld = false;
        this.pump();
      }, AGAIN_MS);
    }
    if (isFirst || status === 401) failed(problem, this.problem);
  }
}
