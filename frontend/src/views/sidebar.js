/** The list of conversations: grouped by day, searched, loaded as it is scrolled. */

import { markedText } from "../lib/bidi.js";
import { el, find, setText } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { t } from "../lib/translate.js";
import { marked } from "../lib/visible-text.js";
import { isNew } from "../state/outbox.js";
import { titleOf } from "../state/titles.js";
import { Search } from "../store/search.js";
import { browserStorage } from "../store/storage.js";
import { Unread } from "../store/unread.js";
import { dayGroup } from "./days.js";
import { dragRows } from "./dragging.js";
import { folderSection } from "./folder-list.js";
import { shownTitle } from "./format.js";
import { overlays } from "./load-overlays.js";
import { Roving } from "./roving.js";

/**
 * @typedef {object} Line
 * @property {string} id of the conversation, or the place of one that is not made yet
 * @property {string} title
 * @property {string} updated ISO 8601
 * @property {boolean} running
 * @property {string|null} [source]
 * @property {boolean} [isArchived] that is said where it stands among others
 *
 * @typedef {object} Acts
 * @property {(place: string) => void} show
 * @property {(line: Line, button: HTMLElement) => void} menu
 * @property {() => Promise<void>} more
 * @property {() => void} newFolder
 * @property {(folder: import("../state/records.js").Folder, button: HTMLElement) => void} folderMenu
 * @property {(id: string, folder: string) => void} move a conversation, into a folder or "none"
 * @property {(place: string, q: string, message: string|null) => void} match shows a found message
 */

const REST = 200;

export class Sidebar {
  #store;
  #acts;
  #list = find("#conversations");
  #archive = find("#archive");
  #field = /** @type {HTMLInputElement} */ (find("#search"));
  #note = find("#search-note");
  #search;
  #unread;
  #more = el("button", { class: "tool text more", type: "button" }, t("Show more"));
  #roving = new Roving(this.#list, this.#field);
  #isLoading = false;
  #observer;
  /** Draws results, once it was loaded. @type {typeof import("./search-results.js").resultList|null} */
  #resultList = null;
  #drawn = "";

