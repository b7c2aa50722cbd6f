import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../src/protocol/api.js";
import { NEW, Outbox } from "../src/state/outbox.js";
import { read, written } from "../src/state/setting-fields.js";
import { clearing, merge, NAMES, without } from "../src/state/settings.js";
import { SettingsKeeper } from "../src/store/settings-keeper.js";
import { MemoryStorage } from "../src/store/storage.js";

const value = (name, raw) => read(name, raw).value;
const problem = (name, raw) => read(name, raw).problem;

test("an empty field means not set", () => {
  for (const name of NAMES) assert.deepEqual(read(name, "  "), { value: null, problem: null });
});

test("numbers are taken up to their limits and named beyond them", () => {
  for (const [raw, number] of [
    ["0", 0],
    ["2", 2],
    ["0,7", 0.7],
    [".5", 0.5],
    ["1.", 1],
  ]) {
    assert.equal(value("temperature", raw), number);
  }
  for (const raw of ["2.1", "-1", "1e1", "warm", "1.2.3", ".", "NaN", "0x1"]) {
    assert.equal(problem("temperature", raw), "Enter a number from 0 to 2.", raw);
  }
  assert.equal(value("top_p", "1"), 1);
  assert.equal(problem("top_p", "1.01"), "Enter a number from 0 to 1.");
});

test("tokens are whole and at least one", () => {
  assert.equal(value("max_tokens", "1000000"), 1_000_000);
  for (const raw of ["0", "1.5", "1000001", "1,000", "-4", "99999999999999999999"]) {
    assert.match(problem("max_tokens", raw), /1 to 1,000,000/, raw);
  }
});

test("a system prompt is counted in characters as the server counts them", () => {
  assert.equal(value("system", " Be brief. "), "Be brief.");
  assert.equal(problem("system", "👍".repeat(32_000)), null);
  assert.match(problem("system", "👍".repeat(32_003)), /3 too many/);
});

test("an effort is one of the choices", () => {
  assert.equal(value("reasoning_effort", "xhigh"), "xhigh");
  assert.ok(problem("reasoning_effort", "huge"));
});

test("edits go on top of what is stored, and null unsets", () => {
  const stored = { temperature: 1, top_p: 0.5, of_tomorrow: "kept" };
  const settings = merge(stored, { temperature: null, system: "x", top_p: 0 });
  assert.deepEqual(settings, { top_p: 0, of_tomorrow: "kept", system: "x" });
  assert.deepEqual(merge(undefined, {}), {});
  assert.deepEqual(merge(settings, clearing(settings)), {});
  assert.equal(written(0), "0");
  assert.equal(written(1_000_000), "1000000");
  globalThis.parleyCatalogue = { language: "de", plural: () => 0, messages: {} };
  assert.equal(written(0.75), "0,75");
  delete globalThis.parleyCatalogue;
  assert.equal(written(undefined), "");
});

test("what was edited while the edits were saved is left", () => {
  assert.deepEqual(without({ a: 1, b: 2, c: null }, { a: 1, b: 3 }), { b: 2, c: null });
});

