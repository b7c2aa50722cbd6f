/**
 * Repeats an action until it works: after growing pauses, and at once when the network or the
 * reader is back.
 */
import { wait } from "./backoff.js";
import { whenBack } from "./moments.js";

export class Retry {
  #act;
  #failures = 0;
  #isTrying = false;
  /** Timer of the next try. @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /** @param {() => Promise<unknown>} act fails by throwing */
  constructor(act) {
    this.#act = act;
    whenBack(() => this.soon());
  }

  /** True if it has failed, and is to be tried again. */
  get isWaiting() {
    return this.#timer !== undefined;
  }

  /** Tries now what waits for its next try. */
  soon() {
    if (!this.isWaiting) return;
    this.#failures = 0;
    this.now();
  }

  /** Tries now, where it is not being tried already. */
  async now() {
    if (this.#isTrying) return;
    this.stop();
    this.#isTrying = true;
    try {
      await this.#act();
      this.#failures = 0;
    } catch {
      // The caller has reported it.
      this.#failures += 1;
      this.#timer = setTimeout(() => this.now(), wait(this.#failures, 0));
    } finally {
      this.#isTrying = false;
    }
  }

  /** Gives up. */
  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
