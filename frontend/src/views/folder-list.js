/** Folders in the list of conversations: heads that open and close, and their rows. */

import { el } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { t } from "../lib/translate.js";
import { marked } from "../lib/visible-text.js";

/**
 * @typedef {import("./sidebar.js").Line} Line
 * @typedef {import("../state/records.js").Folder} Folder
 *
 * @typedef {object} Group a folder as it is drawn
 * @property {Folder} folder
 * @property {boolean} isOpen
 * @property {Line[]} lines
 * @property {boolean} isRunning
 * @property {boolean} isUnread
 *
 * @typedef {object} Acts
 * @property {() => void} make
 * @property {(id: string, isOpen: boolean) => void} open
 * @property {(folder: Folder, button: HTMLElement) => void} menu
 * @property {(line: Line) => HTMLElement} row
 * @property {(kind: string, words: string) => HTMLElement} mark
 */

/**
 * @param {Group[]} groups
 * @param {Acts} acts
 */
export function folderSection(groups, acts) {
  const add = el(
    "button",
    { class: "group-add icon-button", type: "button", "aria-label": t("New folder") },
    icon("add"),
  );
  add.title = t("New folder");
  add.addEventListener("click", acts.make);
  return el(
    "section",
    { class: "group folders", "aria-label": t("Folders") },
    el("div", { class: "group-head" }, el("h2", { class: "group-title" }, t("Folders")), add),
    ...groups.map((group) => folderGroup(group, acts)),
  );
}

/**
 * @param {Group} group
 * @param {Acts} acts
 */
function folderGroup({ folder, isOpen, lines, isRunning, isUnread }, acts) {
  const id = `folder-${folder.id}`;
  const toggle = () => acts.open(folder.id, !isOpen);
  const head = el(
    "button",
    {
      class: "folder-head",
      type: "button",
      "aria-expanded": String(isOpen),
      "aria-controls": isOpen ? id : null,
      onclick: toggle,
    },
    icon(isOpen ? "chevronDown" : "chevronRight"),
    icon("folder"),
    el("span", { class: "row-title", dir: "auto" }, ...marked(folder.name)),
    !isOpen && isRunning && acts.mark("running", t("answering")),
    !isOpen && isUnread && acts.mark("unread", t("new reply")),
  );
  head.addEventListener("keydown", (event) => {
    if (event.key !== (isOpen ? "ArrowLeft" : "ArrowRight")) return;
    event.preventDefault();
    toggle();
  });
  const options = el("button", {
    class: "row-menu icon-button",
    type: "button",
    "aria-haspopup": "menu",
    "aria-expanded": "false",
    "aria-label": t("Options for {title}", { title: folder.name }),
  });
  options.append(icon("more"));
  options.addEventListener("click", () => acts.menu(folder, options));
  return el(
    "div",
    { class: "folder", "data-folder": folder.id },
    el("div", { class: "row", "data-row": id }, head, options),
    isOpen &&
      (lines.length
        ? el("ul", { id }, ...lines.map(acts.row))
        : el("p", { id, class: "folder-empty muted small" }, t("This folder is empty."))),
  );
}