  /**
   * @param {import("../store/store.js").Store} store
   * @param {Acts} acts
   */
  constructor(store, acts) {
    this.#store = store;
    this.#acts = acts;
    this.#unread = new Unread(browserStorage(), store.outbox.key("seen"));
    this.#more.addEventListener("click", () => this.#loadMore());
    this.#search = new Search({
      ask: async (q, before) => {
        const [answer, views] = await Promise.all([store.library.search(q, before), overlays()]);
        this.#resultList = views.resultList;
        return answer;
      },
      known: () => store.library.all,
      changed: () => this.update(),
    });
    this.#archive.addEventListener("click", () => {
      this.toggleArchive();
      this.#field.focus();
    });
    find("button", this.#note).addEventListener("click", () => this.#search.again());
    this.#observer = new IntersectionObserver(
      ([entry]) => entry?.isIntersecting && this.#loadMore(),
      { root: this.#list, rootMargin: "200px" },
    );
    this.#observer.observe(this.#more);
    dragRows(this.#list, acts.move);
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    let timer;
    const look = () => {
      clearTimeout(timer);
      this.#search.look(this.#field.value.trim());
    };
    this.#field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(look, REST);
    });
    this.#field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") look();
      if (event.key === "ArrowDown") {
        const first = this.#list.querySelector("a, button");
        if (first instanceof HTMLElement) first.focus();
        event.preventDefault();
      }
      if (event.key !== "Escape" || !this.#field.value) return;
      event.stopPropagation();
      this.#field.value = "";
      look();
    });
  }

  /** Shows what is archived, or the rest again. */
  toggleArchive() {
    const { library } = this.#store;
    // A search covers both.
    this.#field.value = "";
    this.#search.look("");
    library.showArchive(!library.isArchive);
  }

  async #loadMore() {
    if (this.#search.results) return this.#search.more();
    if (this.#isLoading || !this.#store.library.next || this.#search.found) return;
    this.#isLoading = true;
    await this.#acts.more();
    this.#isLoading = false;
    this.update();
    // A page of conversations that stand elsewhere moves nothing: the end is still in view.
    this.#observer.unobserve(this.#more);
    this.#observer.observe(this.#more);
  }

  update() {
    const unread = this.#unread.look(this.#store.library.all, this.#store.place);
    const folders = this.#folders();
    const groups = this.#groups();
    const { library, place } = this.#store;
    const { found, note, isTrouble } = this.#search;
    const { results, next } = this.#search;
    const hasMore = found ? Boolean(next) : Boolean(library.next);
    const { isArchive, isListLoaded, isListMissing } = library;
    const facts = [place, hasMore, isListLoaded, isListMissing, isArchive, note, results];
    const drawn = JSON.stringify([groups, folders, ...facts, ...unread]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#archive.hidden = !isArchive;
    this.#note.hidden = !note;
    setText(find("span", this.#note), note);
    find("button", this.#note).hidden = !isTrouble;
    const held = this.#roving.hold();
    const parts = results ? this.#results(results) : groups.map((one) => this.#group(...one));
    if (folders) {
      const isPinned = groups[0]?.[0] === t("Pinned");
      parts.splice(isPinned ? 1 : 0, 0, folderSection(folders, this.#folderActs));
    }
    if (!parts.length) parts.push(this.#nothing());
    this.#list.replaceChildren(...parts, ...(hasMore ? [this.#more] : []));
    this.#roving.drawn(held);
  }

  /** @param {import("../store/search.js").Result[]} results */
  #results(results) {
    if (!results.length || !this.#resultList) return [];
    const q = this.#field.value.trim();
    const show = this.#resultList(results, this.#store.place, (result, message) =>
      this.#acts.match(result.conversation, q, message),
    );
    return [show];
  }

  /**
   * The folders with their conversations; null where the list is of something else.
   * @returns {import("./folder-list.js").Group[]|null}
   */
  #folders() {
    const { library, folders } = this.#store;
    if (this.#search.found || this.#search.results || library.isArchive) return null;
    const { all } = folders;
    if (!all.length && !library.conversations.length) return null;
    /** @type {Map<string, import("../state/records.js").Conversation[]>} */
    const inside = new Map(all.map(({ id }) => [id, []]));
    for (const one of library.conversations) {
      if (!one.pinned) inside.get(one.folder ?? "")?.push(one);
    }
    return all.map((folder) => {
      const own = inside.get(folder.id) ?? [];
      return {
        folder,
        isOpen: folders.isOpen(folder.id),
        lines: own.map(lineOf),
        isRunning: own.some(({ running }) => running),
        isUnread: own.some(({ id }) => this.#unread.has(id)),
      };
    });
  }

  /** @param {import("../state/records.js").Conversation} conversation */
  #isFoldered({ folder }) {
    return folder !== null && this.#store.library.folders.has(folder);
  }

  /** @type {import("./folder-list.js").Acts} */
  get #folderActs() {
    const { folders } = this.#store;
    return {
      make: () => this.#acts.newFolder(),
      open: (id, isOpen) => {
        folders.setOpen(id, isOpen);
        this.update();
      },
      menu: (folder, button) => this.#acts.folderMenu(folder, button),
      row: (line) => this.#row(line),
      mark,
    };
  }

  /** @returns {[string, Line[]][]} */
  #groups() {
    const { library, outbox } = this.#store;
    /** @type {Map<string, Line[]>} */
    const groups = new Map();
    /** @param {string} title @param {Line} line */
    const put = (title, line) => groups.set(title, [...(groups.get(title) ?? []), line]);
    const { found } = this.#search;
    const isPlain = !found && !library.isArchive;
    if (isPlain) for (const one of library.pinned) put(t("Pinned"), lineOf(one));
    if (isPlain) {
      const unsent = new Map(outbox.all().map((entry) => [entry.place, entry]));
      for (const entry of outbox.all().reverse()) {
        if (!isNew(entry.place) || unsent.get(entry.place)?.id !== entry.id) continue;
        const first = outbox.in(entry.place)[0] ?? entry;
        const updated = new Date(entry.created).toISOString();
        const title = shownTitle(titleOf(first.text));
        put(t("Not sent yet"), { id: entry.place, title, updated, running: false });
      }
    }
    const now = new Date();
    for (const one of found ? library.all : library.conversations) {
      if (found && !found.has(one.id)) continue;
      if (isPlain && (one.pinned || this.#isFoldered(one))) continue;
      const line = { ...lineOf(one), isArchived: (one.archived ?? false) && found !== null };
      put(library.isArchive && !found ? t("Archived") : dayGroup(one.updated, now), line);
    }
    // Times that differ between browser and server must not shuffle the groups.
    return [...groups];
  }

  /**
   * @param {string} title
   * @param {Line[]} lines
   */
  #group(title, lines) {
    return el(
      "section",
      { class: "group", "aria-label": title },
      el("h2", { class: "group-title" }, title),
      el("ul", {}, ...lines.map((line) => this.#row(line))),
    );
  }

  /** @param {Line} line */
  #row(line) {
    const isShown = line.id === this.#store.place;
    const isUnsent = isNew(line.id);
    const link = el(
      "a",
      {
        href: isUnsent ? "/" : `/c/${line.id}`,
        "aria-current": isShown ? "page" : null,
        title: markedText(line.title),
      },
      isUnsent && icon("clock"),
      el("span", { class: "row-title", dir: "auto" }, ...marked(line.title)),
      line.source === "api" &&
        el("span", { class: "row-mark", title: t("Started through the API") }, "API"),
      line.isArchived && el("span", { class: "row-mark" }, t("Archived")),
      line.running && mark("running", t("answering")),
      this.#unread.has(line.id) && mark("unread", t("new reply")),
    );
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.#acts.show(line.id);
    });
    const row = el("li", { class: "row", "data-row": line.id }, link);
    if (!isUnsent) {
      const button = el("button", {
        class: "row-menu icon-button",
        type: "button",
        "aria-haspopup": "menu",
        "aria-expanded": "false",
        "aria-label": t("Options for {title}", { title: line.title }),
      });
      button.append(icon("more"));
      button.addEventListener("click", () => this.#acts.menu(line, button));
      row.append(button);
    }
    return row;
  }

  #nothing() {
    const { library } = this.#store;
    const classes = { class: "nothing muted small" };
    if (this.#search.found) return el("p", classes);
    if (library.isListLoaded) {
      if (library.isArchive) return el("p", classes, t("No archived conversations."));
      if (!library.all.some(({ archived }) => archived))
        return el("p", classes, t("No conversations yet."));
      const show = el("button", { class: "tool text", type: "button" }, t("Show archived"));
      show.addEventListener("click", () => this.toggleArchive());
      return el("p", classes, t("All conversations are archived."), " ", show);
    }
    if (!library.isListMissing) return el("p", classes);
    const again = el("button", { class: "tool text", type: "button" }, t("Try again"));
    again.addEventListener("click", () => library.loadList());
    return el("p", classes, t("The list could not be loaded."), " ", again);
  }
}

/**
 * @param {string} kind
 * @param {string} words
 */
const mark = (kind, words) =>
  el("span", { class: kind, title: words }, el("span", { class: "visually-hidden" }, words));

/**
 * @param {import("../state/records.js").Conversation} conversation
 * @returns {Line}
 */
const lineOf = ({ id, title, updated, running, source = null }) => ({
  ...{ id, title: shownTitle(title), updated, running, source },
});
