/** The models on offer, as the server lists them. */

/** @typedef {import("../protocol.js").ModelObject} Model */

export class Models {
  /** @type {Model[]} */
  list;
  #api;

  /**
   * @param {import("../protocol/api.js").Api} api
   * @param {Model[]} list
   */
  constructor(api, list) {
    this.#api = api;
    this.list = list;
  }

  /** Reads the list again. */
  async load() {
    this.list = (await this.#api.models()).models;
  }

  /** The one that answers where none was chosen. @returns {string|null} */
  get default() {
    return (this.list.find((model) => model.default) ?? this.list[0])?.id ?? null;
  }

  /** @param {string|null|undefined} id */
  find(id) {
    return this.list.find((model) => model.id === id);
  }

  /** @param {string|null|undefined} id */
  label(id) {
    return this.find(id)?.label ?? id ?? "";
  }
}

/**
 * The models under their endpoints, in the order of the list.
 * @param {Model[]} models
 * @returns {[string, Model[]][]}
 */
export function byEndpoint(models) {
  /** @type {Map<string, Model[]>} */
  const groups = new Map();
  for (const model of models) {
    const group = groups.get(model.endpoint);
    if (group) group.push(model);
    else groups.set(model.endpoint, [model]);
  }
  return [...groups];
}

/**
 * A test for what has all these words, in any order.
 * @param {string} words
 * @returns {(text: string) => boolean}
 */
export function matching(words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return (text) => {
    const lower = text.toLowerCase();
    return wanted.every((word) => lower.includes(word));
  };
}
