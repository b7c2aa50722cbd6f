/**
 * The place in each conversation where somebody was reading: a message, and its distance from the
 * top. Ids and numbers only, kept for this tab.
 */

const KEY = "parley:places";
/** Conversations whose place is kept. */
const MOST = 50;

/** @typedef {{id: string, offset: number}} Place */

export class ReadingPlaces {
  #scroller;
  #scroll;
  #thread;

  /**
   * @param {HTMLElement} scroller
   * @param {import("./scroll.js").ScrollManager} scroll
   * @param {import("./thread.js").ThreadView} thread
   */
  constructor(scroller, scroll, thread) {
    this.#scroller = scroller;
    this.#scroll = scroll;
    this.#thread = thread;
  }

  /**
   * Notes the place in a conversation that is left; its end is no place, but where it opens anyway.
   * @param {string} conversation
   */
  note(conversation) {
    const places = read();
    places.delete(conversation);
    const top = this.#scroller.getBoundingClientRect().top;
    const place = this.#scroll.isAtEnd ? null : this.#thread.firstBelow(top);
    if (place) places.set(conversation, { id: place.id, offset: Math.round(place.top - top) });
    try {
      sessionStorage.setItem(KEY, JSON.stringify([...places].slice(-MOST)));
    } catch {
      // Forbidden or full: conversations open at their end.
    }
  }

  /**
   * Goes to the noted place, or to the end.
   * @param {string} conversation
   */
  arrive(conversation) {
    this.#scroll.toEnd();
    const place = read().get(conversation);
    if (!place || this.#thread.top(place.id) === null) return;
    this.#scroll.toPlace(() => {
      const start = this.#scroller.getBoundingClientRect().top;
      return (this.#thread.top(place.id) ?? start) - start - place.offset;
    });
  }
}

/** @returns {Map<string, Place>} */
function read() {
  try {
    return new Map(JSON.parse(sessionStorage.getItem(KEY) ?? "[]"));
  } catch {
    return new Map();
  }
}
