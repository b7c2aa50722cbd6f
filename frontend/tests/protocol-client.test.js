import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { ProtocolClient } from "../src/protocol/protocol-client.js";
import { unknown } from "../src/state/reply.js";

/** A connection of which the test is the other end. */
class Line {
  isFallback = false;

  constructor(handlers) {
    this.handlers = handlers;
    this.sent = [];
  }

  connect() {}

  ready() {}

  send(frame) {
    this.sent.push(frame);
  }

  say(...frames) {
    for (const frame of frames) this.handlers.message(JSON.stringify(frame));
  }

  /** Loses the connection, and is greeted on the next one. Gives what the page says on it. */
  again() {
    this.handlers.change({ state: "waiting", retryAt: 0, code: 1006 });
    this.handlers.change({ state: "open", retryAt: null, code: 0 });
    this.sent = [];
    this.say(READY);
    return this.sent;
  }
}

const READY = { type: "ready", v: 1, user: { id: "1" }, limits: {}, seq: 1 };
const SEND = { type: "send", id: "i", conversation: null, parent: null, text: "x" };
const ACCEPTED = { type: "accepted", id: "i", conversation: "c", message: "m", reply: "r" };
const snapshot = (text) => ({
  ...{ type: "snapshot", reply: "r", attempt: 1, status: "running", text, reasoning: "" },
});
const delta = (at, text) => ({ type: "delta", reply: "r", attempt: 1, track: "text", at, text });
const end = (text, more = {}) => ({
  ...{ type: "end", reply: "r", attempt: 1, status: "complete", finish_reason: "stop" },
  ...{ error: null, length: [...text].length, reasoning_length: 0, usage: null, timing: null },
  sha256: createHash("sha256").update(text).digest("hex"),
  ...more,
});
const types = (frames) => frames.map(({ type }) => type);
const follows = (frames) => frames.filter(({ type }) => type === "follow");

function start() {
  const heard = [];
  const handler = (name) => (what) => heard.push([name, what]);
  const names = [
    "connection",
    "ready",
    "accepted",
    "changed",
    "changes",
    "counter",
    "reply",
    "lost",
    "error",
  ];
  const handlers = Object.fromEntries(names.map((name) => [name, handler(name)]));
  let line;
  const make = (own) => {
    line = new Line(own);
    return line;
  };
  const wire = new ProtocolClient(make, { ...handlers, known: () => undefined });
  line.say(READY);
  const texts = () => heard.filter(([name]) => name === "reply").map(([, { text }]) => text);
  return { wire, line, heard, texts };
}

test("a request is said again on every connection until it is answered", () => {
  const { wire, line } = start();
  wire.request(SEND);
  assert.deepEqual(line.sent, [SEND]);
  assert.deepEqual(line.again(), [SEND]);
  line.say(ACCEPTED, snapshot(""), end(""));
  assert.deepEqual(line.again(), []);
});

test("what is written before the greeting waits for it", () => {
  const { wire, line } = start();
  line.handlers.change({ state: "waiting", retryAt: 0, code: 1006 });
  line.sent = [];
  wire.request(SEND);
  assert.deepEqual(line.sent, []);
  assert.deepEqual(line.again(), [SEND]);
});

test("after a reconnect a reply is followed from where it stands", () => {
  const { line, texts } = start();
  line.say(ACCEPTED, snapshot(""), delta(0, "Hé 👍"));
  assert.deepEqual(line.again(), [
    { type: "follow", reply: "r", attempt: 1, text: 4, reasoning: 0 },
  ]);
  line.say(delta(2, " 👍 more"), end("Hé 👍 more"));
  assert.equal(texts().at(-1), "Hé 👍 more");
});

test("a gap is asked for once, and nothing is shown of what stands behind it", () => {
  const { line, texts } = start();
  line.say(ACCEPTED, snapshot("ab"), delta(4, "e"), delta(5, "f"));
  assert.equal(follows(line.sent).length, 1);
  assert.equal(texts().at(-1), "ab");
  line.say(delta(2, "cdef"), end("abcdef"));
  assert.equal(texts().at(-1), "abcdef");
});

test("a text that is too short is read again from the start, once", () => {
  const { line, texts } = start();
  line.say(ACCEPTED, snapshot("abc"), end("abcd"));
  const again = { type: "follow", reply: "r", attempt: 0, text: 0, reasoning: 0 };
  assert.deepEqual(follows(line.sent), [again]);
  line.say(snapshot("abc"), end("abcd"));
  assert.equal(follows(line.sent).length, 1);
  assert.equal(texts().at(-1), "abc");
});

