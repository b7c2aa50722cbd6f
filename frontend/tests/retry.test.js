import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Awaited } from "../src/lib/awaited.js";
import { lazily } from "../src/lib/lazily.js";
import { Retry } from "../src/lib/retry.js";
import { ApiError } from "../src/protocol/api.js";
import { Search } from "../src/store/search.js";

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Runs with a page whose network can come back, and with timers that stand still. */
async function withPage(act) {
  globalThis.window = new EventTarget();
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    await act({
      online: async () => {
        window.dispatchEvent(new Event("online"));
        await turn();
      },
      later: async (ms) => {
        mock.timers.tick(ms);
        await turn();
      },
    });
  } finally {
    mock.timers.reset();
    delete globalThis.window;
  }
}

test("what fails is tried again by itself until it works, and then no more", () =>
  withPage(async ({ later }) => {
    let tries = 0;
    const retry = new Retry(async () => {
      tries += 1;
      if (tries < 4) throw new Error("no");
    });
    retry.now();
    await turn();
    for (let i = 0; i < 10; i += 1) await later(30_000);
    assert.equal(tries, 4);
  }));

test("the network that is back is used at once, and only by what waits", () =>
  withPage(async ({ online, later }) => {
    let tries = 0;
    let isThere = false;
    const retry = new Retry(async () => {
      tries += 1;
      if (!isThere) throw new Error("no");
    });
    await online();
    assert.equal(tries, 0);
    retry.now();
    await turn();
    for (let i = 0; i < 5; i += 1) await later(30_000);
    const before = tries;
    isThere = true;
    await online();
    assert.equal(tries, before + 1);
    await online();
    assert.equal(tries, before + 1);
  }));

test("what is given up is not tried again", () =>
  withPage(async ({ online, later }) => {
    let tries = 0;
    const retry = new Retry(async () => {
      tries += 1;
      throw new Error("no");
    });
    retry.now();
    await turn();
    retry.stop();
    await later(60_000);
    await online();
    assert.equal(tries, 1);
  }));

test("a part of the page is loaded once, and again only where that failed", async () => {
  let loads = 0;
  const part = lazily(async () => {
    loads += 1;
    if (loads === 1) throw new Error("no");
    return "part";
  });
  await assert.rejects(part());
  assert.equal(await part(), "part");
  assert.equal(await part(), "part");
  assert.equal(loads, 2);
});

test("work that waits for a part goes on when the network is back, though loading failed", () =>
  withPage(async ({ online, later }) => {
    let loads = 0;
    let isThere = false;
    let goesOn = 0;
    mock.method(console, "warn", () => {});
    const awaited = new Awaited(
      async () => {
        loads += 1;
        if (!isThere) throw new TypeError("Failed to fetch dynamically imported module");
        return { highlight: true };
      },
      () => (goesOn += 1),
    );
    for (let i = 0; i < 5; i += 1) {
      awaited.want();
      await turn();
    }
    // What is to be tried again is not asked for by every block of code.
    assert.deepEqual([loads, goesOn, awaited.part], [1, 0, null]);
    await later(30_000);
    assert.equal(loads, 2);
    isThere = true;
    await online();
    assert.deepEqual([loads, goesOn, awaited.part], [3, 1, { highlight: true }]);
    awaited.want();
    await online();
    assert.deepEqual([loads, goesOn], [3, 1]);
    mock.restoreAll();
  }));

/** An answer of the server with these conversations. */
const answered = (ids, next = null, complete = true) => ({
  results: ids.map((conversation) => ({ conversation })),
  next,
  complete,
});

const searching = (ask, known = []) => {
  const search = new Search({ ask, known: () => known, changed: () => {} });
  const look = (q) => {
    search.look(q);
    return turn();
  };
  return { search, look };
};

test("a search says what was searched, and that there is more", async () => {
  const answers = { a: answered(["1"]), "a b": answered([]) };
  const { search, look } = searching(async (q) => answers[q] ?? answered(["1", "2"], "more"));
  await look("a");
  assert.deepEqual([...search.found], ["1"]);
  assert.equal(
    search.note,
    "1 match. Searched titles and messages, including archived conversations.",
  );
  await look("a b");
  assert.match(search.note, /^No matches\. Searched titles and .* A match contains all words/);
  await look("c");
  assert.match(search.note, /^The newest 2 matches\. Searched titles and messages/);
  await look("1 2 3 4 5 6 7 8 9");
  assert.match(search.note, / Only the first 8 words were searched\.$/);
  await look("");
  assert.deepEqual([search.found, search.note], [null, ""]);
});

test("more of a search is added, and a conversation that comes again is listed once", async () => {
  const pages = { null: answered(["1", "2"], "p2", false), p2: answered(["2", "3"]) };
  const { search, look } = searching(async (_, before = null) => pages[before]);
  await look("a");
  assert.match(search.note, / Older messages are still being added to the search\.$/);
  await search.more();
  assert.deepEqual(
    search.results.map(({ conversation }) => conversation),
    ["1", "2", "3"],
  );
  assert.equal(search.next, null);
  assert.match(search.note, /^3 matches\. /);
});

test("without a connection loaded titles are searched, which is said, until the network is back", () =>
  withPage(async ({ online }) => {
    let isThere = false;
    const known = [
      { id: "1", title: "Blue Whale" },
      { id: "2", title: "Whale" },
    ];
    const { search, look } = searching(async () => {
      if (!isThere) throw new ApiError(0, "unreachable", "The server cannot be reached.");
      return answered(["3"]);
    }, known);
    await look("whale blue");
    assert.deepEqual([...search.found], ["1"]);
    assert.equal(search.isTrouble, true);
    assert.match(search.note, /^No connection\. Only the titles on this page/);
    isThere = true;
    await online();
    assert.deepEqual([...search.found], ["3"]);
    assert.equal(search.isTrouble, false);
  }));

test("what the server will not look for is said, and not asked again", () =>
  withPage(async ({ online, later }) => {
    let asked = 0;
    const { search, look } = searching(async () => {
      asked += 1;
      throw new ApiError(422, "bad_field", "Too long.");
    });
    await look("x");
    await later(60_000);
    await online();
    assert.equal(asked, 1);
    assert.match(search.note, /^Too long\. Only the titles/);
  }));

test("an answer to what was searched before is not shown", async () => {
  const waiting = {};
  const { search, look } = searching((q) => new Promise((resolve) => (waiting[q] = resolve)));
  await look("old");
  await look("new");
  waiting.old(answered(["1"]));
  await turn();
  assert.equal(search.found, null);
  waiting.new(answered(["2"]));
  await turn();
  assert.deepEqual([...search.found], ["2"]);
});
