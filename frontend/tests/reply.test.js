import assert from "node:assert/strict";
import { test } from "node:test";
import { count } from "../src/lib/codepoints.js";
import {
  apply,
  fromMessage,
  hasAnnouncedLength,
  isFull,
  offer,
  positionOf,
  unknown,
} from "../src/state/reply.js";

const TEXT = "Hé 👍🏽, e\u0301 and 👩‍👩‍👧‍👦!";
const POINTS = [...TEXT];

const snapshot = (text, attempt = 1, reasoning = "") => ({
  ...{ type: "snapshot", reply: "r", attempt, status: "running", text, reasoning },
});
const delta = (at, text, attempt = 1, track = "text") => ({
  ...{ type: "delta", reply: "r", attempt, track, at, text },
});
const end = (text, attempt = 1, more = {}) => ({
  ...{ type: "end", reply: "r", attempt, status: "complete", finish_reason: "stop", error: null },
  ...{ length: count(text), reasoning_length: 0, sha256: "", usage: null, timing: null },
  ...more,
});
const play = (frames, start = unknown("r")) => frames.reduce(apply, start);

test("every split into two deltas gives the text", () => {
  for (let i = 0; i <= POINTS.length; i++) {
    const head = POINTS.slice(0, i).join("");
    const tail = POINTS.slice(i).join("");
    const reply = play([snapshot(""), delta(0, head), delta(i, tail), end(TEXT)]);
    assert.equal(reply.text, TEXT);
    assert.equal(reply.length, POINTS.length);
    assert.ok(hasAnnouncedLength(reply));
  }
});

test("following again from every position, with every overlap, repeats no character", () => {
  for (let known = 0; known <= POINTS.length; known++) {
    const before = play([snapshot(POINTS.slice(0, known).join(""))]);
    assert.deepEqual(positionOf(before), { attempt: 1, text: known, reasoning: 0 });
    for (let at = 0; at <= known; at++) {
      const reply = apply(before, delta(at, POINTS.slice(at).join("")));
      assert.equal(reply.text, TEXT, `known ${known}, at ${at}`);
    }
  }
});

test("a delta beyond the end of the text is a gap and changes no text", () => {
  const before = play([snapshot("abc")]);
  const reply = apply(before, delta(5, "f"));
  assert.ok(reply.gap);
  assert.equal(reply.text, "abc");
  assert.equal(apply(reply, delta(3, "def")).text, "abcdef");
});

test("a delta of an earlier attempt is dropped, one of a later attempt asks to follow again", () => {
  const before = play([snapshot("new", 2)]);
  assert.equal(apply(before, delta(3, "old", 1)), before);
  const later = apply(before, delta(0, "x", 3));
  assert.ok(later.gap);
  assert.equal(later.text, "new");
});

test("the first attempt begins with a snapshot like every other", () => {
  assert.ok(apply(unknown("r"), delta(0, "x")).gap);
});

test("the tracks grow apart from each other", () => {
  const frames = [snapshot(""), delta(0, "so 🤔", 1, "reasoning"), delta(0, "yes")];
  const reply = play(frames);
  assert.deepEqual(positionOf(reply), { attempt: 1, text: 3, reasoning: 4 });
});

test("a status clears nothing, and opens an ended reply again", () => {
  const ended = play([snapshot("kept"), end("kept", 1, { status: "interrupted" })]);
  const status = { type: "status", reply: "r", attempt: 1, status: "queued", reason: "behind" };
  const reply = apply(ended, { ...status, position: 2, retry_at: null, model: "m" });
  assert.equal(reply.text, "kept");
  assert.equal(reply.end, null);
  assert.equal(reply.place, 2);
});

test("an end that was left over from an earlier attempt is dropped", () => {
  const reply = play([snapshot("again", 2)]);
  assert.equal(apply(reply, end("first", 1)), reply);
});

test("a text that is too short or too long does not fit its end", () => {
  assert.ok(!hasAnnouncedLength(play([snapshot("ab"), end("abc")])));
  assert.ok(!hasAnnouncedLength(play([snapshot("abc"), end("abc", 1, { reasoning_length: 1 })])));
});

test("a message object with its text is a whole reply, without it nothing but a status", () => {
  const message = {
    id: "r",
    role: "assistant",
    status: "complete",
    attempt: 3,
    length: 1,
    reasoning_length: 0,
  };
  const whole = fromMessage({ ...message, text: "👍", reasoning: "" });
  assert.deepEqual(positionOf(whole), { attempt: 3, text: 1, reasoning: 0 });
  assert.ok(hasAnnouncedLength(whole));
  assert.deepEqual(positionOf(fromMessage(message)), { attempt: 0, text: 0, reasoning: 0 });
});

test("A reply is full where no further character may fit", () => {
  const said = (text, reasoning = "") => ({
    ...unknown("r"),
    text,
    reasoning,
    length: [...text].length,
    reasoningLength: reasoning.length,
  });
  assert.equal(isFull(said("x".repeat(96)), 100), false);
  assert.equal(isFull(said("x".repeat(97)), 100), true);
  assert.equal(isFull(said("👍".repeat(25)), 100), true);
  assert.equal(isFull(said("x".repeat(50), "y".repeat(50)), 100), true);
});

test("Retry and Continue are offered where the protocol allows them", () => {
  assert.equal(offer("failed", null), "retry");
  assert.equal(offer("stopped", null), "continue");
  assert.equal(offer("interrupted", null), "continue");
  assert.equal(offer("complete", "length"), "continue");
  assert.equal(offer("complete", "stop"), null);
  assert.equal(offer("running", null), null);
});

test("replaying any tail after a snapshot equals a fresh snapshot", () => {
  const frames = [];
  for (let i = 0; i < POINTS.length; i += 3) {
    frames.push(delta(i, POINTS.slice(i, i + 3).join("")));
  }
  for (let from = 0; from < frames.length; from++) {
    const known = POINTS.slice(0, from * 3).join("");
    const reply = play([snapshot(known), ...frames.slice(from)]);
    const fresh = play([snapshot(TEXT)]);
    assert.deepEqual(reply, fresh);
  }
});
