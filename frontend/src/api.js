/** The JSON API, with the session's cookie and CSRF token. */

/** Milliseconds after which a change counts as not made. */
const PATIENCE = 20_000;

/** What the API refused, or could not be asked (`status` 0: no connection). */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} message
   * @param {string|null} [field] which is wrong
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
   * @param {{cursor?: string|null, q?: string, limit?: number, archived?: boolean}} [query]
   */
  conversations({ cursor, q, limit = 50, archived = false } = {}) {
    const query = new URLSearchParams({ limit: String(limit), archived: String(archived) });
    if (cursor) query.set("cursor", cursor);
    if (q) query.set("q", q);
    return this.#call("GET", `conversations?${query}`);
  }

  /** @param {string} id */
  conversation(id) {
    return this.#call("GET", `conversations/${id}`);
  }

  /**
   * @param {string} id
   * @param {import("./library.js").Change} fields
   */
  change(id, fields) {
    return this.#call("PATCH", `conversations/${id}`, fields);
  }

  /** @param {string} id */
  remove(id) {
    return this.#call("DELETE", `conversations/${id}`);
  }

  models() {
    return this.#call("GET", "models");
  }

  /** @param {number} seq */
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
        // What is changed as the page closes still arrives. Browsers allow 64 KiB of that.
        keepalive: sent !== null && sent.length < 16_000,
      });
    } catch {
      throw new ApiError(0, "unreachable", "The server cannot be reached.");
    }
    if (response.status === 204) return null;
    const answer = await response.json().catch(() => null);
    if (response.ok && answer) return answer;
    throw new ApiError(
      response.status,
      answer?.code ?? "bad_answer",
      answer?.detail ?? `The server answered with status ${response.status}.`,
      answer?.field ?? null,
    );
  }
}

/** It changes with a log-in, also in another tab. */
export function csrfToken() {
  return /(?:^|; )csrftoken=([^;]+)/.exec(globalThis.document?.cookie ?? "")?.[1];
}
