/** Shows a message of the open conversation, wherever it is: on another branch, or far above. */

const WAIT = 50;
const PATIENCE = 200;

/**
 * True once the message is among those that are shown.
 * @param {import("./store.js").Store} store
 * @param {string} id
 * @param {(first: string) => void} draw puts earlier messages above this one
 */
export async function reach(store, id, draw) {
  const { place } = store;
  const isShown = () => store.path.some((message) => message.id === id);
  for (let tries = 0; store.threadState === "loading" && tries < PATIENCE; tries++) {
    await new Promise((resolve) => setTimeout(resolve, WAIT));
  }
  if (isShown()) return true;
  const last = await store.readThrough(id);
  if (!last || store.place !== place) return false;
  if (last !== store.path.at(-1)?.id) store.settings.showLeaf(place, last);
  store.notify();
  while (!isShown() && store.earlier && store.place === place) {
    const before = store.earlier;
    await store.readEarlier(draw);
    if (store.earlier === before) return false;
  }
  return isShown() && store.place === place;
}
