import assert from "node:assert/strict";
import { test } from "node:test";
import { fromMessage } from "../src/state/reply.js";
import { threadItems } from "../src/state/thread-items.js";
import { leafBelow, path } from "../src/state/tree.js";

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
});

test("a circle ends", () => {
  assert.equal(path(tree(["a", "b"], ["b", "a"]), "a").length, 2);
});

// Two versions of the first message; two replies to the second of them, and one goes on.
const grown = () =>
  tree(
    ["m1", null],
    ["r1", "m1", "assistant", "complete"],
    ["m2", null],
    ["r2", "m2", "assistant", "complete"],
    ["r3", "m2", "assistant", "complete"],
    ["m4", "r2"],
    ["r4", "m4", "assistant", "queued"],
  );
const items = (messages, leaf, entries = []) =>
  threadItems(messages, path(messages, leaf), entries, fromMessage);
const keys = (some) => some.map(({ key }) => key);
const entry = (id, more) => ({ id, parent: null, after: null, text: id, problem: null, ...more });

test("another version ends at the newest message below it, or where it was left", () => {
  const messages = grown();
  assert.equal(leafBelow(messages, "m1"), "r1");
  assert.equal(leafBelow(messages, "m2"), "r4");
  assert.equal(leafBelow(messages, "m2", "r3"), "r3");
  assert.equal(leafBelow(messages, "m2", "r2"), "r4"); // something hangs on it now
  assert.equal(leafBelow(messages, "m2", "r1"), "r4"); // not below it
  assert.equal(leafBelow(messages, "m2", "gone"), "r4");
  assert.equal(leafBelow(messages, "r3"), "r3");
});

test("a leaf has no answer, whatever the clocks say", () => {
  const messages = grown();
  messages.set("m2", { ...messages.get("m2"), created: "9" });
  assert.equal(leafBelow(messages, "m2"), "r4");
});

test("versions stand in the order they were made, replies apart from messages", () => {
  const messages = grown();
  messages.set("m0", { ...messages.get("m1"), id: "m0", created: "-" });
  const [message, reply, next] = items(messages, "r4");
  assert.deepEqual(message.place, { at: 3, count: 3, before: "m1", after: null });
  assert.deepEqual(reply.place, { at: 1, count: 2, before: null, after: "r3" });
  assert.equal(next.place, undefined);
});

test("a message waits while its one reply has not begun", () => {
  const waiting = (messages) => items(messages, "r4").find(({ key }) => key === "m4").isWaiting;
  assert.ok(waiting(grown()));
  const begun = grown();
  begun.set("r4", { ...begun.get("r4"), status: "running" });
  assert.ok(!waiting(begun));
  const again = grown();
  again.set("r5", { ...again.get("r4"), id: "r5" });
  assert.ok(!waiting(again));
});

test("an edit on its way stands in its message's place and hides what came of the old text", () => {
  const edit = entry("e", { kind: "edit", target: "m2" });
  const shown = items(grown(), "r4", [edit]);
  assert.deepEqual(keys(shown), ["m2"]);
  assert.equal(shown[0].entry, edit);
  const more = [edit, entry("s", { after: "e" })];
  assert.deepEqual(keys(items(grown(), "r4", more)), ["m2", "s"]);
});

test("the change of a message that waits hides nothing", () => {
  const messages = grown();
  messages.set("m5", { ...messages.get("m4"), id: "m5", parent: "r4", created: "8" });
  const shown = items(messages, "m5", [entry("e", { kind: "edit", target: "m4" })]);
  assert.deepEqual(keys(shown), ["m2", "r2", "m4", "r4", "m5"]);
});

test("an edit whose message is gone is not lost from sight", () => {
  assert.deepEqual(keys(items(grown(), "r1", [entry("e", { kind: "edit", target: "gone" })])), [
    ...["m1", "r1", "e"],
  ]);
});

test("what is asked of a reply is seen at it", () => {
  const asked = entry("g", { kind: "regenerate", target: "r1" });
  const shown = items(grown(), "r1", [asked]);
  assert.deepEqual(keys(shown), ["m1", "r1"]);
  assert.equal(shown[1].entry, asked);
});

test("a stored message is not shown twice before it is accepted", () => {
  const sent = entry("s", { parent: "r2", text: "x" });
  const messages = grown();
  messages.set("m4", { ...messages.get("m4"), text: "x" });
  assert.deepEqual(keys(items(messages, "r4", [sent])), ["m2", "r2", "m4", "r4"]);
});
