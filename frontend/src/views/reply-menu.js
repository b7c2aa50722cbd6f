/** The menu of a reply: rare actions, and its facts. */

import { copy } from "../lib/copy.js";
import { t } from "../lib/translate.js";
import { toggleMenu } from "./menu.js";
import { toast } from "./notices.js";

/**
 * @param {HTMLElement} button
 * @param {{facts: string, plain: string}} about `plain` is the text without its marks
 */
export function toggleReplyMenu(button, { facts, plain }) {
  toggleMenu(button, t("Reply"), [
    {
      title: facts,
      items: [
        {
          label: t("Copy as plain text"),
          icon: "text",
          act: async () => {
            const copied = await copy(plain);
            toast(copied ? t("Copied") : t("Copy failed"), { tone: copied ? "quiet" : "danger" });
          },
        },
      ],
    },
  ]);
}
