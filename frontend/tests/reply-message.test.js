import assert from "node:assert/strict";
import { test } from "node:test";
import { apply, unknown } from "../src/state/reply.js";
import { page } from "./page.js";

const { until } = page();

const acts = {
  hasModels: () => false,
  isFull: () => false,
  modelLabel: (id) => id,
  whenNear: (_, draw) => draw(),
};

const delta = (at, text) => ({ type: "delta", attempt: 1, track: "text", at, text });

test("the end shows the last words and the facts in one step", async () => {
  const { ReplyMessage } = await import("../src/views/reply-message.js");
  const view = new ReplyMessage(acts);
  document.body.append(view.element);
  const text = "A paragraph.\n\n".repeat(300);
  let reply = apply(unknown("1"), {
    ...{ type: "snapshot", attempt: 1, status: "running", text, reasoning: "" },
  });
  view.show(reply, true);
  await until(() => view.element.querySelectorAll(".markdown p").length === 300);
  // The delta waits for its turn to be drawn when the end comes.
  reply = apply(reply, delta(text.length, "The last words."));
  view.show(reply, true);
  reply = apply(reply, {
    ...{ type: "end", attempt: 1, status: "complete", finish_reason: "stop", error: null },
    ...{ length: text.length + 15, reasoning_length: 0, sha256: "", model: "embedded/one" },
    ...{ usage: { completion_tokens: 12 }, timing: { first_token_ms: 1, total_ms: 1000 } },
  });
  view.show(reply, true);
  const words = [...view.element.querySelectorAll(".markdown p")].at(-1).textContent;
  const facts = view.element.querySelector(".facts").textContent;
  assert.deepEqual([words, /12 tokens/.test(facts)], ["The last words.", true]);
});
