import assert from "node:assert/strict";
import { test } from "node:test";
import { factsOfAttempt, requestsOf, summaryOf } from "../src/admin/attempts.js";

const STARTED = "2026-11-21T09:48:00.000Z";
const NOW = Date.parse(STARTED) + 3_600_000;
const attempt = (more) => ({
  ...{ number: 1, started: STARTED, ended: "2026-11-21T09:48:09.000Z", status: "complete" },
  ...{ tries: [], error: null, usage: null, cost: null, timing: null, left_out: 0, settings: {} },
  ...more,
});
const failure = (code, more) => ({ at: STARTED, code, status: 500, detail: "", wait: 1, ...more });

test("the requests of an attempt are those that failed and the one that ended it", () => {
  const cases = [
    [1, {}],
    [3, { tries: [failure("a"), failure("b")] }],
    [2, { status: "failed", tries: [failure("a"), failure("b")], error: { code: "b" } }],
    [1, { status: "interrupted", error: { code: "early_end" } }],
    [0, { status: "failed", error: { code: "no_model" } }],
    [1, { status: "stopped", tries: [failure("a", { wait: 30 })] }],
    [2, { status: "stopped", tries: [failure("a", { wait: 2 })] }],
    [2, { status: "", ended: null, tries: [failure("a")] }],
    [1, { status: "takeover" }],
  ];
  for (const [count, more] of cases) assert.equal(requestsOf(attempt(more), NOW), count);
});

test("attempts and requests are counted in words", () => {
  assert.equal(summaryOf([attempt()], NOW), "1 attempt, 1 request");
  const retried = attempt({ tries: [failure("a")] });
  assert.equal(summaryOf([attempt(), retried], NOW), "2 attempts, 3 requests");
});

test("only what is known of an attempt is listed, and settings of tomorrow too", () => {
  const names = (more) => factsOfAttempt(attempt(more)).map(([name]) => name);
  assert.deepEqual(names({}), ["Started"]);
  assert.deepEqual(names({ cost: 0, left_out: 2 }), ["Started", "Cost", "Left out"]);
  const settings = { system: "shown apart", temperature: 0, of_tomorrow: { a: 1 } };
  const facts = new Map(factsOfAttempt(attempt({ settings })));
  assert.equal(facts.get("temperature"), "0");
  assert.equal(facts.get("of_tomorrow"), '{"a":1}');
  assert.ok(!facts.has("system"));
});

test("estimated tokens and their cost are marked", () => {
  const usage = { prompt_tokens: 10, completion_tokens: 20, estimated: true };
  const facts = new Map(factsOfAttempt(attempt({ usage, cost: 0.5 })));
  assert.equal(facts.get("Tokens"), "≈ 10 in the prompt, ≈ 20 in the answer");
  assert.equal(facts.get("Cost"), "≈ $0.50");
});

test("an attempt of a server that sends less is still listed", () => {
  assert.equal(summaryOf([{ number: 1, started: STARTED }], NOW), "1 attempt, 1 request");
  assert.equal(factsOfAttempt({ number: 1, started: STARTED }).length, 1);
});
