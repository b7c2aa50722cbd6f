/** The menu of models, grouped by endpoint, with the notes for users. */

import { byEndpoint } from "../store/models.js";
import { toggleMenu } from "./menu.js";

/**
 * @param {HTMLElement} button
 * @param {{label: string, models: import("../store/models.js").Model[], chosen: string|null,
 *   choose: (id: string) => void}} choice
 */
export function toggleModelMenu(button, { label, models, chosen, choose }) {
  const endpoints = byEndpoint(models);
  const groups = endpoints.map(([endpoint, offered]) => ({
    ...(endpoints.length > 1 && { title: endpoint }),
    items: offered.map(({ id, label: name, note }) => ({
      label: name,
      ...(note && { note }),
      words: `${endpoint} ${id}`,
      isChecked: id === chosen,
      act: () => choose(id),
    })),
  }));
  toggleMenu(button, label, groups);
}
