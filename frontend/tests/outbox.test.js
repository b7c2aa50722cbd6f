import assert from "node:assert/strict";
import { test } from "node:test";
import { NEW, Outbox } from "../src/state/outbox.js";
import { MemoryStorage } from "../src/store/storage.js";

const write = (outbox, id, place = "c", more = {}) =>
  outbox.add({ id, place, parent: "p", text: `text ${id}`, model: null, now: 1, ...more });
const ids = (entries) => entries.map(({ id }) => id);

test("what was written survives the page", () => {
  const storage = new MemoryStorage();
  write(new Outbox(storage, "alice"), "1");
  assert.deepEqual(ids(new Outbox(storage, "alice").all()), ["1"]);
});

test("users of one browser do not see each other's", () => {
  const storage = new MemoryStorage();
  write(new Outbox(storage, "alice"), "1");
  assert.deepEqual(new Outbox(storage, "bob").all(), []);
});

test("the next message waits until the one before is accepted, and hangs on its reply", () => {
  const outbox = new Outbox(new MemoryStorage(), "alice");
  for (const id of ["1", "2", "3"]) write(outbox, id);
  assert.deepEqual(ids(outbox.sendable()), ["1"]);
  outbox.accept({ id: "1", conversation: "c", reply: "r1" });
  assert.deepEqual(ids(outbox.sendable()), ["2"]);
  assert.equal(outbox.get("2").parent, "r1");
  outbox.accept({ id: "2", conversation: "c", reply: "r2" });
  assert.equal(outbox.get("3").parent, "r2");
});

test("conversations do not wait for each other", () => {
  const outbox = new Outbox(new MemoryStorage(), "alice");
  write(outbox, "1", "c");
  write(outbox, "2", "d");
  assert.deepEqual(ids(outbox.sendable()), ["1", "2"]);
});

test("messages into a new conversation go into the one that was made for the first", () => {
  const outbox = new Outbox(new MemoryStorage(), "alice");
  write(outbox, "1", `${NEW}1`, { parent: null });
  write(outbox, "2", `${NEW}1`);
  write(outbox, "3", `${NEW}1`);
  assert.equal(outbox.get("1").conversation, null);
  outbox.accept({ id: "1", conversation: "made", reply: "r1" });
  const { place, conversation, parent } = outbox.get("2");
  assert.deepEqual(
    { place, conversation, parent },
    { place: "made", conversation: "made", parent: "r1" },
  );
  assert.equal(outbox.get("3").conversation, "made");
  assert.equal(outbox.get("3").after, "2");
});

test("what was accepted is sent no more, also by a page that opens later", () => {
  const storage = new MemoryStorage();
  const outbox = new Outbox(storage, "alice");
  write(outbox, "1");
  outbox.accept({ id: "1", conversation: "c", reply: "r" });
  assert.equal(outbox.accept({ id: "1", conversation: "c", reply: "r" }), undefined);
  assert.deepEqual(new Outbox(storage, "alice").all(), []);
});

test("a refused message holds back the next, until it is given up or sent again", () => {
  const outbox = new Outbox(new MemoryStorage(), "alice");
  for (const id of ["1", "2"]) write(outbox, id);
  outbox.refuse("1", "No.");
  assert.deepEqual(outbox.sendable(), []);
  outbox.retry("1", "1b");
  assert.deepEqual(ids(outbox.sendable()), ["1b"]);
  assert.equal(outbox.get("2").after, "1b");
  outbox.discard("1b");
  assert.deepEqual(ids(outbox.sendable()), ["2"]);
  assert.equal(outbox.get("2").parent, "p");
});

test("two tabs share one outbox", () => {
  const storage = new MemoryStorage();
  const one = new Outbox(storage, "alice");
  const two = new Outbox(storage, "alice");
  write(one, "1");
  two.reload();
  assert.deepEqual(ids(two.all()), ["1"]);
  two.accept({ id: "1", conversation: "c", reply: "r" });
  one.reload();
  assert.deepEqual(one.all(), []);
});

