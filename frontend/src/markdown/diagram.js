/**
 * A diagram over its source, drawn in a frame without an origin (`diagram-frame.js`): no script, style
 * or request of it concerns the page. A frame that does not answer in time is removed.
 */
import { el } from "../lib/dom.js";
import { t } from "../lib/translate.js";
import { appendText } from "../lib/visible-text.js";

const ADDRESS = "/diagram/";
/** Loading takes its time on a slow network, drawing does not. */
const LOADING_MS = 30_000;
const DRAWING_MS = 8_000;
const HIGHEST = 4000;
const LONGEST_MESSAGE = 200;

/** @typedef {{remove: () => void}} Shown */

/**
 * @param {HTMLElement} block of code
 * @param {string} source
 * @returns {Shown}
 */
export function showDiagram(block, source) {
  const frame = el("iframe", {
    class: "diagram",
    title: t("Diagram"),
    sandbox: "allow-scripts",
    referrerpolicy: "no-referrer",
    src: ADDRESS,
  });
  /** @type {Shown} */
  let shown = { remove: () => frame.remove() };
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let timer;
  const end = () => {
    clearTimeout(timer);
    removeEventListener("message", hear);
    theme.stop();
    shown.remove();
  };
  /** @param {string} sentence @param {string} [message] */
  const fail = (sentence, message) => {
    end();
    shown = sayInstead(block, sentence, message);
  };
  const draw = () => {
    clearTimeout(timer);
    const late = t("This diagram takes too long to be drawn.");
    timer = setTimeout(() => fail(late), DRAWING_MS);
    const background = getComputedStyle(block).backgroundColor;
    const order = { type: "draw", source, isDark: isDark(), background };
    // The frame has no origin that could be named.
    frame.contentWindow?.postMessage(order, "*");
  };
  const theme = watchTheme(draw);
  /** @param {MessageEvent} event */
  const hear = ({ source: sender, origin, data }) => {
    if (sender !== frame.contentWindow || origin !== "null") return;
    if (data?.type === "ready") return draw();
    if (data?.type === "failed") {
      return fail(t("This diagram cannot be drawn."), String(data.message ?? ""));
    }
    if (data?.type === "drawn") clearTimeout(timer);
    const height = Number(data?.height);
    if (height > 0) frame.style.height = `${Math.min(HIGHEST, Math.ceil(height) + 2)}px`;
  };
  addEventListener("message", hear);
  timer = setTimeout(() => fail(t("The diagram could not be loaded.")), LOADING_MS);
  block.querySelector("pre")?.before(frame);
  return { remove: end };
}

/**
 * @param {HTMLElement} block of code
 * @param {string} sentence
 * @param {string} [message] of the library
 * @returns {Shown}
 */
export function sayInstead(block, sentence, message = "") {
  const line = el("p", { class: "diagram-problem", role: "status" }, sentence);
  const [first = ""] = message.split("\n");
  if (first) appendText(line, ` ${first.slice(0, LONGEST_MESSAGE)}`);
  block.querySelector("pre")?.before(line);
  return { remove: () => line.remove() };
}

function isDark() {
  const { theme } = document.documentElement.dataset;
  if (theme === "dark" || theme === "light") return theme === "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** @param {() => void} act when light becomes dark, or dark light */
function watchTheme(act) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = new MutationObserver(act);
  chosen.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  system.addEventListener("change", act);
  return {
    stop() {
      chosen.disconnect();
      system.removeEventListener("change", act);
    },
  };
}
