import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { CLOSE, wait } from "../src/backoff.js";
import { dayGroup, endText, factsOf, firstWords, seconds, statusText } from "../src/format.js";
import { newId } from "../src/ids.js";
import { unknown } from "../src/reply.js";
import { digest, sha256 } from "../src/sha256.js";
import { parents, path } from "../src/tree.js";

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

const tree = (...rows) =>
  new Map(
    rows.map(([id, parent, role = "user", status], i) => [
      id,
      { id, parent, role, status, conversation: "c", created: String(i), seq: i },
    ]),
  );

test("the path goes from the root to the leaf", () => {
  const messages = tree(["a", null], ["b", "a"], ["c", "b"], ["d", "b"], ["e", "d"]);
  assert.deepEqual(
    path(messages, "c").map(({ id }) => id),
    ["a", "b", "c"],
  );
  assert.deepEqual(
    path(messages, null).map(({ id }) => id),
    ["a", "b", "d", "e"],
  );
  assert.deepEqual(
    path(messages, "unknown").map(({ id }) => id),
    ["a", "b", "d", "e"],
  );
  assert.deepEqual(path(new Map(), "a"), []);
  assert.deepEqual([...parents(messages)].sort(), ["a", "b", "d"]);
});

test("a circle ends", () => {
  assert.equal(path(tree(["a", "b"], ["b", "a"]), "a").length, 2);
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
  assert.equal(statusText(reply({ reason: "behind" }), 0), "Waits behind the reply above.");
  assert.match(statusText(reply({ reason: "behind", place: 3 }), 0), /Place 3/);
  const retryAt = new Date(10_000).toISOString();
  assert.match(statusText(reply({ reason: "retry", retryAt }), 7_500), /again in 3 s/);
  assert.match(statusText(reply({ status: "running", reason: "restart" }), 0), /goes on/);
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
  assert.match(endText(ended({}, { finish_reason: "length" })).text, /longest/);
  assert.match(endText(ended({ length: 0 }, {})).text, /nothing/);
});

test("the quiet line counts tokens by the time they took to come", () => {
  const end = { usage: { completion_tokens: 90 }, timing: { first_token_ms: 500, total_ms: 3500 } };
  assert.deepEqual(factsOf(ended({}, end), "M"), ["M", "90 tokens", "3.5 s", "30 tokens/s"]);
  end.usage.estimated = true;
  assert.deepEqual(factsOf(ended({}, end), ""), ["≈ 90 tokens", "3.5 s", "≈ 30 tokens/s"]);
  assert.deepEqual(factsOf(ended({}, {}), "M"), ["M"]);
});

test("times and days", () => {
  assert.equal(seconds(9_999), "10.0 s");
  assert.equal(seconds(12_400), "12 s");
  assert.equal(seconds(125_000), "2 min 5 s");
  const now = new Date(2026, 10, 21, 9, 0);
  const at = (day, hour) => new Date(2026, 10, day, hour).toISOString();
  assert.equal(dayGroup(at(21, 0), now), "Today");
  assert.equal(dayGroup(at(22, 3), now), "Today");
  assert.equal(dayGroup(at(20, 23), now), "Yesterday");
  assert.equal(dayGroup(at(16, 1), now), "Last seven days");
  assert.equal(dayGroup(at(10, 1), now), "Earlier");
});

test("a title is the first line, shortened", () => {
  assert.equal(firstWords("  one\ntwo"), "one");
  assert.equal(firstWords("x".repeat(80)).length, 60);
});
