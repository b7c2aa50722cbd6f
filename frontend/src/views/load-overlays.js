/** Opens overlays, which are loaded later. */

import { lazily } from "../lib/lazily.js";
import { Retry } from "../lib/retry.js";
import { t } from "../lib/translate.js";
import { toast } from "./notices.js";

/** The overlays, once they are loaded. */
export const overlays = lazily(() => import("./overlays.js"));
const loading = new Retry(overlays);

/** Loads the overlays in advance. */
export function prepare() {
  loading.now();
}

/**
 * @param {(parts: typeof import("./overlays.js")) => void} open
 */
export async function over(open) {
  try {
    open(await overlays());
  } catch (problem) {
    console.warn("parley: not loaded", problem);
    loading.now();
    toast(t("This part of the page could not be loaded."), {
      tone: "danger",
      action: { label: t("Try again"), act: () => over(open) },
    });
  }
}
