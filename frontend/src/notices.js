/** Short words to the user: a toast for the eye, a live region for the ear. */
import { el, find } from "./dom.js";
import { icon } from "./icons.js";

const SHOWN_MS = 6000;

/**
 * @param {string} text
 * @param {"quiet"|"danger"} [tone]
 */
export function toast(text, tone = "quiet") {
  const host = find("#toasts");
  const close = el("button", { class: "tool", type: "button", "aria-label": "Close" }, icon("x"));
  const box = el("div", { class: `toast ${tone}` }, el("span", {}, text), close);
  const gone = () => box.remove();
  close.addEventListener("click", gone);
  while (host.children.length > 2) host.firstElementChild?.remove();
  host.append(box);
  let timer = setTimeout(gone, SHOWN_MS);
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("pointerleave", () => {
    timer = setTimeout(gone, SHOWN_MS / 2);
  });
}

/**
 * Says something to those who listen instead of looking.
 * @param {string} text
 */
export function announce(text) {
  const region = find("#announcements");
  // The same words twice are a change only if the region was empty in between.
  region.textContent = "";
  setTimeout(() => {
    region.textContent = text;
  }, 50);
}
