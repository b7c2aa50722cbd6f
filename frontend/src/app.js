/** The page: mounts the views on what the server rendered, and moves between conversations. */

import { Acting } from "./acting.js";
import { Api } from "./api.js";
import { Composer } from "./composer.js";
import { ConnectionBar, PATIENCE } from "./connection.js";
import { ConversationMenu } from "./conversationmenu.js";
import { sessionFound, sessionLost } from "./dialog.js";
import { find, setText } from "./dom.js";
import { Drawer } from "./drawer.js";
import { endText, statusText } from "./format.js";
import { announce, toast } from "./notices.js";
import { isNew, NEW } from "./outbox.js";
import { ScrollManager } from "./scroll.js";
import { SettingsPanel } from "./settingspanel.js";
import { Sidebar } from "./sidebar.js";
import { notFound, unreachable, welcome } from "./states.js";
import { browserStorage } from "./storage.js";
import { Store } from "./store.js";
import { followTheme } from "./theme.js";
import { skeleton, ThreadView } from "./thread.js";
import { reaching } from "./transport.js";
import { mountUserMenu } from "./usermenu.js";

export class App {
  #page;
  #store;
  #acting;
  #composer;
  #thread;
  #scroll;
  #sidebar;
  #panel;
  #menu;
  #drawer = new Drawer();
  #bar;
  #isConnected = true;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #patience;
  #isDue = false;
  /** What stands in the thread instead of messages. */
  #state = "";

