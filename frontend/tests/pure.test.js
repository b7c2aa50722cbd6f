import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { CLOSE, wait } from "../src/lib/backoff.js";
import { digest } from "../src/lib/digest.js";
import { newId } from "../src/lib/ids.js";
import { sha256 } from "../src/lib/sha256.js";
import { unknown } from "../src/state/reply.js";
import { isThinking, UNSEEN, watch } from "../src/state/thinking.js";
import { byEndpoint, Models, matching } from "../src/store/models.js";
import {
  dollars,
  endText,
  factsOf,
  leftOutText,
  seconds,
  statusText,
  thinkingText,
  thoughtText,
  tokensText,
} from "../src/views/format.js";

test("the own SHA-256 is SHA-256 at every length around a block", async () => {
  for (const length of [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 1000]) {
    const text = "é👍x".repeat(length).slice(0, length);
    const wanted = createHash("sha256").update(text).digest("hex");
    assert.equal(Buffer.from(digest(new TextEncoder().encode(text))).toString("hex"), wanted);
    assert.equal(await sha256(text), wanted);
  }
});

test("ids are version 4 UUIDs and differ", () => {
  const ids = new Set(Array.from({ length: 100 }, newId));
  assert.equal(ids.size, 100);
  for (const id of ids) {
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
});

test("waiting doubles up to half a minute, jittered", () => {
  const most = (failures, code = 1006) => wait(failures, code, () => 1);
  const least = (failures, code = 1006) => wait(failures, code, () => 0);
  assert.deepEqual(
    [1, 2, 3, 4, 9].map((n) => most(n)),
    [1000, 2000, 4000, 8000, 30000],
  );
  assert.equal(least(3), 2000);
});

test("close codes have their own rules", () => {
  const at = (failures, code) => wait(failures, code, () => 0.9);
  assert.equal(at(1, CLOSE.logIn), 0);
  assert.equal(at(1, CLOSE.restarting), 450);
  assert.ok(at(2, CLOSE.restarting) >= 1000);
  assert.ok(at(1, CLOSE.tooMany) >= 15000);
  assert.ok(at(1, CLOSE.badFrames) >= 15000);
});

const reply = (more) => ({ ...unknown("r"), ...more });
const ended = (more, end) =>
  reply({
    status: "complete",
    length: 3,
    ...more,
    end: { finish_reason: "stop", error: null, usage: null, timing: null, ...end },
  });

test("a waiting reply says why", () => {
  assert.equal(statusText(reply({ reason: "behind" }), 0), "Waiting for the reply above.");
  assert.match(statusText(reply({ reason: "behind", place: 3 }), 0), /Place 3/);
  const retryAt = new Date(10_000).toISOString();
  assert.match(statusText(reply({ reason: "retry", retryAt }), 7_500), /again in 3 s/);
  assert.match(statusText(reply({ status: "running", reason: "restart" }), 0), /continues/);
  const full =
    "The disk of the server's database is full. Nothing can be saved until there is space.";
  for (const status of ["queued", "running"]) {
    assert.equal(statusText(reply({ status, length: 3, reason: "storage_full" }), 0), full);
  }
  const asked = { status: "running", reason: "retry" };
  assert.equal(
    statusText(reply({ ...asked, retryAt }), 7_500),
    "The model did not answer. Trying again in 3 s.",
  );
  assert.match(statusText(reply({ ...asked, retryAt }), 11_000), /Trying again…$/);
  assert.equal(statusText(reply(asked), 0), "Trying again…");
  for (const more of [{ length: 1 }, { reasoningLength: 1 }]) {
    assert.equal(statusText(reply({ ...asked, retryAt, ...more }), 0), "");
  }
  assert.equal(statusText(reply({ status: "running" }), 0), "");
});

test("an ending that is not plain is said in words", () => {
  assert.equal(endText(ended({}, {})), null);
  const error = { code: "refused_key", message: "The key is refused." };
  assert.deepEqual(endText(ended({ status: "failed" }, { error })), {
    text: "The key is refused.",
    tone: "danger",
  });
  assert.match(endText(ended({ status: "interrupted" }, {})).text, /^Interrupted/);
  assert.match(endText(ended({ status: "stopped" }, {})).text, /^Stopped/);
  assert.match(endText(ended({}, { finish_reason: "length" })).text, /^Cut off: .*maximum length/);
  assert.match(endText(ended({ length: 0 }, { finish_reason: "length" })).text, /before the first/);
  assert.match(endText(ended({}, { finish_reason: "content_filter" })).text, /content filter/);
  assert.match(endText(ended({ length: 0 }, {})).text, /empty/);
  assert.match(endText(ended({}, { finish_reason: "something_new" })).text, /something_new/);
  assert.equal(endText(ended({}, { finish_reason: null })), null);
});

test("the quiet line counts tokens by the time they took to come", () => {
  const end = { usage: { completion_tokens: 90 }, timing: { first_token_ms: 500, total_ms: 3500 } };
  assert.deepEqual(factsOf(ended({}, end), "M"), ["M", "90 tokens", "3.5 s", "30 tokens/s"]);
  end.usage.estimated = true;
  assert.deepEqual(factsOf(ended({}, end), ""), ["≈ 90 tokens", "3.5 s", "≈ 30 tokens/s"]);
  assert.deepEqual(factsOf(ended({}, {}), "M"), ["M"]);
});

test("a cost is shown where it is known, and marked where it is estimated", () => {
  assert.deepEqual(factsOf(ended({}, { cost: 0.0012 }), ""), ["$0.0012"]);
  const usage = { completion_tokens: 1, estimated: true };
  assert.deepEqual(factsOf(ended({}, { cost: 0.0012, usage }), ""), ["≈ 1 token", "≈ $0.0012"]);
  assert.deepEqual(
    [0, 0.00004, 0.0001, 0.01234, 0.5, 1.239, 1234].map((value) => dollars(value)),
    ["$0.00", "< $0.0001", "$0.0001", "$0.0123", "$0.50", "$1.24", "$1,234.00"],
  );
});

test("each kind of token is told that was counted", () => {
  const usage = { prompt_tokens: 1200, completion_tokens: 90 };
  assert.equal(tokensText(usage), "Tokens: 1,200 in the prompt, 90 in the answer");
  assert.equal(
    tokensText({ ...usage, cached_tokens: 1000, reasoning_tokens: 40, estimated: true }),
    "Tokens: ≈ 1,200 in the prompt (1,000 cached), ≈ 90 in the answer (40 reasoning)",
  );
  assert.equal(tokensText(null), "");
});

test("what was left out of the prompt is said in words", () => {
  assert.equal(
    leftOutText(1),
    "1 earlier message did not fit into the model's context and was left out.",
  );
  assert.match(leftOutText(1200), /^1,200 earlier messages .* were left out\.$/);
});

test("thinking lasts from the first thought to the first word, where both were seen", () => {
  const at = (more) => reply({ attempt: 1, status: "running", ...more });
  const steps = [
    [0, at({})],
    [1000, at({ reasoningLength: 1 })],
    [4000, at({ reasoningLength: 9 })],
    [6000, at({ reasoningLength: 9, length: 1 })],
    [9000, at({ reasoningLength: 9, length: 5 })],
  ];
  const play = (from) =>
    steps.slice(from).reduce(
      ({ thinking, before }, [now, next]) => ({
        thinking: watch(thinking, before, next, now),
        before: next,
      }),
      { thinking: UNSEEN, before: null },
    ).thinking;
  assert.equal(play(0).ms, 5000);
  for (const from of [1, 2, 3, 4]) assert.equal(play(from).ms, null); // it came later
  assert.deepEqual(
    steps.map(([, one]) => isThinking(one)),
    [false, true, true, false, false],
  );
});

test("thinking is told in seconds, once there are any", () => {
  assert.equal(thoughtText(null), "Thought");
  assert.equal(thoughtText(120), "Thought for a moment");
  assert.equal(thoughtText(12_400), "Thought for 12 s");
  assert.equal(thinkingText(null), "Thinking…");
  assert.equal(thinkingText(999), "Thinking…");
  assert.equal(thinkingText(8_900), "Thinking · 8 s");
  assert.equal(thinkingText(68_400), "Thinking · 1 min 8 s");
});

test("another attempt thinks anew", () => {
  const before = reply({ attempt: 1, reasoningLength: 3, length: 1 });
  const next = reply({ attempt: 2, reasoningLength: 3 });
  assert.deepEqual(watch({ since: 0, ms: 5 }, before, next, 9), UNSEEN);
});

test("models stand under their endpoints in the order of the list", () => {
  const list = [
    { id: "a/1", label: "One", endpoint: "A", default: false },
    { id: "b/2", label: "Two", endpoint: "B", default: true },
    { id: "a/3", label: "Three", endpoint: "A", default: false },
  ];
  assert.deepEqual(
    byEndpoint(list).map(([name, models]) => [name, models.map(({ id }) => id)]),
    [
      ["A", ["a/1", "a/3"]],
      ["B", ["b/2"]],
    ],
  );
  const models = new Models(null, list);
  assert.equal(models.default, "b/2");
  assert.equal(models.label("a/3"), "Three");
  assert.equal(models.label("gone"), "gone");
  assert.equal(new Models(null, []).default, null);
});

test("a filter finds all of its words in any order", () => {
  const text = "Llama 3.3 Groq groq/llama-3.3";
  assert.ok(matching("groq LLAMA")(text));
  assert.ok(matching("  ")(text));
  assert.ok(!matching("groq qwen")(text));
});

test("times", () => {
  assert.equal(seconds(49), "< 0.1 s");
  assert.equal(seconds(9_999), "10.0 s");
  assert.equal(seconds(12_400), "12 s");
  assert.equal(seconds(125_000), "2 min 5 s");
});
