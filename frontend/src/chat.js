/** The entry of the chat page. */

import { App } from "./app.js";
import { find } from "./lib/dom.js";
import { fillIcons } from "./lib/icons.js";
import { whenIdle } from "./lib/idle.js";
import { registerWorker } from "./lib/service-worker.js";

// Reading this file is a task, mounting the page another: between the two the browser paints what came.
setTimeout(() => {
  fillIcons();
  new App(JSON.parse(find("#page").textContent ?? "{}")).start();
  whenIdle(registerWorker);
});
