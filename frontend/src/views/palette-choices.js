/** The actions, models and pages that the palette offers. */

import { chooseTheme, chosenTheme, THEMES } from "../lib/theme.js";
import { t } from "../lib/translate.js";
import { isNew, NEW } from "../state/outbox.js";
import { links, logOut, themeLabel } from "./user-menu.js";

/**
 * @typedef {import("./palette.js").Choice} Choice
 *
 * @typedef {object} Parts
 * @property {import("../store/store.js").Store} store
 * @property {any} page what the server said about it
 * @property {string} token against cross-site request forgery
 * @property {import("./conversation-menu.js").ConversationMenu} menu
 * @property {(place: string) => void} go
 * @property {() => void} stop
 * @property {() => void} archived shows the archived conversations
 * @property {() => void} newFolder
 * @property {() => void} keys shows the list of keys
 */

/**
 * @param {Parts} parts
 * @returns {Choice[]}
 */
export function actionChoices({ store, page, token, menu, go, stop, archived, newFolder, keys }) {
  const { place } = store;
  const isStored = !isNew(place) && store.threadState === "ready";
  const theme = chosenTheme();
  return [
    { label: t("New chat"), icon: "plus", key: "newChat", act: () => go(NEW) },
    ...(store.mayBeTemporary
      ? [
          /** @type {Choice} */ ({
            label: t("Temporary chat"),
            icon: "temporary",
            act: () => {
              go(NEW);
              store.setTemporary(true);
            },
          }),
        ]
      : []),
    ...(store.commands.stoppable
      ? [
          /** @type {Choice} */ ({
            label: t("Stop the reply"),
            icon: "stop",
            key: "stop",
            act: stop,
          }),
        ]
      : []),
    ...(isStored ? menu.items(place) : []),
    { label: t("New folder"), icon: "folder", act: newFolder },
    { label: t("Archived conversations"), icon: "archive", act: archived },
    { label: t("Show the keys"), icon: "keyboard", key: "keys", act: keys },
    ...THEMES.map((name) => ({
      label: t("Theme: {name}", { name: themeLabel(name) }),
      isChecked: name === theme,
      act: () => chooseTheme(name),
    })),
    ...links(page.urls),
    {
      label: t("Log out"),
      icon: "logOut",
      act: () => logOut(page.urls.logout, token, store.outbox),
    },
  ];
}

/**
 * @param {import("../store/store.js").Store} store
 * @returns {Choice[]}
 */
export function modelChoices(store) {
  return store.models.list.map(({ id, label, endpoint }) => ({
    label,
    words: `${endpoint} ${id} ${t("Model")}`,
    isForeign: true,
    isChecked: id === store.model,
    act: () => store.choose(id),
  }));
}
