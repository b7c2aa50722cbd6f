/** The menu of the user: theme, account, administration, and the way out. */
import { el, find } from "./dom.js";
import { toggleMenu } from "./menu.js";
import { chooseTheme, chosenTheme } from "./theme.js";

/**
 * @param {any} page
 * @param {string} token
 * @param {import("./outbox.js").Outbox} outbox
 */
export function mountUserMenu(page, token, outbox) {
  const button = find("#user");
  button.addEventListener("click", () => {
    const theme = chosenTheme();
    toggleMenu(button, "Account", [
      {
        title: "Theme",
        items: /** @type {const} */ (["system", "light", "dark"]).map((name) => ({
          label: { system: "As the system", light: "Light", dark: "Dark" }[name],
          isChecked: name === theme,
          act: () => chooseTheme(name),
        })),
      },
      {
        title: "Account",
        items: [
          ...links(page.urls),
          { label: "Log out", icon: "logOut", act: () => logOut(page.urls.logout, token, outbox) },
        ],
      },
    ]);
  });
}

/**
 * What this user may go to.
 * @param {Record<string, string|null>} urls
 */
function links(urls) {
  return /** @type {const} */ ([
    ["Change password", "userKey", urls.password],
    ["API tokens", "terminal", urls.tokens],
    ["Administration", "shield", urls.admin],
  ]).flatMap(([label, icon, href]) => (href ? [{ label, icon, href }] : []));
}

/**
 * Forgets what this browser kept for the user, then leaves.
 * @param {string} url
 * @param {string} token
 * @param {import("./outbox.js").Outbox} outbox
 */
function logOut(url, token, outbox) {
  // Else leaving the page would keep it as a draft.
  /** @type {HTMLTextAreaElement} */ (find("#composer-text")).value = "";
  outbox.clear();
  const field = el("input", { type: "hidden", name: "csrfmiddlewaretoken" });
  field.value = token;
  const form = el("form", { method: "post", action: url, hidden: true }, field);
  document.body.append(form);
  form.submit();
}
