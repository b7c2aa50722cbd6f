/** The JSON API, with the session's cookie and CSRF token. */
import { newId } from "../lib/ids.js";
import { t } from "../lib/translate.js";

/** Milliseconds after which a change counts as failed. */
const PATIENCE = 20_000;

/** A refusal of the API, or a failed request (`status` 0: no connection). */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} message
   * @param {string|null} [field] the wrong field
   */
  constructor(status, code, message, field = null) {
    super(message);
    this.status = status;
    this.code = code;
    this.field = field;
  }
}

export class Api {
  #base;
  #token;

  /**
   * @param {string} base
   * @param {string} token against cross-site request forgery
   */
  constructor(base, token) {
    this.#base = base;
    this.#token = token;
  }

  /**
   * @param {{cursor?: string|null, q?: string, limit?: number, archived?: boolean|"all",
   *   folder?: string}} [query]
   * @returns {Promise<import("../protocol.js").Listed>}
   */
  conversations({ cursor, q, limit = 50, archived = false, folder } = {}) {
    const query = new URLSearchParams({ limit: String(limit), archived: String(archived) });
    if (cursor) query.set("cursor", cursor);
    if (q) query.set("q", q);
    if (folder) query.set("folder", folder);
    return this.#call("GET", `conversations?${query}`);
  }

  /**
   * A page of a conversation: the newest of the shown path, or another one.
   * @param {string} id
   * @param {{before?: string, through?: string}} [place]
   * @returns {Promise<import("../protocol.js").Tree>}
   */
  conversation(id, place = {}) {
    const query = new URLSearchParams({ limit: "100", ...place });
    return this.#call("GET", `conversations/${id}?${query}`);
  }

  /**
   * @param {string} id
   * @param {import("../state/records.js").Change} fields
   * @returns {Promise<import("../protocol.js").Single>}
   */
  change(id, fields) {
    return this.#call("PATCH", `conversations/${id}`, fields);
  }

  /**
   * Words go in the body: an address would be logged.
   * @param {{q: string, before?: string|null, conversation?: string, limit?: number}} question
   * @returns {Promise<import("../protocol.js").SearchAnswer>}
   */
  search(question) {
    return this.#call("POST", "search", question);
  }

  /** @param {string} id */
  remove(id) {
    return this.#call("DELETE", `conversations/${id}`);
  }

  /**
   * @param {string} id of a reply
   * @param {import("../protocol.js").FeedbackObject|null} feedback null removes it
   */
  feedback(id, feedback) {
    const path = `replies/${id}/feedback`;
    return feedback ? this.#call("PUT", path, feedback) : this.#call("DELETE", path);
  }

  /** @param {string} id of a conversation that has just been deleted */
  restore(id) {
    return this.#call("POST", `conversations/${id}/restore`);
  }

  /**
   * Makes a conversation of the path to a message.
   * @param {string} id
   * @param {string} message
   * @returns {Promise<import("../protocol.js").Single>}
   */
  branch(id, message) {
    return this.#call("POST", `conversations/${id}/branch`, { id: newId(), message });
  }

  /** @returns {Promise<import("../protocol.js").Folders>} */
  folders() {
    return this.#call("GET", "folders");
  }

  /**
   * @param {string} name
   * @returns {Promise<import("../protocol.js").SingleFolder>}
   */
  makeFolder(name) {
    return this.#call("POST", "folders", { id: newId(), name });
  }

  /**
   * @param {string} id
   * @param {string} name
   * @returns {Promise<import("../protocol.js").SingleFolder>}
   */
  renameFolder(id, name) {
    return this.#call("PATCH", `folders/${id}`, { name });
  }

  /** @param {string} id */
  removeFolder(id) {
    return this.#call("DELETE", `folders/${id}`);
  }

  /**
   * @param {string} id of a folder that has just been deleted
   * @returns {Promise<import("../protocol.js").SingleFolder>}
   */
  restoreFolder(id) {
    return this.#call("POST", `folders/${id}/restore`);
  }

  /** @returns {Promise<import("../protocol.js").ModelsAnswer>} */
  models() {
    return this.#call("GET", "models");
  }

  /**
   * @param {number} seq
   * @returns {Promise<import("../protocol.js").ChangesAnswer>}
   */
  changes(seq) {
    return this.#call("GET", `changes?since=${seq}`);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  async #call(method, path, body) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json" };
    if (method !== "GET") headers["X-CSRFToken"] = csrfToken() ?? this.#token;
    if (body) headers["Content-Type"] = "application/json";
    let response;
    try {
      const sent = body ? JSON.stringify(body) : null;
      response = await fetch(this.#base + path, {
        method,
        headers,
        body: sent,
        credentials: "same-origin",
        ...(method !== "GET" && { signal: AbortSignal.timeout(PATIENCE) }),
        // A change while the page closes still arrives. Browsers allow 64 KiB of that.
        keepalive: sent !== null && sent.length < 16_000,
      });
    } catch {
      throw new ApiError(0, "unreachable", t("The server cannot be reached."));
    }
    if (response.status === 204) return null;
    const answer = await response.json().catch(() => null);
    if (response.ok && answer) return answer;
    throw new ApiError(
      response.status,
      answer?.code ?? "bad_answer",
      answer?.detail ?? unexplained(response.status),
      answer?.field ?? null,
    );
  }
}

/**
 * A sentence for an answer without one.
 * @param {number} status
 */
export const unexplained = (status) =>
  t("The server answered with status {status}.", { status: String(status) });

/** The current token against cross-site request forgery: a log-in in any tab changes it. */
export function csrfToken() {
  const { document } = globalThis;
  if (!document) return undefined;
  /** @type {HTMLElement|null} */
  const said = document.querySelector("meta[name=csrf-token]");
  // Each server has a name of its own for it, made of letters, digits, - and _.
  const start = `${said?.dataset.cookie}=`;
  return document.cookie
    .split("; ")
    .find((one) => one.startsWith(start))
    ?.slice(start.length);
}
