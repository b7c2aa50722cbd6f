/** The page: mounts the views on the server's HTML, and moves between conversations. */

import { find, setText } from "./lib/dom.js";
import { followTheme } from "./lib/theme.js";
import { t } from "./lib/translate.js";
import { loadMarkdown } from "./markdown/markdown-text.js";
import { Api } from "./protocol/api.js";
import { reaching } from "./protocol/transport.js";
import { isNew, NEW } from "./state/outbox.js";
import { browserStorage } from "./store/storage.js";
import { Store } from "./store/store.js";
import { Actions } from "./views/actions.js";
import { Composer } from "./views/composer.js";
import { ConnectionBar, PATIENCE } from "./views/connection.js";
import { Drawer } from "./views/drawer.js";
import { Earlier } from "./views/earlier-messages.js";
import { notFound, unreachable, welcome } from "./views/empty-states.js";
import { endText, statusText } from "./views/format.js";
import { Head } from "./views/head.js";
import { Layers } from "./views/layers.js";
import { over, prepare } from "./views/load-overlays.js";
import { announce, toast } from "./views/notices.js";
import { listenToKeys } from "./views/page-keys.js";
import { ReadingPlaces } from "./views/reading-places.js";
import { ScrollManager } from "./views/scroll.js";
import { SettingsOpener } from "./views/settings-opener.js";
import { Sidebar } from "./views/sidebar.js";
import { Starters } from "./views/starters.js";
import { skeleton, ThreadView } from "./views/thread.js";

