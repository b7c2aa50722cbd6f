/** Dragging of conversations in the list: onto a folder, or out of one. */

const KIND = "application/x-parley-conversation";

/**
 * Lets rows be dragged within the list. A screen that is touched has the menu for that.
 * @param {HTMLElement} list
 * @param {(id: string, folder: string) => void} move a conversation, into a folder or "none"
 */
export function dragRows(list, move) {
  list.addEventListener("dragstart", ({ target, dataTransfer }) => {
    const row = target instanceof Element ? target.closest("li[data-row]") : null;
    const id = row?.getAttribute("data-row");
    if (!id || !dataTransfer) return;
    dataTransfer.setData(KIND, id);
    dataTransfer.effectAllowed = "copyMove";
    list.classList.add("dragging");
  });
  list.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes(KIND)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "move";
    show(folderAt(event.target));
  });
  list.addEventListener("dragleave", ({ relatedTarget }) => {
    if (!(relatedTarget instanceof Node && list.contains(relatedTarget))) show(null);
  });
  list.addEventListener("drop", (event) => {
    const id = event.dataTransfer?.getData(KIND);
    if (!id) return;
    event.preventDefault();
    const folder = folderAt(event.target);
    end();
    move(id, folder?.getAttribute("data-folder") ?? "none");
  });
  list.addEventListener("dragend", end);

  /** @param {Element|null} folder that would take it */
  function show(folder) {
    for (const one of list.querySelectorAll(".folder")) {
      one.classList.toggle("target", one === folder);
    }
  }

  function end() {
    show(null);
    list.classList.remove("dragging");
  }
}

/** @param {EventTarget|null} target */
const folderAt = (target) => (target instanceof Element ? target.closest("[data-folder]") : null);