/** A keeper whose server is an object, and whose answers the test gives. */
function keep({
  settings = {},
  defaults = {},
  outbox = new Outbox(new MemoryStorage(), "alice"),
} = {}) {
  const server = { c: { settings, model: "a/1" } };
  const asked = [];
  const failed = [];
  const keeper = new SettingsKeeper({
    outbox,
    defaults,
    conversation: (id) => server[id],
    save: (id, wanted) =>
      new Promise((resolve, reject) => {
        asked.push({
          id,
          wanted: wanted.settings,
          model: wanted.model,
          leaf: wanted.leaf,
          accept() {
            server[id] = { ...server[id], ...wanted };
            resolve();
            return settled();
          },
          refuse(status, field) {
            reject(new ApiError(status, "x", "No.", field));
            return settled();
          },
        });
      }),
    changed() {},
    failed: (_, text) => failed.push(text),
  });
  return { keeper, server, asked, failed, outbox };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("one save is on its way at a time and the last edit wins", async () => {
  const { keeper, asked, server } = keep({ settings: { top_p: 0.5 } });
  keeper.change("c", "temperature", 0.1);
  keeper.change("c", "temperature", 0.2);
  keeper.change("c", "system", "Brief.");
  assert.equal(asked.length, 1);
  assert.deepEqual(asked[0].wanted, { top_p: 0.5, temperature: 0.1 });
  await asked[0].accept();
  assert.equal(asked.length, 2);
  await asked[1].accept();
  assert.deepEqual(server.c.settings, { top_p: 0.5, temperature: 0.2, system: "Brief." });
  assert.equal(asked.length, 2);
  assert.deepEqual(keeper.of("c"), server.c.settings);
});

test("a model is chosen like a setting, and apart from them", async () => {
  const { keeper, asked, server } = keep({ settings: { top_p: 0.5 } });
  keeper.choose("c", "a/1");
  assert.equal(asked.length, 0);
  keeper.choose("c", "b/2");
  assert.deepEqual([asked[0].model, asked[0].wanted], ["b/2", undefined]);
  assert.equal(keeper.modelOf("c"), "b/2");
  assert.deepEqual(keeper.of("c"), { top_p: 0.5 });
  await asked[0].accept();
  assert.equal(server.c.model, "b/2");
});

test("a message waits for the settings made before it, but not for those that cannot be saved", async () => {
  const { keeper, asked } = keep();
  assert.ok(!keeper.isPending("c"));
  keeper.change("c", "top_p", 0.3);
  keeper.change("d", "top_p", 0.3); // nothing is known of it yet
  assert.ok(keeper.isPending("c"));
  assert.ok(!keeper.isPending("d"));
  await asked[0].refuse(503);
  assert.ok(!keeper.isPending("c"));
  keeper.adoptAll();
  assert.ok(keeper.isPending("c"));
  await asked[1].accept();
  assert.ok(!keeper.isPending("c"));
});

test("an entry that changes nothing asks nothing", () => {
  const { keeper, asked } = keep({ settings: { top_p: 0.5 } });
  keeper.change("c", "top_p", 0.5);
  keeper.change("c", "system", null);
  assert.equal(asked.length, 0);
});

test("a save that failed is said once and made again when the connection is back", async () => {
  const { keeper, asked, failed, server } = keep();
  keeper.change("c", "top_p", 0.3);
  await asked[0].refuse(0);
  assert.match(failed[0], /not saved/);
  assert.match(keeper.problem, /not saved/);
  assert.deepEqual(keeper.of("c"), { top_p: 0.3 });
  keeper.change("c", "top_p", 0.4);
  assert.equal(asked.length, 1);
  keeper.adoptAll();
  await asked[1].refuse(0);
  assert.equal(failed.length, 1);
  keeper.adoptAll();
  await asked[2].accept();
  assert.deepEqual(server.c.settings, { top_p: 0.4 });
  assert.equal(keeper.problem, "");
});

test("what the server refuses is named at its field and given up", async () => {
  const { keeper, asked, failed, outbox } = keep();
  keeper.change("c", "top_p", 0.3);
  await asked[0].refuse(422, "settings.top_p");
  assert.deepEqual(keeper.refused, { place: "c", field: "top_p", text: "No." });
  assert.deepEqual(failed, ["No."]);
  assert.deepEqual(outbox.edits("c"), {});
  keeper.adoptAll();
  assert.equal(asked.length, 1);
});

test("an unsaved edit outlives the page and is saved by the next", async () => {
  const storage = new MemoryStorage();
  const first = keep({ outbox: new Outbox(storage, "alice") });
  first.keeper.change("c", "system", "Kept.");
  await first.asked[0].refuse(0);
  const second = keep({ outbox: new Outbox(storage, "alice") });
  assert.deepEqual(second.keeper.of("c"), { system: "Kept." });
  second.keeper.adoptAll();
  await second.asked[0].accept();
  assert.deepEqual(second.server.c.settings, { system: "Kept." });
  assert.deepEqual(new Outbox(storage, "alice").edited(), []);
});

const written1 = (outbox, settings) =>
  outbox.add({ id: "1", place: `${NEW}1`, parent: null, text: "x", model: null, settings });

test("a new chat sends its settings with the first message and starts the next one without", () => {
  const { keeper, asked, outbox } = keep();
  keeper.change(NEW, "top_p", 0.3);
  keeper.change(NEW, "system", "x");
  keeper.change(NEW, "system", null);
  assert.equal(asked.length, 0);
  written1(outbox, keeper.take(NEW));
  assert.deepEqual(outbox.get("1").settings, { top_p: 0.3 });
  assert.equal(keeper.take(NEW), null);
  assert.deepEqual(keeper.of(`${NEW}1`), { top_p: 0.3 });
});

test("what is set while the first message waits is saved once it has arrived", async () => {
  const { keeper, asked, outbox, server } = keep();
  written1(outbox, { top_p: 0.3, system: "x" });
  keeper.change(`${NEW}1`, "system", null);
  keeper.change(`${NEW}1`, "temperature", 1);
  assert.deepEqual(keeper.of(`${NEW}1`), { top_p: 0.3, temperature: 1 });
  assert.deepEqual(outbox.get("1").settings, { top_p: 0.3, system: "x" }); // it may be under way
  outbox.accept({ id: "1", conversation: "d", reply: "r" });
  keeper.move(`${NEW}1`, "d");
  server.d = { settings: { top_p: 0.3, system: "x" } };
  keeper.pump();
  await asked[0].accept();
  assert.deepEqual(server.d.settings, { top_p: 0.3, temperature: 1 });
});

test("a first message that is given up leaves its settings to the new chat", () => {
  const { keeper, outbox } = keep();
  const { settings } = written1(outbox, { top_p: 0.3 });
  outbox.discard("1");
  keeper.giveBack(`${NEW}1`, NEW, settings);
  assert.deepEqual(keeper.of(NEW), { top_p: 0.3 });
});

test("reset unsets what this page does not know, too", async () => {
  const { keeper, asked } = keep({ settings: { top_p: 0.5, of_tomorrow: 1 } });
  keeper.reset("c");
  assert.deepEqual(asked[0].wanted, {});
});

test("a server without settings is read as one where nothing is set", () => {
  const { keeper, server } = keep();
  server.c = {};
  assert.deepEqual(keeper.of("c"), {});
});

test("the chosen version is saved like a setting, and forgotten for what is newer", async () => {
  const { keeper, asked, outbox } = keep({ settings: { top_p: 0.5 } });
  keeper.showLeaf("c", "r1");
  assert.equal(keeper.leafOf("c"), "r1");
  assert.ok(keeper.isPending("c"));
  assert.deepEqual(keeper.of("c"), { top_p: 0.5 });
  assert.deepEqual([asked[0].leaf, asked[0].wanted], ["r1", undefined]);
  await asked[0].accept();
  assert.ok(!keeper.isPending("c"));
  assert.equal(keeper.leafOf("c"), "r1");
  keeper.showLeaf("c", "r2");
  keeper.change("c", "system", "x");
  keeper.forgetLeaf("c");
  assert.deepEqual(outbox.edits("c"), { system: "x" });
});

test("a new conversation begins with the defaults, which can be changed and unset for it", () => {
  const { keeper, outbox } = keep({ defaults: { system: "Brief.", top_p: 0.5 } });
  assert.deepEqual(keeper.of(NEW), { system: "Brief.", top_p: 0.5 });
  assert.deepEqual(keeper.of("c"), {});
  keeper.change(NEW, "top_p", null);
  keeper.change(NEW, "temperature", 1);
  keeper.change(NEW, "temperature", null);
  assert.deepEqual(outbox.edits(NEW), { top_p: null });
  assert.deepEqual(keeper.take(NEW), { system: "Brief." });
  assert.deepEqual(keeper.of(NEW), { system: "Brief.", top_p: 0.5 }); // the next one
});

test("a new conversation that is given back keeps what was unset", () => {
  const { keeper } = keep({ defaults: { system: "Brief.", top_p: 0.5 } });
  keeper.reset(NEW);
  const taken = keeper.take(NEW);
  assert.equal(taken, null);
  keeper.giveBack(`${NEW}1`, NEW, taken);
  assert.deepEqual(keeper.of(NEW), {});
});
