/**
 * Meaning of Enter in fields for messages. It sends, but on the keyboard of a touch screen, which
 * has no Shift+Enter, it breaks the line. A tablet with a keyboard attached is known by its keys.
 */

const MODIFIERS = new Set(["Shift", "Control", "Alt", "Meta"]);

/** The keys of one text, as they are pressed. Pure but for the question of the pointer. */
export class EnterKey {
  #isTouch;
  /** Keys that no screen has were pressed since the text was last touched. */
  #hasKeyboard = false;
  #isHeld = false;

  /** @param {() => boolean} isTouch true if the screen itself is the pointing device */
  constructor(isTouch) {
    this.#isTouch = isTouch;
  }

  /** The text was touched: a keyboard on the screen may have come up. */
  touched() {
    this.#hasKeyboard = false;
  }

  /**
   * @param {Pick<KeyboardEvent, "key"|"keyCode"|"isComposing"|"shiftKey"|"ctrlKey"|"altKey"|"metaKey">}
   *   event a key that was pressed
   * @returns {boolean} true if it sends
   */
  sends(event) {
    const { key, shiftKey, ctrlKey, altKey, metaKey } = event;
    if (MODIFIERS.has(key)) {
      this.#isHeld = true;
      return false;
    }
    const isHeld = this.#isHeld && (shiftKey || ctrlKey || altKey || metaKey);
    this.#isHeld = isHeld;
    // While an input method composes, Enter chooses a word (keyCode 229: Safari says so too late).
    if (event.isComposing || event.keyCode === 229) return false;
    if (key !== "Enter") {
      this.#hasKeyboard ||= isHeld;
      return false;
    }
    if (shiftKey || ctrlKey || altKey) return false;
    return metaKey || this.#hasKeyboard || !this.#isTouch();
  }
}