  /** @param {any} page what the server said about it */
  constructor(page) {
    this.#page = page;
    const token = find("meta[name=csrf-token]").getAttribute("content") ?? "";
    this.#store = new Store({
      page,
      api: new Api(page.urls.api, token),
      storage: browserStorage(),
      connect: reaching(page.urls, token),
      on: {
        changed: () => this.#schedule(),
        reply: (reply, before) => this.#grown(reply, before),
        moved: (from, to) => this.#thread.rename(from, to),
        withdrawn: (entry) => this.#acting.takeBack(entry),
        placed: (place) => {
          history.replaceState({ place }, "", `/c/${place}`);
          this.#panel.moved(place);
        },
        connection: (connection, isReady) => this.#connection(connection, isReady),
        trouble: (text) => toast(text, "danger"),
        loggedOut: () => this.#loggedOut(),
        outdated: () => this.#outdated(),
      },
    });
    this.#composer = new Composer({
      send: (text) => this.#acting.send(text),
      stop: () => this.#acting.stop(),
      draft: (text) => this.#store.outbox.setDraft(this.#store.place, text),
    });
    const scroller = find("#scroller");
    this.#scroll = new ScrollManager(scroller, find("#thread"), find("#jump"));
    this.#acting = new Acting({
      store: this.#store,
      composer: this.#composer,
      scroll: this.#scroll,
      draw: () => this.#update(),
      go: (place) => this.go(place),
    });
    this.#thread = new ThreadView(find("#thread"), scroller, this.#acting.acts);
    this.#acting.thread = this.#thread;
    this.#sidebar = new Sidebar(this.#store, {
      show: (place) => this.go(place),
      menu: (line, button) => this.#menu.toggle(line.id, button),
      more: () => this.#store.library.loadList(),
      search: (q) => this.#store.library.search(q),
    });
    this.#panel = new SettingsPanel({
      change: (place, name, value) => this.#store.settings.change(place, name, value),
      reset: (place) => this.#store.settings.reset(place),
      model: (button) => this.#acting.chooseModel(button),
    });
    this.#menu = new ConversationMenu(this.#store, () => this.go(NEW));
    this.#bar = new ConnectionBar(() => this.#store.wire.connect());
    mountUserMenu(page, token, this.#store.outbox);
    this.#mountControls();
    followTheme();
  }

  start() {
    const place = this.#page.conversation ?? NEW;
    history.replaceState({ place }, "");
    this.#open(place);
    this.#composer.focus(false);
    this.#store.start();
  }

  #mountControls() {
    for (const id of ["#new-chat", "#new-chat-top"]) {
      find(id).addEventListener("click", () => this.go(NEW));
    }
    const model = find("#model");
    model.addEventListener("click", () => this.#acting.chooseModel(model));
    const options = find("#conversation-menu");
    options.addEventListener("click", () => this.#menu.toggle(this.#store.place, options));
    window.addEventListener("popstate", (event) => {
      this.#keep();
      this.#open(event.state?.place ?? placeOf(location.pathname));
    });
    window.addEventListener("pagehide", () => this.#keep());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#store.loadModels();
    });
    window.addEventListener("storage", (event) => {
      if (event.key && !event.key.startsWith("parley:")) return;
      this.#store.outbox.reload();
      this.#schedule();
    });
    find("#composer-text").addEventListener("keydown", (event) => this.#scrollThread(event));
    document.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || !event.shiftKey || event.altKey) return;
      if (event.key.toLowerCase() !== "o") return;
      event.preventDefault();
      this.go(NEW);
    });
  }

  /**
   * The keys that turn pages turn those of the thread, unless the text itself has several.
   * @param {KeyboardEvent} event
   */
  #scrollThread(event) {
    const area = /** @type {HTMLElement} */ (event.target);
    const way = { PageUp: -1, PageDown: 1 }[event.key];
    if (!way || event.shiftKey || area.scrollHeight > area.clientHeight + 2) return;
    event.preventDefault();
    const scroller = find("#scroller");
    scroller.scrollBy(0, way * scroller.clientHeight * 0.85);
  }

  // --- moving ----------------------------------------------------------------------------------

  /**
   * Goes to a conversation, or to a new one.
   * @param {string} place
   */
  go(place) {
    this.#keep();
    if (place !== this.#store.place) {
      history.pushState({ place }, "", isNew(place) ? "/" : `/c/${place}`);
      this.#open(place);
    }
    this.#drawer.close();
    this.#composer.focus(false);
  }

  /** Keeps now what is written and entered. */
  #keep() {
    this.#composer.keep();
    this.#panel.keep();
    this.#thread.keep();
  }

  /** @param {string} place */
  #open(place) {
    this.#state = "";
    this.#store.show(place);
    this.#composer.set(this.#store.outbox.draft(place));
    this.#update();
    this.#scroll.toEnd();
  }

  // --- drawing ---------------------------------------------------------------------------------

  #schedule() {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#update();
    });
  }

  #update() {
    this.#sidebar.update();
    this.#drawThread();
    this.#drawHead();
    this.#drawPanel();
    this.#drawComposer();
  }

  #drawThread() {
    const { threadState } = this.#store;
    const items = this.#store.items();
    const state = threadState !== "ready" ? threadState : items.length ? "messages" : "empty";
    find("#main").classList.toggle("empty", state === "empty");
    if (state === "messages") {
      if (this.#state !== "messages") this.#thread.replace();
      this.#thread.update(items, this.#isConnected);
      if (this.#state !== "messages") this.#scroll.toEnd();
    } else {
      // Models may arrive while the welcome stands there.
      const key = `${state} ${this.#store.models.list.length}`;
      if (key === this.#state) return;
      this.#thread.replace(this.#stateNode(state));
      this.#state = key;
      return;
    }
    this.#state = state;
  }

  /** @param {string} state */
  #stateNode(state) {
    if (state === "loading") return skeleton();
    if (state === "missing") return notFound(() => this.go(NEW));
    if (state === "unreachable") return unreachable(() => this.#store.reload());
    return welcome({
      name: this.#page.user.name,
      help: this.#store.models.list.length ? null : this.#page.model_help,
      suggest: (text) => {
        this.#composer.set(text);
        this.#composer.keep();
        this.#composer.focus();
      },
    });
  }

  #drawHead() {
    const { shown, place, threadState, models, model } = this.#store;
    const title = shown?.title || (threadState === "missing" ? "Not found" : "New chat");
    setText(find("#title"), title);
    document.title = isNew(place) ? "Parley" : `${title} · Parley`;
    find("#conversation-menu").hidden = !shown;
    find("#model").hidden = models.list.length < 2 || threadState === "missing";
    setText(find("#model-label"), models.label(model));
  }

  #drawPanel() {
    const { place, model, models, settings, threadState } = this.#store;
    const isOffered = model === null || Boolean(models.find(model));
    const { problem, refused, isSaving } = settings;
    const kept = isNew(place)
      ? "They go along with the first message."
      : "Saved as you change them.";
    this.#panel.update({
      place,
      isThere: threadState !== "missing",
      settings: settings.of(place),
      model: {
        label: models.label(model) || "No model",
        note: isOffered ? (models.find(model)?.note ?? "") : "It is not offered any more.",
      },
      hint: problem || (isSaving ? "Saving…" : kept),
      isTrouble: Boolean(problem),
      refused: refused?.place === place ? refused : null,
    });
  }

  #drawComposer() {
    const { asking, threadState, models, wire } = this.#store;
    const { stoppable } = asking;
    this.#composer.update({
      canSend: threadState !== "missing" && models.list.length > 0,
      isRunning: stoppable !== null,
      isStopping: stoppable !== null && wire.isStopping(stoppable.id),
    });
  }

  /**
   * @param {import("./reply.js").Reply} reply
   * @param {import("./reply.js").Reply} before
   */
  #grown(reply, before) {
    this.#thread.grow(reply);
    const waits = statusText(reply, Date.now());
    if (waits && reply.reason !== before.reason) announce(waits);
    if (reply.status === before.status && reply.end === before.end) return;
    this.#schedule();
    if (reply.end && !before.end) announce(endText(reply)?.text ?? "The reply is complete.");
    else if (reply.status === "running" && before.status !== "running") {
      announce("The reply begins.");
    }
  }

  /**
   * @param {import("./socket.js").Connection} connection
   * @param {boolean} isReady
   */
  #connection(connection, isReady) {
    this.#bar.show(connection, isReady);
    clearTimeout(this.#patience);
    if (isReady) this.#isConnected = true;
    else {
      this.#patience = setTimeout(() => {
        this.#isConnected = false;
        this.#schedule();
      }, PATIENCE);
    }
    if (connection.state === "logged_out") this.#loggedOut();
    if (isReady) sessionFound();
    find("#fallback").hidden = !this.#store.wire.isFallback;
    this.#schedule();
  }

  // --- acting ----------------------------------------------------------------------------------

  #loggedOut() {
    this.#keep();
    sessionLost({ login: this.#page.urls.login, again: () => this.#store.wire.connect() });
  }

  #outdated() {
    const bar = find("#outdated");
    bar.hidden = false;
    find("button", bar).onclick = () => location.reload();
  }
}

/** @param {string} pathname */
function placeOf(pathname) {
  return /^\/c\/([0-9a-f-]{36})\/?$/.exec(pathname)?.[1] ?? NEW;
}
