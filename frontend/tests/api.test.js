import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { Api, ApiError } from "../src/protocol/api.js";

const realFetch = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = realFetch;
});

/**
 * An API whose server gives this one answer, and what it was asked.
 * @param {number} status
 * @param {string|null} body
 */
function answering(status, body) {
  const asked = [];
  globalThis.fetch = async (url, options) => {
    asked.push({ url, ...options });
    return new Response(body, { status });
  };
  return { api: new Api("/api/v1/", "token"), asked };
}

test("a problem is told with its code, its sentence and its field", async () => {
  const { api } = answering(
    422,
    JSON.stringify({
      type: "about:blank",
      title: "Unprocessable Entity",
      status: 422,
      detail: "The title is empty.",
      code: "bad_field",
      field: "title",
    }),
  );
  await assert.rejects(api.change("c", { title: " " }), (error) => {
    assert.ok(error instanceof ApiError);
    assert.deepEqual(
      [error.status, error.code, error.message, error.field],
      [422, "bad_field", "The title is empty.", "title"],
    );
    return true;
  });
});

test("an answer that is no problem is told by its status", async () => {
  const { api } = answering(502, "<html>Bad gateway</html>");
  await assert.rejects(api.models(), {
    status: 502,
    code: "bad_answer",
    message: "The server answered with status 502.",
    field: null,
  });
});

test("what cannot be asked has the status 0", async () => {
  const { api } = answering(200, "{}");
  globalThis.fetch = async () => {
    throw new TypeError("Failed to fetch");
  };
  await assert.rejects(api.models(), { status: 0, code: "unreachable" });
});

test("only what changes something carries the token", async () => {
  const { api, asked } = answering(204, null);
  assert.equal(await api.remove("c"), null);
  assert.equal(asked[0].headers["X-CSRFToken"], "token");
  const reading = answering(200, "{}");
  await reading.api.changes(7);
  assert.equal(reading.asked[0].url, "/api/v1/changes?since=7");
  assert.equal(reading.asked[0].headers["X-CSRFToken"], undefined);
});
