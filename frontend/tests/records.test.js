import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addPage,
  apply,
  applyChanges,
  applyList,
  closeThread,
  empty,
  hear,
  isBehind,
  isStub,
  made,
  newestFirst,
  openThread,
  put,
  putFolders,
} from "../src/state/records.js";

const conversation = (id, seq, more = {}) => ({
  ...{ id, title: id, model: null, leaf: null, created: "1", updated: "1", running: false, seq },
  ...more,
});
const message = (id, seq, more = {}) => ({
  ...{ id, conversation: "c", parent: null, role: "user", created: "1", seq, text: id },
  ...more,
});
const frame = (type, event, object) => ({ type, event, [type]: object, seq: object.seq });
const changes = (seq, more = {}) => ({
  ...{ seq, reset: false, conversations: [], messages: [] },
  ...{ deleted: { conversations: [], messages: [], folders: [] }, folders: [] },
  ...more,
});
const listed = (seq = 5) => applyList(empty(), { seq, conversations: [conversation("c", 1)] });
const opened = (messages = []) =>
  openThread(listed(), { seq: 5, conversation: conversation("c", 1), messages });

test("the next number is applied", () => {
  const records = apply(
    listed(),
    frame("conversation", "updated", conversation("c", 6, { title: "new" })),
  );
  assert.equal(records.conversations.get("c").title, "new");
  assert.equal(records.seq, 6);
  assert.ok(!isBehind(records));
});

test("an older number is dropped", () => {
  const before = listed();
  const records = apply(
    before,
    frame("conversation", "updated", conversation("c", 5, { title: "old" })),
  );
  assert.equal(records.conversations.get("c").title, "c");
  assert.ok(!isBehind(records));
});

test("a jump changes nothing until the changes were read", () => {
  let records = apply(listed(), frame("conversation", "created", conversation("d", 8)));
  assert.ok(isBehind(records));
  assert.ok(!records.conversations.has("d"));
  records = applyChanges(records, changes(8, { conversations: [conversation("d", 8)] }));
  assert.ok(records.conversations.has("d"));
  assert.ok(!isBehind(records));
});

test("what came while the changes were read leaves it behind", () => {
  let records = apply(listed(), frame("conversation", "created", conversation("d", 8)));
  records = apply(records, frame("conversation", "created", conversation("e", 9)));
  records = applyChanges(records, changes(8, { conversations: [conversation("d", 8)] }));
  assert.ok(isBehind(records));
});

test("a ping with a higher number says that something was missed", () => {
  assert.ok(isBehind(hear(listed(), 7)));
  assert.ok(!isBehind(hear(listed(), 5)));
});

test("nothing is behind before anything was read", () => {
  assert.ok(!isBehind(hear(empty(), 7)));
  assert.ok(isBehind(applyList(hear(empty(), 7), { seq: 5, conversations: [] })));
});

test("an answer that was read earlier does not overwrite a later change", () => {
  let records = apply(
    listed(),
    frame("conversation", "updated", conversation("c", 6, { title: "new" })),
  );
  records = applyList(records, { seq: 5, conversations: [conversation("c", 1, { title: "old" })] });
  assert.equal(records.conversations.get("c").title, "new");
});

test("what was deleted does not come back with an older answer", () => {
  let records = apply(listed(), frame("conversation", "deleted", { id: "c", seq: 6 }));
  assert.equal(records.conversations.size, 0);
  records = applyList(records, { seq: 5, conversations: [conversation("c", 1)] });
  records = openThread(records, { seq: 5, conversation: conversation("c", 1), messages: [] });
  assert.equal(records.conversations.size, 0);
  assert.equal(records.threads.size, 0);
});

test("what was deleted and restored is there again", () => {
  const deleted = apply(listed(), frame("conversation", "deleted", { id: "c", seq: 6 }));
  const changed = apply(deleted, frame("conversation", "created", conversation("c", 7)));
  assert.ok(changed.conversations.has("c"));
  const missed = applyChanges(deleted, changes(7, { conversations: [conversation("c", 7)] }));
  assert.ok(missed.conversations.has("c"));
});

test("messages are kept for open conversations only", () => {
  const created = frame("message", "created", message("m", 6));
  assert.equal(apply(listed(), created).threads.size, 0);
  assert.ok(apply(opened(), created).threads.get("c").has("m"));
  assert.ok(!closeThread(apply(opened(), created), "c").threads.has("c"));
});

