/**
 * The service worker: shows the offline page where a page cannot be loaded, and does nothing else.
 *
 * It keeps that page and its files, which are the same for everybody. No other answer is ever
 * stored. The server writes `OFFLINE` above this script (`chat/web_app.py`): a change of the page,
 * its language or its files is a new worker, which replaces this one at once.
 */

/** @type {{version: string, page: string, files: string[]}} */
const { version, page, files } = /** @type {any} */ (self).OFFLINE;

const worker = /** @type {any} */ (self);
const PREFIX = "parley-offline-";
const NAME = PREFIX + version;

worker.addEventListener("install", (/** @type {any} */ event) => {
  worker.skipWaiting();
  event.waitUntil(fill());
});

worker.addEventListener("activate", (/** @type {any} */ event) => {
  event.waitUntil(forgetOthers());
});

worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") {
    // Frames, such as that of a diagram, are no pages.
    if (request.destination === "document") event.respondWith(open(request));
  } else if (files.includes(new URL(request.url).pathname)) event.respondWith(kept(request));
});

async function fill() {
  const cache = await caches.open(NAME);
  await cache.addAll([page, ...files].map((url) => new Request(url, { cache: "reload" })));
}

async function forgetOthers() {
  const names = await caches.keys();
  const others = names.filter((name) => name.startsWith(PREFIX) && name !== NAME);
  await Promise.all(others.map((name) => caches.delete(name)));
}

/**
 * Without the browser's preload: in Firefox that never ends where the server cannot be reached.
 * @param {Request} request
 * @returns {Promise<Response>} the page from the network, else the offline page
 */
async function open(request) {
  try {
    return await fetch(request);
  } catch {
    return kept(page);
  }
}

/**
 * @param {Request|string} request of the offline page, or of one of its files
 * @returns {Promise<Response>}
 */
async function kept(request) {
  const cache = await caches.open(NAME);
  return (await cache.match(request, { ignoreVary: true })) ?? fetch(request);
}
