import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { HttpConnection } from "../src/protocol/http-connection.js";

globalThis.document = {
  cookie: "a=b; other-csrf=c; our-csrf=from-the-cookie",
  querySelector: () => ({ dataset: { cookie: "our-csrf" } }),
};

const ME = { v: 1, user: { id: "1" }, limits: {}, seq: 5 };
const CALM = { seq: 5, reset: false, conversations: [], messages: [], deleted: {} };
const accepted = (id, reply) => ({
  ...{ type: "accepted", id, conversation: "c", message: "m", reply },
});

/** A page before a server of the test's own, whose answers are given by method and path. */
async function start(context, answers = {}) {
  const asked = [];
  const streams = new Map();
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const path = request.url.replace("/api/", "");
    const token = request.headers["x-csrftoken"];
    asked.push({
      what: `${request.method} ${path}`,
      token,
      ...(body && { body: JSON.parse(body) }),
    });
    const id = /^replies\/(\w+)\/events/.exec(path)?.[1];
    const prepared = answers[`${request.method} ${path.split("?")[0]}`];
    if (id && !prepared) {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.flushHeaders();
      streams.set(id, response);
      return;
    }
    const [status, answer] = prepared ?? (path === "me" ? [200, ME] : [200, CALM]);
    const isJson = typeof answer === "object";
    response.writeHead(status, { "Content-Type": isJson ? "application/json" : "text/html" });
    response.end(isJson ? JSON.stringify(answer) : answer);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const heard = [];
  const line = new HttpConnection(`http://127.0.0.1:${server.address().port}/api/`, "t", {
    message: (data) => heard.push(JSON.parse(data)),
    change: ({ state }) => heard.push(state),
  });
  context.after(() => {
    line.close();
    server.closeAllConnections();
    server.close();
  });
  const until = async (look) => {
    for (let i = 0; i < 400; i++) {
      const found = look();
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`never: ${look}; ${JSON.stringify({ asked, heard })}`);
  };
  const say = async (id, frame, position = "1.0.0") => {
    const stream = await until(() => streams.get(id));
    stream.write(`id: ${position}\ndata: ${JSON.stringify({ reply: id, ...frame })}\n\n`);
    return until(() => heard.find((one) => one.type === frame.type && one.reply === id));
  };
  const whats = () => asked.map(({ what }) => what);
  line.connect();
  await until(() => heard.length >= 3);
  return { line, heard, asked, whats, until, say, streams };
}
const FROM_START = { attempt: 0, text: 0, reasoning: 0 };
const follow = (reply, position = FROM_START) => ({ type: "follow", reply, ...position });

test("it greets with what the server says of the user", async (context) => {
  const { line, heard } = await start(context);
  assert.deepEqual(heard, ["connecting", "open", { ...ME, type: "ready" }]);
  assert.ok(line.isOpen);
});

test("each frame goes its way, with the token of the cookie", async (context) => {
  const answer = [202, accepted("i", "r")];
  const { line, asked, until } = await start(context, {
    "POST messages": answer,
    "PATCH messages/m": answer,
    "DELETE messages/m": answer,
    "POST replies/r/regenerate": answer,
    "POST replies/r/continue": answer,
  });
  const frames = [
    { type: "send", id: "i", conversation: null, parent: null, text: "x" },
    { type: "edit", id: "i", message: "m", text: "y" },
    { type: "withdraw", id: "i", message: "m" },
    { type: "regenerate", id: "i", reply: "r", model: "a/b" },
    { type: "continue", id: "i", reply: "r" },
    { type: "ack", reply: "r", ...FROM_START },
  ];
  for (const frame of frames) line.send(frame);
  await until(() => asked.filter(({ token }) => token).length === 5);
  const sent = asked.filter(({ token }) => token);
  assert.deepEqual(new Set(sent.map(({ token }) => token)), new Set(["from-the-cookie"]));
  assert.deepEqual(Object.fromEntries(sent.map(({ what, body }) => [what, body])), {
    "POST messages": { id: "i", conversation: null, parent: null, text: "x" },
    "PATCH messages/m": { id: "i", text: "y" },
    "DELETE messages/m?id=i": undefined,
    "POST replies/r/regenerate": { id: "i", model: "a/b" },
    "POST replies/r/continue": { id: "i" },
  });
});

test("what is accepted is followed, and its end asks for changes", async (context) => {
  const { line, whats, until, say } = await start(context, {
    "POST messages": [202, accepted("i", "r")],
  });
  line.send({ type: "send", id: "i", text: "x" });
  await until(() => whats().includes("GET replies/r/events?from=0.0.0"));
  const before = whats().filter((what) => what.startsWith("GET changes")).length;
  await say("r", { type: "end", status: "complete" }, "1.2.0.end");
  await until(() => whats().filter((what) => what.startsWith("GET changes")).length > before);
});