test("a text with another hash is read again", async () => {
  const { line, texts } = start();
  line.say(ACCEPTED, snapshot("abd"), end("abc"));
  for (let i = 0; i < 50 && !follows(line.sent).length; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal(follows(line.sent).length, 1);
  line.say(snapshot("abc"), end("abc"));
  assert.equal(texts().at(-1), "abc");
});

test("what was processed is acknowledged after 64 KiB, at the end and when pinged", () => {
  const { line, heard } = start();
  line.say(ACCEPTED, snapshot(""), delta(0, "x"));
  assert.ok(!types(line.sent).includes("ack"));
  line.say({ type: "ping", seq: 7 });
  const ack = { type: "ack", reply: "r", attempt: 1, reasoning: 0 };
  assert.deepEqual(line.sent.at(-1), { ...ack, text: 1 });
  assert.deepEqual(heard.at(-1), ["counter", 7]);
  line.say(delta(1, "y".repeat(64 * 1024)));
  assert.deepEqual(line.sent.at(-1), { ...ack, text: 1 + 64 * 1024 });
  line.say(delta(1 + 64 * 1024, "z"), end(`x${"y".repeat(64 * 1024)}z`));
  assert.deepEqual(line.sent.at(-1), { ...ack, text: 2 + 64 * 1024 });
  const count = line.sent.length;
  line.say({ type: "ping", seq: 7 });
  assert.equal(line.sent.length, count);
});

test("after a reconnect Stop is said once the reply has shown where it stands", () => {
  const { wire, line } = start();
  line.say(ACCEPTED, snapshot("ab"));
  wire.stop("r");
  assert.equal(types(line.sent).at(-1), "stop");
  assert.deepEqual(types(line.again()), ["follow"]);
  line.say(delta(2, "c"));
  assert.deepEqual(types(line.sent), ["follow", "stop"]);
  line.say(end("abc", { status: "stopped" }));
  assert.ok(!wire.isStopping("r"));
  assert.deepEqual(line.again(), []);
});

test("an error about a moment is tried again, one about the request is not", async () => {
  const { wire, line, heard } = start();
  const error = { type: "error", id: "i", message: "No." };
  wire.request(SEND);
  line.say({ ...error, code: "rate_limited", retry_after: 0.01 });
  await new Promise((resolve) => setTimeout(resolve, 40));
  assert.deepEqual(types(line.sent), ["send", "send"]);
  line.say({ ...error, code: "bad_field", field: "text" });
  assert.deepEqual(line.again(), []);
  assert.equal(heard.filter(([name]) => name === "error").length, 2);
});

test("a reply that cannot be followed for a moment is followed again", async () => {
  const { wire, line } = start();
  wire.request(SEND);
  line.say(ACCEPTED);
  line.again();
  line.say({ type: "error", code: "unavailable", message: "No.", reply: "r", retry_after: 0.01 });
  await new Promise((resolve) => setTimeout(resolve, 40));
  assert.deepEqual(types(line.again()), ["follow"]);
  wire.unfollow("r");
  line.again();
  line.say({ type: "error", code: "unavailable", message: "No.", reply: "r", retry_after: 0.01 });
  await new Promise((resolve) => setTimeout(resolve, 40));
  assert.deepEqual(line.again(), []);
});

test("a reply that is gone is followed no more", () => {
  const { wire, line, heard } = start();
  wire.follow(unknown("r"));
  line.say({ type: "error", code: "not_found", message: "Not there.", reply: "r" });
  assert.ok(!wire.isFollowing("r"));
  assert.ok(heard.some(([name, id]) => name === "lost" && id === "r"));
});

test("bad and unknown frames change nothing and end nothing", (context) => {
  context.mock.method(console, "error", () => {});
  context.mock.method(console, "info", () => {});
  const { line, texts } = start();
  line.handlers.message("{");
  line.handlers.message("null");
  line.say({ type: "news" }, {}, { type: "delta" }, ACCEPTED, snapshot("ok"));
  assert.equal(texts().at(-1), "ok");
});

test("a reply that is taken back with its message is not followed for that", () => {
  const { wire, line, heard } = start();
  wire.request({ type: "withdraw", id: "w", message: "m" });
  line.say({ ...ACCEPTED, id: "w" });
  assert.ok(!wire.isFollowing("r"));
  assert.equal(heard.at(-1)[0], "accepted");
  assert.deepEqual(line.again(), []);
});
