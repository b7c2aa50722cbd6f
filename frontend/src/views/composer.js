/** The field for messages. `enter-key.js` decides the meaning of Enter. */
import { find, setText } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { number, t } from "../lib/translate.js";
import { partNear } from "../state/limit.js";
import { EnterKey } from "./enter-key.js";

/** Drafts are kept this long after the last key. */
const REST = 300;

/** A longer text can be given more room, in pixels of its height. */
const LONG = 140;

export class Composer {
  #form = /** @type {HTMLFormElement} */ (find("#composer"));
  #area = /** @type {HTMLTextAreaElement} */ (find("#composer-text"));
  #send = /** @type {HTMLButtonElement} */ (find("#send"));
  #stop = /** @type {HTMLButtonElement} */ (find("#stop"));
  #enlarge = find("#composer-expand");
  #limit = find("#composer-limit");
  #most = Number.POSITIVE_INFINITY;
  #isTooLong = false;
  #isTouch = matchMedia("(pointer: coarse)");
  #enter = new EnterKey(() => this.#isTouch.matches);
  #on;
  #canSend = true;
  #isRunning = false;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /**
   * @param {{send: (text: string) => boolean, stop: () => void, draft: (text: string) => void}} on
   *   `send` says whether the text was taken
   */
  constructor(on) {
    this.#on = on;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#area.addEventListener("keydown", (event) => this.#key(event));
    this.#area.addEventListener("pointerdown", ({ pointerType }) => {
      if (pointerType === "touch") this.#enter.touched();
    });
    this.#isTouch.addEventListener("change", () => this.#hint());
    this.#hint();
    this.#area.addEventListener("input", () => this.#changed());
    this.#stop.addEventListener("click", () => {
      on.stop();
      this.focus();
    });
    this.#enlarge.addEventListener("click", () => {
      this.#setLarge(!this.#isLarge);
      this.focus();
    });
    // The card around the text is part of it for the pointer.
    this.#form.addEventListener("pointerdown", (event) => {
      if (event.target instanceof Element && !event.target.closest("button, textarea")) {
        event.preventDefault();
        this.focus();
      }
    });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!this.#enter.sends(event)) return;
    event.preventDefault();
    this.#submit();
  }

  /** The label of Enter on a keyboard on the screen. */
  #hint() {
    this.#area.enterKeyHint = this.#isTouch.matches ? "enter" : "send";
  }

  #submit() {
    const text = this.#area.value;
    if (!this.#canSend || this.#isTooLong || !text.trim()) return;
    clearTimeout(this.#timer);
    if (this.#on.send(text)) this.set("");
    this.focus();
  }

  #changed() {
    this.#fit();
    this.#show();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.keep(), REST);
  }

  /** Keeps the draft now. */
  keep() {
    clearTimeout(this.#timer);
    this.#on.draft(this.#area.value);
  }

  /** @param {string} text */
  set(text) {
    this.#area.value = text;
    if (!text) this.#setLarge(false);
    this.#fit();
    this.#show();
  }

  get text() {
    return this.#area.value;
  }

  /** @param {boolean} [isAsked] otherwise a keyboard on the screen would cover the thread unasked */
  focus(isAsked = true) {
    if (!isAsked && this.#isTouch.matches) return;
    this.#area.focus({ preventScroll: true });
    this.#area.setSelectionRange(this.#area.value.length, this.#area.value.length);
  }

  /**
   * @param {{canSend: boolean, isRunning: boolean, isStopping: boolean, most: number}} state
   *   `most`: bytes of a message
   */
  update({ canSend, isRunning, isStopping, most }) {
    this.#canSend = canSend;
    this.#most = most;
    this.#isRunning = isRunning;
    this.#area.disabled = !canSend;
    this.#stop.disabled = isStopping;
    this.#show();
  }

  /** Says how much of the allowed size is used, once it is nearly all. */
  #measure() {
    const part = partNear(this.#area.value, this.#most);
    this.#isTooLong = (part ?? 0) > 1;
    this.#limit.hidden = part === null;
    this.#limit.classList.toggle("danger", this.#isTooLong);
    if (part === null) return;
    const share = number(part, { style: "percent", maximumFractionDigits: 0 });
    setText(
      this.#limit,
      this.#isTooLong
        ? t("This message is too long to be sent: {share} of what is allowed.", { share })
        : t("{share} of the allowed length", { share }),
    );
  }

  #show() {
    this.#measure();
    const isEmpty = !this.#area.value.trim();
    const hadFocus = document.activeElement === this.#send || document.activeElement === this.#stop;
    this.#stop.hidden = !this.#isRunning;
    this.#send.hidden = this.#isRunning && isEmpty;
    this.#send.disabled = isEmpty || !this.#canSend || this.#isTooLong;
    // A button that went away takes the focus with it.
    if (hadFocus && document.activeElement === document.body) this.focus();
  }

  get #isLarge() {
    return this.#form.classList.contains("large");
  }

  /** @param {boolean} isLarge most of the page is for the text */
  #setLarge(isLarge) {
    if (isLarge === this.#isLarge) return;
    const label = isLarge ? t("Reduce the message box") : t("Enlarge the message box");
    this.#form.classList.toggle("large", isLarge);
    this.#enlarge.setAttribute("aria-expanded", String(isLarge));
    this.#enlarge.setAttribute("aria-label", label);
    this.#enlarge.title = label;
    this.#enlarge.replaceChildren(icon(isLarge ? "reduce" : "enlarge"));
  }

  #fit() {
    this.#area.style.height = "auto";
    const height = this.#area.scrollHeight;
    this.#area.style.height = `${height}px`;
    this.#enlarge.hidden = height < LONG && !this.#isLarge;
  }
}
