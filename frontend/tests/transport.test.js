import assert from "node:assert/strict";
import { test } from "node:test";
import { Transport } from "../src/protocol/transport.js";

const WAITING = { state: "waiting", retryAt: 0, code: 1006 };
const CONNECTING = { state: "connecting", retryAt: null, code: 0 };
const OPEN = { state: "open", retryAt: null, code: 0 };

/** A connection of which the test is the other end. */
class Line {
  isOpen = true;
  sent = [];
  tries = 0;
  isClosed = false;

  constructor(handlers) {
    this.handlers = handlers;
  }

  connect() {
    this.tries += 1;
  }

  ready() {}

  close() {
    this.isClosed = true;
  }

  send(frame) {
    this.sent.push(frame);
  }
}

/** A page before a server that can be reached over HTTP, or not. */
function start(context, { isReachable = true } = {}) {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const lines = { socket: null, http: [] };
  const heard = [];
  const transport = new Transport(
    { message: (data) => heard.push(data), change: ({ state }) => heard.push(state) },
    {
      socket: (handlers) => {
        lines.socket = new Line(handlers);
        return lines.socket;
      },
      reach: async () => isReachable,
      http: async () => (handlers) => {
        lines.http.push(new Line(handlers));
        return lines.http.at(-1);
      },
    },
  );
  const pass = async (ms) => {
    for (let at = 0; at < ms; at += 50) {
      context.mock.timers.tick(50);
      for (let i = 0; i < 5; i++) await Promise.resolve();
    }
  };
  transport.connect();
  lines.socket.handlers.change(CONNECTING);
  return { transport, lines, heard, pass, change: lines.socket.handlers.change };
}

test("a socket that greets is the only connection", async (context) => {
  const { transport, lines, pass, change } = start(context);
  change(OPEN);
  lines.socket.handlers.message("ready");
  await pass(10_000);
  assert.deepEqual(lines.http, []);
  transport.send({ type: "ping" });
  assert.deepEqual(lines.socket.sent, [{ type: "ping" }]);
});

test("a refused handshake is tried once more, then HTTP stands in", async (context) => {
  const { transport, lines, pass, change } = start(context);
  change(WAITING);
  await pass(50);
  assert.equal(lines.socket.tries, 2);
  change(CONNECTING);
  change(WAITING);
  await pass(100);
  assert.equal(lines.http.length, 1);
  assert.equal(lines.http[0].tries, 1);
  assert.ok(transport.isFallback);
  transport.send({ type: "stop" });
  assert.deepEqual([lines.http[0].sent.length, lines.socket.sent.length], [1, 0]);
});

test("a handshake that is held up is not waited for beyond four seconds", async (context) => {
  const { lines, pass } = start(context);
  await pass(1900);
  assert.equal(lines.http.length, 0);
  await pass(2000);
  assert.equal(lines.http.length, 1);
});

test("a connection that opens and says nothing counts for none", async (context) => {
  const { lines, pass, change } = start(context);
  change(OPEN);
  await pass(4000);
  assert.equal(lines.http.length, 1);
});

test("a server that is away has no fallback", async (context) => {
  const { transport, lines, pass, change } = start(context, { isReachable: false });
  for (let i = 0; i < 3; i++) {
    change(WAITING);
    await pass(1000);
    change(CONNECTING);
  }
  await pass(5000);
  assert.equal(lines.http.length, 0);
  assert.ok(!transport.isFallback);
});

test("a socket that was there is tried again before anything else", async (context) => {
  const { lines, pass, change } = start(context);
  change(OPEN);
  lines.socket.handlers.message("ready");
  change(WAITING);
  await pass(1000);
  assert.equal(lines.http.length, 0);
});

test("a server that closes the socket itself is not reached another way", async (context) => {
  const { lines, pass, change } = start(context);
  change({ ...WAITING, code: 4412 });
  await pass(1000);
  assert.equal(lines.http.length, 0);
});

test("the socket takes over as soon as it greets", async (context) => {
  const { transport, lines, heard, pass, change } = start(context);
  change(WAITING);
  await pass(1500);
  const [http] = lines.http;
  http.handlers.message("greeting over http");
  change(CONNECTING);
  change(OPEN);
  assert.ok(transport.isFallback); // it has only opened
  assert.equal(heard.at(-1), "greeting over http"); // and its tries are nobody's business
  lines.socket.handlers.message("ready");
  assert.ok(http.isClosed);
  assert.ok(!transport.isFallback);
  assert.deepEqual(heard.slice(-2), ["open", "ready"]);
  transport.send({ type: "ping" });
  assert.equal(lines.socket.sent.length, 1);
  await pass(5000);
  assert.equal(lines.http.length, 1);
});
