/** A message of the user: stored, on its way, or being edited. */

import { fill } from "../lib/chunks.js";
import { copyButton } from "../lib/copy.js";
import { el } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { sentences, t } from "../lib/translate.js";
import { MessageEditor } from "./editor.js";
import { messageHeading } from "./message-heading.js";
import { Moment } from "./moment.js";
import { VersionSwitch } from "./versions.js";

/** A longer text is folded at first. */
const LONG = { characters: 3000, lines: 30 };

/** A message that is sent within this time never shows that it was not. */
const PATIENCE = 600;

/**
 * @typedef {object} Acts
 * @property {(id: string) => void} discard
 * @property {(id: string) => void} again
 * @property {(id: string) => void} edit puts what is not sent back to where it was written
 * @property {(id: string, text: string) => boolean} change says whether the text was taken
 * @property {(message: import("../state/records.js").Message) => void} withdraw
 * @property {(id: string, isForward: boolean) => void} version
 * @property {(id: string) => string} draft of a message that was being edited; "" for none
 * @property {(id: string, text: string) => void} keepDraft
 */

export class UserMessage {
  element;
  #acts;
  #body = el("div", { class: "bubble", dir: "auto" });
  #tools = el("div", { class: "tools" });
  #note = el("div", { class: "message-note" });
  #versions;
  #copy = copyButton(t("Copy message"), () => this.#text);
  #pencil = el(
    "button",
    { class: "tool", type: "button", "aria-label": t("Edit message") },
    icon("pencil"),
  );
  #moment = new Moment();
  #back;
  #text = "";
  /** @type {import("../state/thread-items.js").Item|null} */
  #item = null;
  /** @type {MessageEditor|null} */
  #editor = null;
  /** @type {HTMLElement|null} */
  #more = null;
  #noted = "";
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /** @param {Acts} acts */
  constructor(acts) {
    this.#acts = acts;
    this.#versions = new VersionSwitch(acts.version);
    this.#pencil.addEventListener("click", () => this.open(this.#text));
    this.#back = tool(t("Remove"), () => {
      if (this.#item?.message) acts.withdraw(this.#item.message);
    });
    this.#tools.append(
      this.#moment.element,
      this.#back,
      this.#pencil,
      this.#copy,
      this.#versions.element,
    );
    this.element = el(
      "article",
      { class: "message user", "aria-label": t("You") },
      messageHeading(t("You")),
      this.#body,
      this.#note,
      this.#tools,
    );
  }

  /**
   * @param {import("../state/thread-items.js").Item} item
   * @param {boolean} isConnected
   */
  update(item, isConnected) {
    const isFirst = !this.#item?.message;
    this.#item = item;
    const { message, entry, place, isWaiting = false } = item;
    const text = (entry?.kind === "withdraw" ? "" : entry?.text) || message?.text || "";
    if (text !== this.#text) {
      this.#text = text;
      fill(this.#body, text);
      this.#fold(text.length > LONG.characters || text.split("\n").length > LONG.lines);
    }
    this.element.classList.toggle("pending", Boolean(entry));
    this.element.classList.toggle("waiting", isWaiting);
    this.#versions.update(place);
    this.#moment.update(message?.created);
    this.#drawTools(isWaiting);
    this.#drawNote(entry, isConnected);
    const draft = message && isFirst && !entry ? this.#acts.draft(message.id) : "";
    if (draft) this.open(draft, false);
    this.#editor?.update(isWaiting ? t("Save") : t("Save & send"));
  }

  /** @param {boolean} isWaiting */
  #drawTools(isWaiting) {
    this.#tools.hidden = Boolean(this.#item?.entry || this.#editor);
    this.#back.hidden = !isWaiting;
    if (this.#pencil.classList.toggle("text", isWaiting) && this.#pencil.textContent) return;
    this.#pencil.replaceChildren(isWaiting ? t("Edit") : icon("pencil"));
  }

  /**
   * Opens it for writing.
   * @param {string} text
   * @param {boolean} [isAsked] by the user, who goes on there
   */
  open(text, isAsked = true) {
    const message = this.#item?.message;
    if (!message || this.#editor) return;
    this.#editor = new MessageEditor(text, {
      save: (written) => {
        const editor = this.#editor;
        // A requested edit is drawn at once, and then not as one being written.
        this.#close();
        if (this.#acts.change(message.id, written)) return true;
        if (editor) this.#show(editor);
        return false;
      },
      cancel: () => {
        this.#close();
        this.#pencil.focus({ preventScroll: true });
      },
      draft: (written) => this.#acts.keepDraft(message.id, written),
    });
    this.#show(this.#editor);
    if (isAsked) this.#editor.focus();
  }

  /** @param {MessageEditor} editor */
  #show(editor) {
    this.#editor = editor;
    this.element.classList.add("edited");
    this.#body.before(editor.element);
    this.#drawTools(this.#item?.isWaiting ?? false);
    editor.update(this.#item?.isWaiting ? t("Save") : t("Save & send"));
  }

  #close() {
    this.#editor?.element.remove();
    this.#editor = null;
    this.element.classList.remove("edited");
    this.#drawTools(this.#item?.isWaiting ?? false);
  }

  /** Keeps what is being written. */
  keep() {
    this.#editor?.keep();
  }

  /** @param {boolean} isForward */
  focusVersion(isForward) {
    this.#versions.focus(isForward);
  }

  /** Removes the view. */
  remove() {
    this.keep();
    clearTimeout(this.#timer);
    this.element.remove();
  }

  /** @param {boolean} isFolded */
  #fold(isFolded) {
    this.#body.classList.toggle("folded", isFolded);
    this.#more?.remove();
    this.#more = null;
    if (!isFolded) return;
    this.#more = tool(t("Show all"), () => this.#fold(false));
    this.#more.classList.add("unfold");
    this.#body.after(this.#more);
  }

  /**
   * @param {import("../state/outbox.js").Entry|undefined} entry
   * @param {boolean} isConnected
   */
  #drawNote(entry, isConnected) {
    const noted = entry ? `${entry.id} ${entry.problem} ${isConnected} ${entry.after}` : "";
    if (noted === this.#noted) return;
    this.#noted = noted;
    clearTimeout(this.#timer);
    if (!entry) this.#note.replaceChildren();
    else if (entry.problem || !isConnected) this.#explain(entry, isConnected);
    else this.#timer = setTimeout(() => this.#explain(entry, true), PATIENCE);
  }

  /**
   * @param {import("../state/outbox.js").Entry} entry
   * @param {boolean} isConnected
   */
  #explain(entry, isConnected) {
    const { id, kind, problem } = entry;
    const isLeaving = kind === "withdraw";
    this.#note.classList.toggle("danger", Boolean(problem));
    if (problem) {
      this.#note.replaceChildren(
        icon("alert"),
        el("span", {}, sentences(t("Not sent."), problem)),
        tool(t("Try again"), () => this.#acts.again(id)),
        tool(t("Edit"), () => this.#acts.edit(id)),
        tool(t("Remove"), () => this.#acts.discard(id)),
      );
    } else if (!isConnected) {
      this.#note.replaceChildren(
        icon("clock"),
        el(
          "span",
          {},
          isLeaving ? t("Will be removed when connected") : t("Will be sent when connected"),
        ),
        isLeaving ? "" : tool(t("Edit"), () => this.#acts.edit(id)),
        tool(isLeaving ? t("Keep") : t("Remove"), () => this.#acts.discard(id)),
      );
    } else {
      const waits = entry.after ? t("Waiting for the previous message") : t("Sending…");
      this.#note.replaceChildren(icon("clock"), el("span", {}, isLeaving ? t("Removing…") : waits));
    }
  }
}

/**
 * @param {string} label
 * @param {() => void} act
 */
function tool(label, act) {
  return el("button", { class: "tool text", type: "button", onclick: act }, label);
}