test("logging out leaves nothing of this user and all of the others'", () => {
  const storage = new MemoryStorage();
  const alice = new Outbox(storage, "alice");
  write(alice, "1");
  alice.setDraft("c", "half a sen");
  write(new Outbox(storage, "bob"), "2");
  alice.clear();
  assert.equal(alice.draft("c"), "");
  assert.equal(storage.length, 1);
});

test("drafts belong to their conversation, new ones share one", () => {
  const outbox = new Outbox(new MemoryStorage(), "alice");
  outbox.setDraft("c", "for c");
  outbox.setDraft(NEW, "new");
  assert.equal(outbox.draft("c"), "for c");
  assert.equal(outbox.draft("d"), "");
  assert.equal(outbox.draft(NEW), "new");
  outbox.setDraft("c", "");
  assert.equal(outbox.draft("c"), "");
});

test("where storage is full a message lives as long as the page", () => {
  const storage = new MemoryStorage();
  storage.setItem = () => {
    throw new Error("full");
  };
  const outbox = new Outbox(storage, "alice");
  write(outbox, "1");
  outbox.reload();
  assert.deepEqual(ids(outbox.sendable()), ["1"]);
});

test("the settings of a new chat go with its first message, or with the one behind it", () => {
  const outbox = new Outbox(new MemoryStorage(), "alice");
  write(outbox, "1", `${NEW}1`, { parent: null, settings: { top_p: 1 } });
  write(outbox, "2", `${NEW}1`);
  assert.deepEqual(outbox.get("1").settings, { top_p: 1 });
  assert.equal(outbox.get("2").settings, null);
  outbox.discard("1");
  assert.deepEqual(outbox.get("2").settings, { top_p: 1 });
});

test("edits belong to their place and live as long as the page where storage is full", () => {
  const storage = new MemoryStorage();
  const outbox = new Outbox(storage, "alice");
  outbox.setEdits("c", { top_p: 0, system: null });
  assert.deepEqual(new Outbox(storage, "alice").edits("c"), { top_p: 0, system: null });
  assert.deepEqual(outbox.edits(NEW), {});
  assert.deepEqual(outbox.edited(), ["c"]);
  storage.setItem = () => {
    throw new Error("full");
  };
  outbox.setEdits("c", { top_p: 1 });
  assert.deepEqual(outbox.edits("c"), { top_p: 1 });
  outbox.setEdits("c", {});
  assert.deepEqual(outbox.edited(), []);
});

test("what is broken in storage is left out", () => {
  const storage = new MemoryStorage();
  storage.setItem("parley:alice:out:1", "{");
  storage.setItem("parley:alice:out:2", "null");
  storage.setItem("parley:alice:settings:c", "null");
  assert.deepEqual(new Outbox(storage, "alice").edits("c"), {});
  assert.deepEqual(new Outbox(storage, "alice").all(), []);
});

test("an edit waits for nothing, and the next message hangs on its reply", () => {
  const outbox = new Outbox(new MemoryStorage(), "alice");
  write(outbox, "1");
  write(outbox, "2", "c", { kind: "edit", target: "m" });
  write(outbox, "3");
  assert.deepEqual(ids(outbox.sendable()), ["1", "2"]);
  outbox.accept({ id: "2", conversation: "c", reply: "r2" });
  assert.equal(outbox.get("3").parent, "r2");
  assert.deepEqual(ids(outbox.sendable()), ["1", "3"]);
});

test("nothing waits for a message that is taken back", () => {
  const outbox = new Outbox(new MemoryStorage(), "alice");
  write(outbox, "1", "c", { kind: "withdraw", target: "m" });
  write(outbox, "2");
  assert.equal(outbox.get("2").after, null);
  assert.equal(outbox.get("2").parent, "p");
});