test("a message that came before the answer it is not in stays", () => {
  let records = apply(opened(), frame("message", "created", message("m", 6)));
  records = openThread(records, { seq: 5, conversation: conversation("c", 1), messages: [] });
  assert.ok(records.threads.get("c").has("m"));
  records = openThread(records, { seq: 9, conversation: conversation("c", 1), messages: [] });
  assert.ok(!records.threads.get("c").has("m"));
});

test("what the page made up is replaced by what the server says", () => {
  let records = put(opened(), [], [message("m", 0, { text: "mine" })]);
  records = apply(records, frame("message", "created", message("m", 6, { text: "stored" })));
  assert.equal(records.threads.get("c").get("m").text, "stored");
  records = put(records, [], [message("m", 0, { text: "mine" })]);
  assert.equal(records.threads.get("c").get("m").text, "stored");
});

test("a frame without a reply's text keeps it while it is the same text", () => {
  const reply = { role: "assistant", status: "complete", attempt: 1, sha256: "aa" };
  const before = opened([message("r", 3, { ...reply, text: "read", reasoning: "" })]);
  const { text: _, ...bare } = message("r", 6, reply);
  assert.equal(
    apply(before, frame("message", "updated", bare))
      .threads.get("c")
      .get("r").text,
    "read",
  );
  const other = { ...bare, attempt: 2 };
  assert.equal(
    apply(before, frame("message", "updated", other))
      .threads.get("c")
      .get("r").text,
    undefined,
  );
});

test("changes delete too, and a reset forgets the list", () => {
  let records = opened([message("m", 2), message("n", 3)]);
  records = applyChanges(
    records,
    changes(9, { deleted: { conversations: [], messages: ["m"], folders: [] } }),
  );
  assert.deepEqual([...records.threads.get("c").keys()], ["n"]);
  records = applyChanges(records, changes(2000, { reset: true }));
  assert.equal(records.conversations.size, 0);
  assert.equal(records.seq, 2000);
});

test("no function changes the state it was given", () => {
  const before = opened([message("m", 2)]);
  const copy = structuredClone(before);
  apply(before, frame("message", "created", message("n", 6)));
  applyChanges(
    before,
    changes(9, { deleted: { conversations: ["c"], messages: ["m"], folders: [] } }),
  );
  put(before, [conversation("c", 9)], [message("m", 9)]);
  closeThread(before, "c");
  assert.deepEqual(before, copy);
});

test("the last used comes first", () => {
  const list = [conversation("a", 1, { updated: "1" }), conversation("b", 2, { updated: "2" })];
  const records = applyList(empty(), { seq: 2, conversations: list });
  assert.deepEqual(
    newestFirst(records).map(({ id }) => id),
    ["b", "a"],
  );
});

const ACCEPTED = { conversation: "c", message: "m2", reply: "r2" };
const asked = (more = {}) => ({ place: "c", parent: "r1", text: "new", model: null, ...more });
const making = (entry, accepted = ACCEPTED, more = []) => {
  const records = opened([
    message("m1", 2),
    message("r1", 3, { role: "assistant", parent: "m1", status: "complete", text: undefined }),
    ...more,
  ]);
  const known = {
    conversation: conversation("c", 1, { leaf: "r1" }),
    messages: records.threads.get("c"),
  };
  const { conversation: chat, messages } = made(entry, accepted, known, "Title", "2");
  return { leaf: chat.leaf, parents: messages.map(({ id, parent }) => [id, parent]), messages };
};

test("a sent message hangs on its parent, and is shown where that was the end", () => {
  const { leaf, parents } = making(asked());
  assert.deepEqual(parents, [
    ["m2", "r1"],
    ["r2", "m2"],
  ]);
  assert.equal(leaf, "r2");
  assert.equal(making(asked({ parent: "r0" })).leaf, "r1");
});

test("an edit hangs beside its message and is shown", () => {
  const { leaf, parents } = making(asked({ kind: "edit", target: "m1" }));
  assert.deepEqual(parents, [
    ["m2", null],
    ["r2", "m2"],
  ]);
  assert.equal(leaf, "r2");
});

