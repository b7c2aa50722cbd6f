/** The entry of the chat page. */

import { App } from "./app.js";
import { find } from "./lib/dom.js";
import { fillIcons } from "./lib/icons.js";
import { whenIdle } from "./lib/idle.js";
import { registerWorker } from "./lib/service-worker.js";

// Parsing this file is one task, mounting the page another: the browser paints the HTML between them.
setTimeout(() => {
  fillIcons();
  new App(JSON.parse(find("#page").textContent ?? "{}")).start();
  whenIdle(registerWorker);
});
