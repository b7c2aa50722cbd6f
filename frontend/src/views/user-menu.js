/** The menu of the user: theme, account, administration, log-out. */

import { el, find } from "../lib/dom.js";
import { chooseTheme, chosenTheme, THEMES } from "../lib/theme.js";
import { t } from "../lib/translate.js";
import { toggleMenu } from "./menu.js";

/**
 * @param {HTMLElement} button
 * @param {any} page
 * @param {string} token
 * @param {import("../state/outbox.js").Outbox} outbox
 * @param {() => void} archive shows the archived conversations
 * @param {{palette: () => void, keys: () => void}} layers
 */
export function toggleUserMenu(button, page, token, outbox, archive, layers) {
  const theme = chosenTheme();
  toggleMenu(button, t("Account"), [
    {
      items: [
        { label: t("Archived conversations"), icon: "archive", act: archive },
        { label: t("Find conversations and actions"), icon: "search", act: () => layers.palette() },
        { label: t("Keys"), icon: "keyboard", act: () => layers.keys() },
      ],
    },
    {
      title: t("Theme"),
      items: THEMES.map((name) => ({
        label: themeLabel(name),
        isChecked: name === theme,
        act: () => chooseTheme(name),
      })),
    },
    {
      items: [
        ...links(page.urls),
        { label: t("Log out"), icon: "logOut", act: () => logOut(page.urls.logout, token, outbox) },
      ],
    },
  ]);
}

/** @param {import("../lib/theme.js").Theme} theme */
export function themeLabel(theme) {
  switch (theme) {
    case "light":
      return t("Light");
    case "dark":
      return t("Dark");
    default:
      return t("System theme");
  }
}

/**
 * Pages that this user may open.
 * @param {Record<string, string|null>} urls
 */
export function links(urls) {
  return /** @type {const} */ ([
    [t("Account"), "user", urls.account],
    [t("Administration"), "shield", urls.admin],
  ]).flatMap(([label, icon, href]) => (href ? [{ label, icon, href }] : []));
}

/**
 * Deletes the data of the user in this browser, then leaves.
 * @param {string} url
 * @param {string} token
 * @param {import("../state/outbox.js").Outbox} outbox
 */
export function logOut(url, token, outbox) {
  // Leaving the page would keep the text as a draft.
  /** @type {HTMLTextAreaElement} */ (find("#composer-text")).value = "";
  outbox.clear();
  const field = el("input", { type: "hidden", name: "csrfmiddlewaretoken" });
  field.value = token;
  const form = el("form", { method: "post", action: url, hidden: true }, field);
  document.body.append(form);
  form.submit();
}
