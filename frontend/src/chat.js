/** The entry of the chat page. */
import { App } from "./app.js";
import { find } from "./dom.js";
import { fillIcons } from "./icons.js";

fillIcons();
new App(JSON.parse(find("#page").textContent ?? "{}")).start();