export class App {
  #page;
  #store;
  #actions;
  #composer;
  #thread;
  #earlier;
  #scroll;
  #sidebar;
  #panel;
  #layers;
  #places;
  #isLoggedOut = false;
  #head = new Head();
  #starters;
  #drawer = new Drawer();
  #bar;
  #isConnected = true;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #patience;
  #isDue = false;
  /** The content of a thread without messages. */
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
        withdrawn: (entry) => this.#actions.takeBack(entry),
        placed: (place) => {
          history.replaceState({ place }, "", `/c/${place}`);
          this.#panel.moved(place);
        },
        connection: (connection, isReady) => this.#connection(connection, isReady),
        trouble: (text) => toast(text, { tone: "danger" }),
        loggedOut: () => this.#loggedOut(),
        outdated: () => this.#outdated(),
      },
    });
    this.#composer = new Composer({
      send: (text) => this.#actions.send(text),
      stop: () => this.#actions.stop(),
      draft: (text) => this.#store.outbox.setDraft(this.#store.place, text),
    });
    const scroller = find("#scroller");
    this.#scroll = new ScrollManager(scroller, find("#thread"), find("#jump"));
    this.#actions = new Actions({
      store: this.#store,
      composer: this.#composer,
      scroll: this.#scroll,
      draw: () => this.#update(),
      go: (place) => this.go(place),
    });
    this.#thread = new ThreadView(find("#thread"), scroller, this.#actions.acts);
    this.#actions.thread = this.#thread;
    this.#places = new ReadingPlaces(scroller, this.#scroll, this.#thread);
    const readEarlier = () => this.#store.readEarlier(this.#drawAbove);
    this.#earlier = new Earlier(find("#thread"), scroller, readEarlier);
    this.#sidebar = new Sidebar(this.#store, {
      show: (place) => this.go(place),
      menu: (line, button) => this.#layers.conversationMenu(line.id, button),
      more: () => this.#store.library.loadList(),
      newFolder: () => this.#layers.newFolder(),
      folderMenu: (folder, button) => this.#layers.folderMenu(folder, button),
      move: (id, folder) => this.#layers.move(id, folder),
      match: (...found) => this.#layers.match(...found),
    });
    this.#layers = new Layers({
      store: this.#store,
      page,
      token,
      actions: this.#actions,
      thread: this.#thread,
      scroll: this.#scroll,
      drawAbove: this.#drawAbove,
      go: (place) => this.go(place),
      archived: () => this.#sidebar.toggleArchive(),
    });
    this.#starters = new Starters((text) => {
      this.#composer.set(text);
      this.#composer.keep();
      this.#composer.focus();
    });
    this.#panel = new SettingsOpener({
      change: (place, name, value) => this.#store.settings.change(place, name, value),
      reset: (place) => this.#store.settings.reset(place),
      model: (button) => this.#actions.chooseModel(button),
    });
    this.#bar = new ConnectionBar(() => this.#store.client.connect());
    this.#mountControls();
    followTheme();
  }

  start() {
    const place = this.#page.conversation ?? NEW;
    history.replaceState({ place }, "");
    this.#open(place);
    this.#composer.focus(false);
    this.#store.start();
    prepare();
    loadMarkdown();
  }

  #mountControls() {
    for (const id of ["#new-chat", "#new-chat-top"]) {
      find(id).addEventListener("click", () => this.go(NEW));
    }
    find("button", find("#archived")).addEventListener("click", () => {
      this.#actions.archive(this.#store.place, false);
    });
    const model = find("#model");
    model.addEventListener("click", () => this.#actions.chooseModel(model));
    const options = find("#conversation-menu");
    options.addEventListener("click", () => {
      this.#layers.conversationMenu(this.#store.place, options);
    });
    find("#temporary-switch").addEventListener("click", () => {
      this.#store.setTemporary(!this.#store.isTemporary);
      this.#composer.focus(false);
    });
    const user = find("#user");
    user.addEventListener("click", () => this.#layers.userMenu(user));
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
    listenToKeys({
      newChat: () => this.go(NEW),
      palette: () => this.#layers.palette(),
      keys: () => this.#layers.keys(),
      stop: () => this.#actions.stop(),
      editLast: () => this.#actions.editLast(),
    });
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
    if (this.#state === "messages") this.#places.note(this.#store.place);
  }

  /** @param {string} place */
  #open(place) {
    this.#state = "";
    this.#layers.leave(place);
    this.#store.show(place);
    this.#composer.set(this.#store.outbox.draft(place));
    this.#scroll.toEnd();
    this.#update();
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
    this.#drawEarlier();
    this.#head.update(this.#store);
    this.#drawPanel();
    this.#drawComposer();
  }

  #drawThread() {
    const { threadState } = this.#store;
    const items = this.#store.items();
    const state = threadState !== "ready" ? threadState : items.length ? "messages" : "empty";
    const isFirst = state === "messages" && this.#state.startsWith("empty");
    this.#starters.update(state === "empty", this.#store.models.list.length > 0, isFirst);
    if (state === "messages") {
      if (this.#state !== "messages") this.#thread.replace();
      this.#thread.update(items, this.#isConnected);
      if (this.#state !== "messages") this.#places.arrive(this.#store.place);
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

  /** Draws earlier messages, above the one that was first, without moving the visible text. */
  #drawAbove = (/** @type {string} */ first) => {
    const before = this.#thread.top(first);
    this.#drawThread();
    const after = this.#thread.top(first);
    if (before !== null && after !== null) this.#scroll.keep(after - before);
    this.#drawEarlier();
    this.#earlier.again();
  };

  #drawEarlier() {
    this.#earlier.update(this.#state === "messages" && this.#store.earlier !== null);
  }

  /** @param {string} state */
  #stateNode(state) {
    if (state === "loading") return skeleton();
    if (state === "missing") return notFound(() => this.go(NEW));
    if (state === "unreachable") return unreachable(() => this.#store.reload());
    return welcome({
      name: this.#page.user.name,
      help: this.#store.models.list.length ? null : this.#page.model_help,
      again: () => this.#store.loadModels(false),
    });
  }

  #drawPanel() {
    const { place, model, models, settings, threadState } = this.#store;
    const isOffered = model === null || Boolean(models.find(model));
    const { problem, refused, isSaving } = settings;
    const kept = isNew(place)
      ? t("Sent with the first message.")
      : t("Changes are saved automatically.");
    this.#panel.update({
      place,
      isThere: threadState !== "missing",
      settings: settings.of(place),
      model: {
        label: models.label(model) || t("No model"),
        note: isOffered ? (models.find(model)?.note ?? "") : t("No longer offered."),
      },
      hint: problem || (isSaving ? t("Saving…") : kept),
      isTrouble: Boolean(problem),
      refused: refused?.place === place ? refused : null,
    });
  }

  #drawComposer() {
    const { commands, threadState, models, model, client } = this.#store;
    find("#model").hidden = models.list.length < 2 || threadState === "missing";
    setText(find("#model-label"), models.label(model));
    const { stoppable } = commands;
    this.#composer.update({
      canSend: threadState !== "missing" && models.list.length > 0,
      isRunning: stoppable !== null,
      isStopping: stoppable !== null && client.isStopping(stoppable.id),
      most: commands.sendBytes,
    });
  }

  /**
   * @param {import("./state/reply.js").Reply} reply
   * @param {import("./state/reply.js").Reply} before
   */
  #grown(reply, before) {
    this.#thread.grow(reply);
    if (reply.length > before.length) this.#scroll.grew();
    const waits = statusText(reply, Date.now());
    if (waits && reply.reason !== before.reason) announce(waits);
    if (reply.status === before.status && reply.end === before.end) return;
    this.#schedule();
    if (reply.end && !before.end) announce(endText(reply)?.text ?? t("The reply is complete."));
    else if (reply.status === "running" && before.status !== "running") {
      announce(t("The reply has started."));
    }
  }

  /**
   * @param {import("./store/store.js").Connection} connection
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
    if (isReady) this.#loggedIn();
    find("#fallback").hidden = !this.#store.client.isFallback;
    this.#schedule();
  }

  // --- acting ----------------------------------------------------------------------------------

  #loggedOut() {
    this.#keep();
    this.#isLoggedOut = true;
    over(({ sessionLost }) => {
      if (!this.#isLoggedOut) return;
      sessionLost({ login: this.#page.urls.login, again: () => this.#store.client.connect() });
    });
  }

  #loggedIn() {
    this.#isLoggedOut = false;
    const dialog = document.querySelector("#session-lost");
    if (dialog instanceof HTMLDialogElement) dialog.close("found");
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
