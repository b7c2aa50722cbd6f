/** The shown thread: one view per message, kept while its message is shown. */

import { el } from "../lib/dom.js";
import { t } from "../lib/translate.js";
import { ReplyMessage } from "./reply-message.js";
import { UserMessage } from "./user-message.js";

/** Distance beyond the edge of the screen at which replies are still rendered. */
const NEAR = "1200px 0px";

/** @typedef {import("../state/thread-items.js").Item} Item */

export class ThreadView {
  #host;
  #acts;
  /** @type {Map<string, UserMessage|ReplyMessage>} */
  #views = new Map();
  /** @type {WeakMap<Element, () => void>} */
  #draws = new WeakMap();
  #observer;

  /**
   * @param {HTMLElement} host
   * @param {HTMLElement} scroller
   * @param {import("./user-message.js").Acts & Omit<import("./reply-message.js").Acts, "whenNear">} acts
   */
  constructor(host, scroller, acts) {
    this.#host = host;
    this.#observer = new IntersectionObserver((entries) => this.#cameNear(entries), {
      root: scroller,
      rootMargin: NEAR,
    });
    this.#acts = {
      ...acts,
      /** @param {Element} element @param {() => void} draw */
      whenNear: (element, draw) => {
        this.#draws.set(element, draw);
        this.#observer.observe(element);
      },
    };
  }

  /**
   * @param {Item[]} items
   * @param {boolean} isConnected
   */
  update(items, isConnected) {
    const keys = new Set(items.map(({ key }) => key));
    for (const [key, view] of this.#views) {
      if (keys.has(key)) continue;
      this.#views.delete(key);
      this.#observer.unobserve(view.element);
      view.remove();
    }
    let before = /** @type {Element|null} */ (this.#host.firstElementChild);
    for (const item of items) {
      const view = this.#view(item);
      if (view.element === before) before = before.nextElementSibling;
      else this.#host.insertBefore(view.element, before);
      // A message that cannot be shown must not take the others with it.
      try {
        view.update(item, isConnected);
      } catch (problem) {
        console.error("parley: a message could not be shown", problem);
      }
    }
  }

  /** @param {Item} item */
  #view(item) {
    let view = this.#views.get(item.key);
    if (!view) {
      const isReply = item.message?.role === "assistant";
      view = isReply ? new ReplyMessage(this.#acts) : new UserMessage(this.#acts);
      this.#views.set(item.key, view);
    }
    return view;
  }

  /**
   * A message written here got its id from the server: its view stays.
   * @param {string} from
   * @param {string} to
   */
  rename(from, to) {
    const view = this.#views.get(from);
    if (!view || this.#views.has(to)) return;
    this.#views.delete(from);
    this.#views.set(to, view);
  }

  /**
   * Opens a message for writing.
   * @param {string} id
   * @param {string} text
   */
  edit(id, text) {
    const view = this.#views.get(id);
    if (view instanceof UserMessage) view.open(text);
  }

  /** Keeps what is being written in messages. */
  keep() {
    for (const view of this.#views.values()) if (view instanceof UserMessage) view.keep();
  }

  /**
   * The element of a message that is shown.
   * @param {string} id
   */
  element(id) {
    return this.#views.get(id)?.element ?? null;
  }

  /**
   * The first message that ends below this line of the screen.
   * @param {number} line
   */
  firstBelow(line) {
    /** @type {{id: string, top: number}|null} */
    let first = null;
    for (const [id, { element }] of this.#views) {
      const { top, bottom } = element.getBoundingClientRect();
      if (bottom > line && top < (first?.top ?? Number.POSITIVE_INFINITY)) first = { id, top };
    }
    return first;
  }

  /**
   * The start of a message on the screen.
   * @param {string} id
   */
  top(id) {
    return this.#views.get(id)?.element.getBoundingClientRect().top ?? null;
  }

  /**
   * @param {string} id
   * @param {boolean} isForward in which way its versions are gone through
   */
  focusVersion(id, isForward) {
    this.#views.get(id)?.focusVersion(isForward);
  }

  /** @param {import("../state/reply.js").Reply} reply */
  grow(reply) {
    const view = this.#views.get(reply.id);
    if (view instanceof ReplyMessage) view.show(reply);
  }

  /** Shows something else than messages. @param {...Node} nodes */
  replace(...nodes) {
    this.update([], true);
    this.#host.replaceChildren(...nodes);
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #cameNear(entries) {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      this.#observer.unobserve(target);
      this.#draws.get(target)?.();
      this.#draws.delete(target);
    }
  }
}

/** Lines in grey while a conversation is loaded. */
export function skeleton() {
  const lines = ["short end", "", "", "medium"].map((kind) =>
    el("span", { class: `bone ${kind}` }),
  );
  return el("div", { class: "skeleton", role: "status", "aria-label": t("Loading") }, ...lines);
}
