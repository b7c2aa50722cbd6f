/** The theme: the system's, or the one the user chose, kept in this browser. */

const KEY = "parley-theme";

/** @typedef {"system"|"light"|"dark"} Theme */

/** @type {Theme[]} */
export const THEMES = ["system", "light", "dark"];

/** @returns {Theme} */
export function chosenTheme() {
  try {
    const stored = localStorage.getItem(KEY);
    return stored === "light" || stored === "dark" ? stored : "system";
  } catch {
    return "system";
  }
}

/** @param {Theme} theme */
export function chooseTheme(theme) {
  try {
    if (theme === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Storage is forbidden: the theme holds for this page only.
  }
  showTheme(theme);
}

/** @param {Theme} theme */
export function showTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** Follows what another tab chooses. */
export function followTheme() {
  window.addEventListener("storage", (event) => {
    if (event.key === KEY) showTheme(chosenTheme());
  });
}