test("one reply is read at a time, each from where it stands", async (context) => {
  const { line, whats, until, say, streams } = await start(context);
  line.send(follow("a", { attempt: 2, text: 7, reasoning: 1 }));
  line.send(follow("b"));
  await until(() => streams.has("a"));
  assert.ok(!whats().some((what) => what.startsWith("GET replies/b")));
  await say("a", { type: "end", status: "complete" }, "2.9.1.end");
  await until(() => streams.has("b"));
  line.send({ type: "unfollow", reply: "b" });
  line.send(follow("c"));
  await until(() => streams.has("c"));
  const read = whats().filter((what) => what.includes("/events"));
  assert.deepEqual(
    read.map((what) => what.replace("GET replies/", "")),
    ["a/events?from=2.7.1", "b/events?from=0.0.0", "c/events?from=0.0.0"],
  );
});

test("how a reply stands that is not read is taken from its changes", async (context) => {
  const facts = { status: "queued", reason: "behind", attempt: 0, model: "a/b" };
  const ended = { ...facts, status: "stopped", reason: null, length: 0 };
  const answers = {};
  const { line, heard, until, say } = await start(context, answers);
  for (const id of ["a", "b", "c"]) line.send(follow(id));
  const messages = [
    { id: "b", ...facts },
    { id: "c", ...ended },
  ];
  answers["GET changes"] = [200, { ...CALM, seq: 9, messages }];
  await say("a", { type: "snapshot", text: "", reasoning: "" });
  line.send({ type: "stop", reply: "x" }); // any answer asks for changes
  const status = await until(() =>
    heard.find(({ type, reply }) => type === "status" && reply === "b"),
  );
  assert.equal(status.reason, "behind");
  assert.equal(heard.find(({ type }) => type === "end").reply, "c");
  assert.deepEqual(heard.find(({ type }) => type === "changes").since, 5);
});

test("a refusal says what it is about", async (context) => {
  const problem = { code: "too_many", detail: "Enough.", status: 429, retry_after: 5 };
  const { line, heard, until } = await start(context, { "POST messages": [429, problem] });
  line.send({ type: "send", id: "i", text: "x" });
  const error = await until(() => heard.find(({ type }) => type === "error"));
  assert.deepEqual(error, { type: "error", code: "too_many", message: "Enough.", id: "i" });
});

test("what a proxy refuses is not sent again and again", async (context) => {
  const { line, heard, until } = await start(context, {
    "POST messages": [413, "<html>Request Entity Too Large</html>"],
  });
  line.send({ type: "send", id: "i", text: "x" });
  const error = await until(() => heard.find(({ type }) => type === "error"));
  assert.match(error.message, /413/);
  assert.ok(line.isOpen);
});

test("a proxy without a server behind it is a lost connection", async (context) => {
  const answers = { "POST messages": [502, "<html>Bad Gateway</html>"] };
  const { line, heard, until } = await start(context, answers);
  line.send({ type: "send", id: "i", text: "x" });
  await until(() => heard.includes("waiting"));
  await until(() => heard.filter(({ type }) => type === "ready").length === 2);
  assert.ok(line.isOpen);
});

test("a reply that is gone is reported, and the next one read", async (context) => {
  const gone = [404, { code: "not_found", detail: "Not here." }];
  const { line, heard, until, streams } = await start(context, {
    "GET replies/a/events": gone,
    "GET replies/a": gone,
  });
  line.send(follow("a"));
  line.send(follow("b"));
  const error = await until(() => heard.find(({ type }) => type === "error"));
  assert.deepEqual([error.code, error.reply], ["not_found", "a"]);
  await until(() => streams.has("b"));
});

test("a lost log-in ends it until it is asked to connect", async (context) => {
  const answers = { "POST messages": [401, { code: "not_logged_in", detail: "Log in first." }] };
  const { line, heard, until, whats } = await start(context, answers);
  line.send({ type: "send", id: "i", text: "x" });
  await until(() => heard.includes("logged_out"));
  assert.ok(!line.isOpen);
  assert.equal(whats().filter((what) => what === "GET me").length, 1);
  line.connect();
  await until(() => line.isOpen);
});

test("a connection that was left says nothing more", async (context) => {
  const { line, heard, until, streams } = await start(context);
  line.send(follow("a"));
  const stream = await until(() => streams.get("a"));
  line.close();
  stream.write('data: {"type":"delta"}\n\n');
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(heard.length, 3);
});
