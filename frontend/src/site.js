/**
 * The script of the plain pages: the chosen theme before the first paint, its choice where a
 * page offers it, times of this place, and the removal of what this browser kept, at log-out.
 */
import { removeWorker } from "./lib/service-worker.js";
import { chooseTheme, chosenTheme, followTheme, showTheme, THEMES } from "./lib/theme.js";

showTheme(chosenTheme());
followTheme();

document.addEventListener("DOMContentLoaded", () => {
  const places = /** @type {NodeListOf<HTMLElement>} */ (
    document.querySelectorAll("[data-theme-choice]")
  );
  for (const place of places) fillChoice(place);
  for (const time of document.querySelectorAll("time[data-local]")) showLocal(time);
  for (const form of document.querySelectorAll("form[data-logout]")) {
    form.addEventListener("submit", forgetDrafts);
  }
  // Every log-out leads here, however the session ended.
  if (document.querySelector("form[data-login]")) removeWorker();
});

/** @param {HTMLElement} place which has the labels, in the language of the page */
function fillChoice(place) {
  /** @type {HTMLButtonElement[]} */
  const buttons = [];
  const show = () => {
    const chosen = chosenTheme();
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.value === chosen));
    }
  };
  for (const theme of THEMES) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.value = theme;
    button.textContent = place.dataset[theme] ?? theme;
    button.addEventListener("click", () => {
      chooseTheme(theme);
      show();
    });
    buttons.push(button);
    place.append(button);
  }
  show();
}

/**
 * Writes a time as it is here; without a script it stands there in UTC.
 * @param {Element} time
 */
function showLocal(time) {
  const at = new Date(time.getAttribute("datetime") ?? "");
  if (Number.isNaN(at.getTime())) return;
  const { lang } = document.documentElement;
  const language = lang === "en" ? "en-GB" : lang;
  time.textContent = at.toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
}

function forgetDrafts() {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith("parley:"));
    for (const key of keys) localStorage.removeItem(key);
  } catch {
    // Nothing was kept, then.
  }
}
