/** Errors that are stored in English, in the language of the page. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { problemText } from "../src/views/reply-problems.js";

const UNREACHABLE = "The model server {name} cannot be reached.";
const SILENT =
  "The model server {name} stopped sending in the middle of the answer: nothing came for {n} s ({setting}).";

/** @param {Record<string, string>} messages */
const speak = (messages) => {
  globalThis.parleyCatalogue = { language: "de", plural: (n) => Number(n !== 1), messages };
};

afterEach(() => {
  delete globalThis.parleyCatalogue;
});

test("in English it is as it was stored", () => {
  assert.equal(problemText({ code: "anything", message: "As it is." }), "As it is.");
  assert.equal(problemText(null), "");
  assert.equal(
    problemText({
      code: "unreachable",
      message: "The model server אב cannot be reached. Try again in 1 minute.",
    }),
    "The model server \u2068אב\u2069 cannot be reached. Try again in 1 minute.",
  );
});

test("it is translated with the names in it", () => {
  speak({
    [UNREACHABLE]: "{name} ist nicht zu erreichen.",
    [SILENT]: "{n} s still ({setting}): {name}.",
  });
  const said = (code, message) => problemText({ code, message });
  assert.equal(
    said("unreachable", "The model server A (b.c) cannot be reached."),
    "A (b.c) ist nicht zu erreichen.",
  );
  assert.equal(
    said(
      "timeout_idle",
      "The model server A stopped sending in the middle of the answer: nothing came for 60 s (IDLE_TIMEOUT).",
    ),
    "60 s still (IDLE_TIMEOUT): A.",
  );
});

test("a time to try again is told in the language", () => {
  speak({
    "The model server {name} is busy and limits requests.": "{name} ist ausgelastet.",
    "Try again {when}.": "Versuchen Sie es {when} wieder.",
  });
  const message = "The model server A is busy and limits requests. Try again in 2 days.";
  assert.equal(
    problemText({ code: "rate_limited", message }),
    "A ist ausgelastet. Versuchen Sie es in 2 Tagen wieder.",
  );
});

test("one that is not known, or not translated, stays English", () => {
  speak({ [UNREACHABLE]: "{name} ist nicht zu erreichen." });
  for (const [code, message] of [
    ["unreachable", "Something new about A."],
    ["something_new", "The model server A cannot be reached."],
    ["refused_key", "The model server A refused the API key."],
    ["toString", "A."],
  ]) {
    assert.equal(problemText({ code, message }), message);
  }
});
