/** The menu of the user: theme, password, administration, and the way out. */
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
          { label: "Change password", icon: "userKey", href: page.urls.password },
          ...(page.urls.admin
            ? [
                {
                  label: "Administration",
                  icon: /** @type {const} */ ("shield"),
                  href: page.urls.admin,
                },
              ]
            : []),
          { label: "Log out", icon: "logOut", act: () => logOut(page.urls.logout, token, outbox) },
        ],
      },
    ]);
  });
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
