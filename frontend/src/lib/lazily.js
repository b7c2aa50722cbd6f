/** Loads parts of the page once, when they are needed. */

/**
 * Loads something once. Where that fails, the next call tries again.
 * @template T
 * @param {() => Promise<T>} load
 * @returns {() => Promise<T>}
 */
export function lazily(load) {
  /** @type {Promise<T>|null} */
  let loading = null;
  return () => {
    loading ??= load().catch((problem) => {
      loading = null;
      throw problem;
    });
    return loading;
  };
}
