/** A lazily loaded part of the page, with work that waits for it. */
import { Retry } from "./retry.js";

/** @template T */
export class Awaited {
  /** The loaded module. @type {T|null} */
  part = null;
  #retry;

  /**
   * @param {() => Promise<T>} load
   * @param {() => void} goOn does the waiting work
   */
  constructor(load, goOn) {
    this.#retry = new Retry(async () => {
      try {
        this.part = await load();
      } catch (problem) {
        console.warn("parley: not loaded", problem);
        throw problem;
      }
      goOn();
    });
  }

  want() {
    if (!this.part && !this.#retry.isWaiting) this.#retry.now();
  }
}
