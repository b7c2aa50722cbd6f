/** The entry of the check page: tests what the chat needs and names what is wrong. */

import { el, find } from "./lib/dom.js";
import { t } from "./lib/translate.js";
import {
  bufferingFinding,
  clockFinding,
  compressionFinding,
  idleFinding,
  originFinding,
  schemeFinding,
  socketFinding,
} from "./state/check-findings.js";

/**
 * @typedef {import("./state/check-findings.js").Finding} Finding
 * @typedef {import("./state/check-findings.js").SocketTry} SocketTry
 */

const SOCKET = "/ws/chat/";
const STREAM = "/check/stream";
const PIECES = 10;
const APART = 200;
const HELD_UP = 5000;
const SILENCE = 40;

/** The state of a check in words. */
const WORDS = {
  ok: () => t("OK"),
  problem: () => t("Problem"),
  skipped: () => t("Skipped"),
  running: () => t("Checking…"),
};

/** @type {Map<string, HTMLElement>} */
const lines = new Map();

/**
 * @param {string} title
 * @param {Finding|{state: "running", text: string}} finding
 */
function show(title, { state, text }) {
  const line = el(
    "li",
    { class: `check ${state}`, "data-check": title },
    el("span", { class: "check-state" }, WORDS[state]()),
    el("strong", {}, title),
    el("p", {}, ...text.split("`").map((part, i) => (i % 2 ? el("code", {}, part) : part))),
  );
  const before = lines.get(title);
  if (before) before.replaceWith(line);
  else find("#checks").append(line);
  lines.set(title, line);
}

/**
 * @param {string} title
 * @param {() => Promise<Finding>|Finding} look
 */
async function check(title, look) {
  show(title, { state: "running", text: "" });
  try {
    show(title, await look());
  } catch (found) {
    show(title, {
      state: "problem",
      text: t("The check failed: {problem}", { problem: String(found) }),
    });
  }
}

/** @returns {Promise<import("./state/check-findings.js").Seen & {offset: number}>} */
async function askServer() {
  const began = Date.now();
  const response = await fetch(`/check/seen?origin=${encodeURIComponent(location.origin)}`);
  if (!response.ok) throw new Error(`status ${response.status}`);
  const seen = await response.json();
  return { ...seen, offset: seen.now - (began + Date.now()) / 2000 };
}

/** @returns {Promise<SocketTry>} */
function trySocket() {
  return new Promise((resolve) => {
    const socket = new WebSocket(location.origin.replace(/^http/, "ws") + SOCKET);
    let isOpen = false;
    /** @param {SocketTry["outcome"]} outcome @param {number} [code] */
    const end = (outcome, code = 0) => {
      clearTimeout(timer);
      resolve({ outcome, code });
      socket.close();
    };
    const timer = setTimeout(() => end(isOpen ? "silent" : "held up"), HELD_UP);
    socket.addEventListener("open", () => {
      isOpen = true;
    });
    socket.addEventListener("message", () => end("ready"));
    socket.addEventListener("close", ({ code }) => end(isOpen ? "closed" : "refused", code));
  });
}

/** @returns {Promise<import("./state/check-findings.js").Stream>} */
async function readStream() {
  const began = performance.now();
  const response = await fetch(STREAM);
  const times = [];
  const reader = response.body?.getReader();
  while (reader) {
    const { done } = await reader.read();
    if (done) break;
    times.push(performance.now() - began);
  }
  return {
    times: response.ok ? times : [],
    pieces: PIECES,
    apart: APART,
    encoding: response.headers.get("Content-Encoding"),
    caching: response.headers.get("Cache-Control") ?? "",
  };
}

async function checkAll() {
  const seen = askServer();
  const stream = readStream();
  await Promise.allSettled([
    check(t("Scheme"), async () => schemeFinding(await seen, location)),
    check(t("Origin"), async () => originFinding(await seen, location)),
    check(t("WebSocket"), async () => {
      const tried = await trySocket();
      return socketFinding(tried, (await seen).origin_allowed);
    }),
    check(t("Buffering"), async () => bufferingFinding(await stream)),
    check(t("Compression"), async () => compressionFinding(await stream)),
    check(t("Clock"), async () => clockFinding((await seen).offset)),
  ]);
}

/**
 * @param {number} began
 * @returns {number} seconds
 */
const since = (began) => Math.round((performance.now() - began) / 1000);

/**
 * Seconds after which a silent stream ends too early; null if it does not.
 * @returns {Promise<number|null>}
 */
async function holdStream() {
  const began = performance.now();
  try {
    const text = await (await fetch(`${STREAM}?silent=${SILENCE}`)).text();
    return text.includes('"piece": 1') ? null : since(began);
  } catch {
    return since(began);
  }
}

/**
 * Seconds after which a socket ends too early, although the server sends pings.
 * @returns {Promise<number|null>}
 */
function holdSocket() {
  return new Promise((resolve) => {
    const began = performance.now();
    const socket = new WebSocket(location.origin.replace(/^http/, "ws") + SOCKET);
    let isOpen = false;
    const timer = setTimeout(() => {
      resolve(null);
      socket.close();
    }, SILENCE * 1000);
    socket.addEventListener("open", () => {
      isOpen = true;
    });
    socket.addEventListener("close", () => {
      clearTimeout(timer);
      // A socket that never opened is the business of another check.
      resolve(isOpen ? since(began) : null);
    });
  });
}

async function checkIdle() {
  const title = t("Idle timeouts");
  const began = performance.now();
  const progress = () => {
    const text = t("Waiting in silence: {n} of {most} s", { n: since(began), most: SILENCE });
    show(title, { state: "running", text });
  };
  progress();
  const clock = setInterval(progress, 1000);
  const [socket, stream] = await Promise.all([holdSocket(), holdStream()]);
  clearInterval(clock);
  show(title, idleFinding({ socket, stream, seconds: SILENCE }));
}

/**
 * @param {string} selector
 * @param {() => Promise<void>} act
 */
function button(selector, act) {
  const control = /** @type {HTMLButtonElement} */ (find(selector));
  const run = async () => {
    control.disabled = true;
    await act();
    control.disabled = false;
  };
  control.addEventListener("click", run);
  return run;
}

button("#idle", checkIdle);
button("#again", checkAll)();
