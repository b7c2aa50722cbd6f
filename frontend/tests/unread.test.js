import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryStorage } from "../src/store/storage.js";
import { Unread } from "../src/store/unread.js";

const running = (id) => ({ id, running: true });
const quiet = (id) => ({ id, running: false });

test("a reply that ends elsewhere leaves a mark until its conversation is shown", () => {
  const unread = new Unread(new MemoryStorage(), "seen");
  assert.deepEqual([...unread.look([running("a"), quiet("b")], "b")], []);
  assert.deepEqual([...unread.look([quiet("a"), quiet("b")], "b")], ["a"]);
  assert.ok(unread.has("a"));
  assert.deepEqual([...unread.look([quiet("a"), quiet("b")], "a")], []);
  assert.ok(!unread.has("a"));
});

test("the shown conversation gets no mark", () => {
  const unread = new Unread(new MemoryStorage(), "seen");
  unread.look([running("a")], "a");
  assert.deepEqual([...unread.look([quiet("a")], "a")], []);
});

test("a reply that ended while no page was open is marked by the next one", () => {
  const storage = new MemoryStorage();
  new Unread(storage, "seen").look([running("a")], "a");
  assert.deepEqual([...new Unread(storage, "seen").look([quiet("a")], "")], ["a"]);
});

test("only ids are stored, and nothing where there is nothing to know", () => {
  const storage = new MemoryStorage();
  const unread = new Unread(storage, "seen");
  unread.look([{ ...running("a"), title: "A secret" }], "b");
  assert.equal(storage.getItem("seen"), '{"running":["a"],"unread":[]}');
  unread.look([quiet("a")], "a");
  assert.equal(storage.getItem("seen"), null);
});

test("what is no list of ids counts as none", () => {
  const storage = new MemoryStorage();
  for (const text of ["", "null", "{}", "[", '{"running":[]}']) {
    storage.setItem("seen", text);
    assert.deepEqual([...new Unread(storage, "seen").look([quiet("a")], "b")], [], text);
  }
});