test("the change of a message that waits makes no other", () => {
  const { leaf, messages } = making(asked({ kind: "edit", target: "m1" }), {
    ...ACCEPTED,
    message: "m1",
  });
  assert.deepEqual(
    messages.map(({ id, text, seq }) => [id, text, seq]),
    [["m1", "new", 2]],
  );
  assert.equal(leaf, "r1");
});

test("another reply hangs on the same message and is shown, once", () => {
  const again = { ...ACCEPTED, message: "m1" };
  const entry = asked({ kind: "regenerate", target: "r1" });
  const { leaf, parents } = making(entry, again);
  assert.deepEqual(parents, [["r2", "m1"]]);
  assert.equal(leaf, "r2");
  const known = message("r2", 4, { role: "assistant", parent: "m1", status: "complete" });
  assert.equal(making(entry, again, [known]).leaf, "r1");
});

test("taking back makes nothing", () => {
  assert.deepEqual(making(asked({ kind: "withdraw", target: "m1" })).messages, []);
});

const reply = (id, seq, more = {}) =>
  message(id, seq, { role: "assistant", status: "complete", attempt: 1, sha256: "h", ...more });
const stub = (id, seq, more = {}) => {
  const { text: _, attempt: __, conversation: ___, sha256: ____, ...rest } = message(id, seq, more);
  return rest;
};
const page = (messages, more = {}) => ({
  ...{ seq: 5, conversation: conversation("c", 1), complete: false },
  ...{ messages, ...more },
});

test("of the versions beside a page is known that they are there", () => {
  const records = openThread(listed(), page([message("m", 1)], { versions: [stub("v", 1)] }));
  const thread = records.threads.get("c");
  assert.ok(isStub(thread.get("v")));
  assert.ok(isStub(thread.get("nothing")));
  assert.ok(!isStub(thread.get("m")));
  assert.equal(thread.get("v").conversation, "c");
});

test("an earlier page comes to what is there, and takes nothing away", () => {
  let records = openThread(listed(), page([reply("r", 2, { parent: "m" })]));
  records = addPage(records, page([message("m", 1)], { versions: [stub("r", 2)] }));
  const thread = records.threads.get("c");
  assert.deepEqual([...thread.keys()].sort(), ["m", "r"]);
  assert.equal(thread.get("r").text, "r", "what is known better stays");
});

test("the message itself replaces a stub of it", () => {
  let records = openThread(listed(), page([], { versions: [stub("r", 2, { role: "assistant" })] }));
  assert.ok(isStub(records.threads.get("c").get("r")));
  records = addPage(records, page([reply("r", 2)]));
  assert.ok(!isStub(records.threads.get("c").get("r")));
  assert.equal(records.threads.get("c").get("r").text, "r");
});

test("a page of a conversation that is not open is not kept", () => {
  assert.ok(!addPage(listed(), page([message("m", 1)])).threads.has("c"));
});

test("folders come by frames and by changes, and go", () => {
  const folder = (seq, name = "Travel") => ({ id: "f", name, created: "2026", seq });
  const made = apply(listed(), frame("folder", "created", folder(6)));
  assert.equal(made.folders.get("f")?.name, "Travel");
  const renamed = applyChanges(made, changes(7, { folders: [folder(7, "Journeys")] }));
  assert.equal(renamed.folders.get("f")?.name, "Journeys");
  assert.equal(putFolders(renamed, [folder(6)]).folders.get("f")?.name, "Journeys");
  const gone = apply(renamed, frame("folder", "deleted", { id: "f", seq: 8 }));
  assert.equal(gone.folders.size, 0);
  assert.equal(putFolders(gone, [folder(7)]).folders.size, 0);
  const restored = apply(gone, frame("folder", "created", folder(9)));
  assert.equal(restored.folders.size, 1);
  const deleted = { conversations: [], messages: [], folders: ["f"] };
  assert.equal(applyChanges(restored, changes(10, { deleted })).folders.size, 0);
});

test("what was deleted meanwhile does not come back with a page", () => {
  let records = openThread(listed(), page([message("m", 1)]));
  records = apply(records, { type: "message", event: "deleted", message: { id: "x" }, seq: 6 });
  records = addPage(records, page([message("x", 3)], { versions: [] }));
  assert.deepEqual([...records.threads.get("c").keys()], ["m"]);
});
