/** The list of conversations: grouped by day, searched, loaded as it is scrolled. */
import { el, find } from "./dom.js";
import { dayGroup, firstWords } from "./format.js";
import { icon } from "./icons.js";
import { isNew } from "./outbox.js";

/**
 * @typedef {object} Line
 * @property {string} id of the conversation, or the place of one that is not made yet
 * @property {string} title
 * @property {string} updated ISO 8601
 * @property {boolean} running
 * @property {string|null} [source]
 *
 * @typedef {object} Acts
 * @property {(place: string) => void} show
 * @property {(line: Line, button: HTMLElement) => void} menu
 * @property {() => Promise<void>} more
 * @property {(q: string) => Promise<string[]>} search
 */

const REST = 200;

export class Sidebar {
  #store;
  #acts;
  #list = find("#conversations");
  #archive = find("#archive");
  #search = /** @type {HTMLInputElement} */ (find("#search"));
  #more = el("button", { class: "tool text more", type: "button" }, "Show more");
  /** @type {Map<string, HTMLElement>} */
  #rows = new Map();
  /** Ids that match what is searched; null while nothing is. @type {string[]|null} */
  #found = null;
  #isLoading = false;
  #drawn = "";

  /**
   * @param {import("./store.js").Store} store
   * @param {Acts} acts
   */
  constructor(store, acts) {
    this.#store = store;
    this.#acts = acts;
    this.#more.addEventListener("click", () => this.#loadMore());
    this.#archive.addEventListener("click", () => {
      store.library.showArchive(!store.library.isArchive);
      if (this.#found) this.#find();
    });
    new IntersectionObserver(([entry]) => entry?.isIntersecting && this.#loadMore(), {
      root: this.#list,
      rootMargin: "200px",
    }).observe(this.#more);
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    let timer;
    this.#search.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.#find(), REST);
    });
    this.#search.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.#search.value) return;
      event.stopPropagation();
      this.#search.value = "";
      this.#find();
    });
  }

  async #loadMore() {
    if (this.#isLoading || !this.#store.library.next || this.#found) return;
    this.#isLoading = true;
    await this.#acts.more();
    this.#isLoading = false;
    this.update();
  }

  async #find() {
    const q = this.#search.value.trim();
    if (q) {
      try {
        const found = await this.#acts.search(q);
        if (q !== this.#search.value.trim()) return;
        this.#found = found;
      } catch {
        // Without the server, what is loaded is searched.
        const words = q.toLowerCase();
        this.#found = this.#store.library.conversations
          .filter(({ title }) => title.toLowerCase().includes(words))
          .map(({ id }) => id);
      }
    } else {
      this.#found = null;
    }
    this.update();
  }

  update() {
    const groups = this.#groups();
    const { library, place } = this.#store;
    const hasMore = Boolean(library.next) && !this.#found;
    const { isArchive, isListLoaded } = library;
    const drawn = JSON.stringify([groups, place, hasMore, isListLoaded, isArchive]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#archive.setAttribute("aria-pressed", String(isArchive));
    const focused = document.activeElement?.closest("[data-row]")?.getAttribute("data-row");
    const isMenu = document.activeElement?.classList.contains("row-menu");
    this.#rows.clear();
    const parts = groups.map(([title, lines]) => this.#group(title, lines));
    if (!parts.length) parts.push(this.#nothing());
    this.#list.replaceChildren(...parts, ...(hasMore ? [this.#more] : []));
    const row = focused ? this.#rows.get(focused) : null;
    const again = row?.querySelector(isMenu ? ".row-menu" : "a");
    if (again instanceof HTMLElement) again.focus({ preventScroll: true });
  }

  /** @returns {[string, Line[]][]} */
  #groups() {
    const { library, outbox } = this.#store;
    /** @type {Map<string, Line[]>} */
    const groups = new Map();
    /** @param {string} title @param {Line} line */
    const put = (title, line) => groups.set(title, [...(groups.get(title) ?? []), line]);
    if (!this.#found && !library.isArchive) {
      const unsent = new Map(outbox.all().map((entry) => [entry.place, entry]));
      for (const entry of outbox.all().reverse()) {
        if (!isNew(entry.place) || unsent.get(entry.place)?.id !== entry.id) continue;
        const first = outbox.in(entry.place)[0] ?? entry;
        const updated = new Date(entry.created).toISOString();
        const title = firstWords(first.text);
        put("Not sent yet", { id: entry.place, title, updated, running: false });
      }
    }
    const found = this.#found ? new Set(this.#found) : null;
    const now = new Date();
    for (const { id, title, updated, running, source } of library.conversations) {
      if (found && !found.has(id)) continue;
      const line = { id, title: title || "New chat", updated, running, source: source ?? null };
      put(library.isArchive ? "Archived" : dayGroup(updated, now), line);
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
        title: line.title,
      },
      isUnsent && icon("clock"),
      el("span", { class: "row-title", dir: "auto" }, line.title),
      line.source === "api" &&
        el("span", { class: "row-mark", title: "Begun over the API" }, "API"),
      line.running &&
        el("span", { class: "running" }, el("span", { class: "visually-hidden" }, "answering")),
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
        "aria-label": `Options of ${line.title}`,
      });
      button.append(icon("more"));
      button.addEventListener("click", () => this.#acts.menu(line, button));
      row.append(button);
    }
    this.#rows.set(line.id, row);
    return row;
  }

  #nothing() {
    const { isListLoaded, isArchive } = this.#store.library;
    const empty = isArchive ? "Nothing is archived." : "Your conversations will stand here.";
    const text = this.#found ? "No title has these words." : isListLoaded ? empty : "";
    return el("p", { class: "nothing muted small" }, text);
  }
}
