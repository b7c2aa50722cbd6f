/** The menu to choose a model from: under its endpoints, with what its users should know. */
import { toggleMenu } from "./menu.js";
import { byEndpoint } from "./models.js";

/**
 * @param {HTMLElement} button
 * @param {import("./store.js").Store} store
 */
export function toggleModelMenu(button, store) {
  const chosen = store.model;
  const endpoints = byEndpoint(store.models.list);
  const groups = endpoints.map(([endpoint, models]) => ({
    ...(endpoints.length > 1 && { title: endpoint }),
    items: models.map(({ id, label, note }) => ({
      label,
      ...(note && { note }),
      words: `${endpoint} ${id}`,
      isChecked: id === chosen,
      act: () => store.choose(id),
    })),
  }));
  toggleMenu(button, "Model", groups);
}
