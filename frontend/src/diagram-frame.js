/**
 * The script of the frame in which diagrams are drawn. Its document has no origin, no network and a
 * policy of its own (`chat/diagram_page.py`): mermaid needs inline styles, which no page of ours
 * allows. It answers its parent only, and does nothing else.
 */
import mermaid from "mermaid";

/**
 * @typedef {{type: "draw", source: string, isDark: boolean, background: string}} Draw
 * @typedef {{type: "ready"|"failed"|"drawn"|"size", message?: string, height?: number}} Answer
 */

const MOST_CHARACTERS = 20_000;
const MOST_EDGES = 300;

/** Settings that no diagram changes by itself. */
const FIXED = [
  "layout",
  "maxEdges",
  "maxTextSize",
  "secure",
  "securityLevel",
  "startOnLoad",
  "suppressErrorRendering",
];

const host = document.body;
let count = 0;

/** @param {Answer} answer */
const post = (answer) => parent.postMessage(answer, "*");

const height = () => host.getBoundingClientRect().height;

/** @param {Draw} draw */
async function draw({ source, isDark, background }) {
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: "strict",
    theme: isDark ? "dark" : "default",
    suppressErrorRendering: true,
    maxTextSize: MOST_CHARACTERS,
    maxEdges: MOST_EDGES,
    // The other engine is left out of the bundle (`build.js`).
    layout: "dagre",
    secure: FIXED,
    fontFamily: "system-ui",
  });
  document.documentElement.style.colorScheme = isDark ? "dark" : "light";
  host.style.background = background;
  count += 1;
  const place = document.createElement("div");
  host.append(place);
  try {
    const { svg } = await mermaid.render(`diagram-${count}`, source, place);
    const drawn = new DOMParser().parseFromString(svg, "text/html").body;
    host.replaceChildren(...drawn.childNodes);
    for (const { style } of /** @type {NodeListOf<SVGElement>} */ (
      host.querySelectorAll(":scope > svg")
    )) {
      style.display = "block";
      style.margin = "0 auto";
    }
    post({ type: "drawn", height: height() });
  } catch (problem) {
    host.replaceChildren();
    post({ type: "failed", message: problem instanceof Error ? problem.message : "" });
  }
}

addEventListener("message", ({ data, source }) => {
  if (source === parent && data?.type === "draw") draw(data);
});

// Nothing in a diagram leads anywhere.
addEventListener("click", (event) => event.preventDefault(), { capture: true });

new ResizeObserver(() => {
  if (host.firstElementChild) post({ type: "size", height: height() });
}).observe(host);

host.style.cssText = "box-sizing:border-box;margin:0;padding:12px 14px;overflow-x:auto";
post({ type: "ready" });
