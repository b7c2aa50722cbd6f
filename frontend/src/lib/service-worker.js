/** The service worker of the offline page: its registration, and its removal at log-out. */

/** Registers it, where the browser has any: not over plain HTTP, nor in some private windows. */
export async function registerWorker() {
  try {
    await navigator.serviceWorker?.register("/service-worker.js", { updateViaCache: "none" });
  } catch {
    // The page works without it.
  }
}

/** Removes it and its files: a browser that is left keeps nothing of Parley. */
export async function removeWorker() {
  try {
    const [registration, names] = await Promise.all([
      navigator.serviceWorker?.getRegistration("/"),
      window.caches?.keys() ?? [],
    ]);
    const ours = names.filter((name) => name.startsWith("parley-"));
    await Promise.all([registration?.unregister(), ...ours.map((name) => caches.delete(name))]);
  } catch {
    // Nothing was kept, then.
  }
}
