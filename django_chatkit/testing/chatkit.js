/* A stand-in for OpenAI's web component, served by the emulator: the same element, methods and events, talking to the
   emulator that served this file. Plain script, no build. All text goes in through textContent, all style through a
   constructable sheet, so it works under `script-src 'self' <emulator>; style-src 'self'; connect-src <emulator>`.

   Read from this file's address: ?renew=SECONDS, how long before its expiry a client secret is renewed (default 30). */
(() => {
  "use strict";

  const HERE = new URL(document.currentScript.src);
  const ENDPOINT = `${HERE.origin}/v1/chatkit/conversation`;
  const RENEW_BEFORE = Number(HERE.searchParams.get("renew") ?? 30);
  const PAGE = 50;

  const STYLE = `
    :host { display: block; block-size: 100%; min-block-size: 22rem; }
    :host([hidden]) { display: none; }
    * { box-sizing: border-box; }
    .chat {
      --ground: #fff; --raised: #f4f4f6; --ink: #1b1b1f; --soft: #5d5d68; --line: #e3e3e8; --accent: #2f5bd7;
      --on-accent: #fff; --mine: #e6ecfc; --alarm: #a4262c; --alarm-ground: #fdf0f0;
      position: relative; display: flex; flex-direction: column; block-size: 100%; overflow: hidden;
      background: var(--ground); color: var(--ink); font: 400 1rem/1.5 system-ui, sans-serif; color-scheme: light;
    }
    .chat[data-theme="dark"] {
      --ground: #17171a; --raised: #232328; --ink: #ececf1; --soft: #a6a6b3; --line: #35353d; --accent: #8ba8ff;
      --on-accent: #10131f; --mine: #2a3454; --alarm: #ffb3b5; --alarm-ground: #3a2022; color-scheme: dark;
    }
    @media (prefers-color-scheme: dark) {
      .chat:not([data-theme="light"]) {
        --ground: #17171a; --raised: #232328; --ink: #ececf1; --soft: #a6a6b3; --line: #35353d; --accent: #8ba8ff;
        --on-accent: #10131f; --mine: #2a3454; --alarm: #ffb3b5; --alarm-ground: #3a2022; color-scheme: dark;
      }
    }
    button { font: inherit; color: inherit; background: none; border: 0; border-radius: .6rem; cursor: pointer;
      padding: .45rem .7rem; }
    button:hover:not(:disabled) { background: var(--raised); }
    button:disabled { opacity: .5; cursor: default; }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
    header { display: flex; align-items: center; gap: .25rem; padding: .5rem; border-block-end: 1px solid var(--line); }
    header h2 { flex: 1; min-inline-size: 0; margin: 0; font-size: 1rem; font-weight: 600; text-align: center;
      overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
    header button { white-space: nowrap; font-size: .9rem; }
    .log { flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 1.25rem 1rem; scrollbar-width: thin; }
    .column { max-inline-size: 44rem; margin-inline: auto; display: flex; flex-direction: column; gap: 1rem; }
    .item { max-inline-size: 100%; overflow-wrap: anywhere; white-space: pre-wrap; }
    .user_message { align-self: flex-end; max-inline-size: 85%; background: var(--mine); padding: .55rem .9rem;
      border-radius: 1.1rem; border-end-end-radius: .3rem; }
    .assistant_message { align-self: flex-start; }
    .quote { display: block; border-inline-start: 3px solid var(--accent); padding-inline-start: .6rem;
      color: var(--soft); font-size: .9rem; }
    .note, .sources { color: var(--soft); font-size: .875rem; white-space: normal; }
    .sources { display: flex; flex-wrap: wrap; gap: .4rem; margin-block-start: .5rem; }
    .sources span { border: 1px solid var(--line); border-radius: 1rem; padding: .1rem .6rem; }
    .card { align-self: flex-start; inline-size: min(100%, 26rem); border: 1px solid var(--line); border-radius: .9rem;
      padding: 1rem; display: grid; gap: .6rem; white-space: normal; background: var(--ground); }
    .card strong { font-size: 1.05rem; }
    .primary { background: var(--accent); color: var(--on-accent); font-weight: 600; }
    .primary:hover:not(:disabled) { background: var(--accent); filter: brightness(1.08); }
    .card .primary { justify-self: start; }
    ol.tasks { margin: 0; padding: 0; list-style: none; display: grid; gap: .35rem; white-space: normal; }
    ol.tasks li { display: flex; gap: .6rem; }
    ol.tasks li::before { content: "✓"; color: var(--accent); }
    .start { margin-block-start: 12vh; text-align: center; }
    .start h3 { font-size: 1.5rem; font-weight: 600; margin: 0 0 1.25rem; }
    .prompts { display: flex; flex-wrap: wrap; gap: .6rem; justify-content: center; }
    .prompts button { border: 1px solid var(--line); border-radius: 1.2rem; }
    .progress { color: var(--soft); font-size: .9rem; min-block-size: 1.4rem; padding-inline: 1rem; text-align: center; }
    .error { margin: 0 1rem .75rem; padding: .6rem .9rem; border-radius: .7rem; background: var(--alarm-ground);
      color: var(--alarm); display: flex; align-items: center; gap: .75rem; }
    .error span { flex: 1; overflow-wrap: anywhere; }
    .error button { border: 1px solid currentColor; }
    form { display: flex; align-items: flex-end; gap: .5rem; max-inline-size: 46rem; inline-size: 100%;
      margin-inline: auto; padding: 0 1rem 1rem; }
    textarea { flex: 1; min-inline-size: 0; font: inherit; color: inherit; background: var(--raised); resize: none;
      border: 1px solid var(--line); border-radius: 1.2rem; padding: .6rem 1rem; max-block-size: 10rem;
      field-sizing: content; min-block-size: 2.85rem; }
    textarea::placeholder { color: var(--soft); opacity: 1; }
    form .primary { border-radius: 1.2rem; padding: .6rem 1.1rem; min-block-size: 2.85rem; }
    .history { position: absolute; inset-block: 0; inset-inline-start: 0; inline-size: min(20rem, 100%); z-index: 1;
      background: var(--ground); border-inline-end: 1px solid var(--line); box-shadow: 0 0 2rem rgb(0 0 0 / .18);
      display: flex; flex-direction: column; }
    .history ul { list-style: none; margin: 0; padding: .5rem; overflow-y: auto; flex: 1; }
    .history li button { inline-size: 100%; text-align: start; overflow: hidden; text-overflow: ellipsis;
      white-space: nowrap; }
    .history [aria-current="true"] { background: var(--raised); font-weight: 600; }
    .history p { padding: 1rem; color: var(--soft); }
    [hidden] { display: none !important; }
    .unseen { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
    .earlier { align-self: center; color: var(--soft); font-size: .9rem; }
    @media (max-width: 26rem) { .log { padding: 1rem .75rem; } form { padding: 0 .75rem .75rem; }
      .error { margin-inline: .75rem; } header h2 { text-align: start; } }
  `;

  class InvalidFrameParamsError extends Error {
    constructor(message) {
      super(message);
      this.name = "InvalidFrameParamsError";
    }
  }

  const make = (tag, properties = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name.startsWith("aria-") || name === "role" || name === "for") element.setAttribute(name, value);
      else element[name] = value;
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  };

  const expiryOf = (secret) => {
    try {
      return JSON.parse(atob(secret.slice(secret.indexOf("_00") + 3))).expires_at;
    } catch {
      return null;
    }
  };

  async function* eventsOf(response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) if (block.startsWith("data: ")) yield JSON.parse(block.slice(6));
    }
  }

  class ChatKit extends HTMLElement {
    #options = null;
    #secret = null;
    #secretAsked = null;
    #timer = 0;
    #threadId = null;
    #items = new Map();
    #busy = 0; // how many replies and conversations are on their way
    #parts = {};

    constructor() {
      super();
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      const root = this.attachShadow({ mode: "open", delegatesFocus: true });
      root.adoptedStyleSheets = [sheet];
      root.append(this.#build());
    }

    disconnectedCallback() {
      clearTimeout(this.#timer);
    }

    connectedCallback() {
      if (this.#secret) this.#planRenewal();
    }

    /* The documented methods. */

    setOptions(options) {
      const api = options?.api;
      const others = Object.keys(api ?? {}).filter((name) => name !== "getClientSecret");
      if (typeof api?.getClientSecret !== "function" || others.length) {
        throw new InvalidFrameParamsError(`api takes getClientSecret and nothing else; given: ${Object.keys(api ?? {})}`);
      }
      const first = this.#options === null;
      this.#options = options;
      this.#dress();
      if (first) this.#start();
    }

    async focusComposer() {
      this.#parts.text.focus();
    }

    async setThreadId(threadId) {
      await this.#open(threadId ?? null);
    }

    async sendUserMessage({ text, reply, attachments, newThread } = {}) {
      if (this.#busy) throw new Error("A reply or a conversation is still on its way.");
      if (newThread) await this.#open(null);
      await this.#send(text ?? "", { quoted: reply, attachments });
    }

    async setComposerValue({ text } = {}) {
      this.#parts.text.value = text ?? "";
    }

    async sendCustomAction(action, itemId) {
      if (!this.#threadId) throw new Error("There is no thread to act in.");
      await this.#stream("threads.custom_action", { thread_id: this.#threadId, item_id: itemId, action });
    }

    async showHistory() {
      await this.#showHistory();
    }

    async hideHistory() {
      this.#hideHistory();
    }

    async fetchUpdates() {
      if (this.#threadId) await this.#load(this.#threadId);
    }

    /* Secrets. */

    async #start() {
      this.#working(+1);
      try {
        await this.#askSecret();
        this.#emit("ready");
        const wanted = this.#options.initialThread ?? null;
        if (wanted) await this.#open(wanted);
        else this.#render();
      } catch (error) {
        this.#fail(error, () => this.#start());
      } finally {
        this.#working(-1);
      }
    }

    #askSecret() {
      this.#secretAsked ??= (async () => {
        try {
          const secret = await this.#options.api.getClientSecret(this.#secret);
          if (typeof secret !== "string" || !secret) throw new Error("The page gave no client secret.");
          this.#secret = secret;
          this.#planRenewal();
          return secret;
        } finally {
          this.#secretAsked = null;
        }
      })();
      return this.#secretAsked;
    }

    #planRenewal() {
      clearTimeout(this.#timer);
      const expiry = expiryOf(this.#secret);
      if (expiry === null) return;
      const left = expiry * 1000 - Date.now();
      const wait = Math.max(left - RENEW_BEFORE * 1000, left / 2, 500);
      this.#timer = setTimeout(() => {
        this.#emit("log", { name: "secret.renew", data: {} });
        this.#askSecret().catch((error) => this.#emit("error", { error }));
      }, wait);
    }

    /* Talking to the emulator. */

    async #post(type, params, again = true) {
      const secret = this.#secret ?? (await this.#askSecret());
      const response = await fetch(ENDPOINT, {
        method: "POST",
        headers: {
          Authorization: `Bearer ${secret}`,
          "Content-Type": "application/json",
          Accept: "text/event-stream",
        },
        body: JSON.stringify({ type, params }),
      });
      if (response.status === 401 && again) {
        await this.#askSecret();
        return this.#post(type, params, false);
      }
      if (!response.ok) {
        const envelope = await response.json().catch(() => null);
        throw new Error(envelope?.error?.message ?? `The chat answered with status ${response.status}.`);
      }
      return response;
    }

    async #ask(type, params) {
      return (await this.#post(type, params)).json();
    }

    async #stream(type, params) {
      let threadId = params.thread_id ?? null;
      let waiting = null;
      this.#working(+1);
      this.#emit("response.start");
      try {
        const response = await this.#post(type, params);
        for await (const event of eventsOf(response)) {
          if (event.type === "thread.item.done" && event.item.status === "pending") waiting = event.item;
          // Who has gone to another conversation meanwhile sees nothing of this reply there.
          if (this.#threadId !== threadId) continue;
          this.#take(event);
          threadId = this.#threadId; // a new conversation is named by its first event
        }
      } catch (error) {
        this.#fail(error, () => this.#stream(type, params));
        waiting = null;
      }
      this.#parts.progress.textContent = "";
      this.#emit("response.end");
      // A reply that waits for a tool of the page is not over.
      if (waiting) await this.#callTool(waiting);
      this.#working(-1);
    }

    async #callTool(call) {
      const handler = this.#options.onClientToolCall;
      let result = { error: `The page has no tool ${call.name}.` };
      try {
        if (handler) result = (await handler({ name: call.name, params: call.arguments })) ?? null;
      } catch (error) {
        result = { error: String(error?.message ?? error) };
      }
      await this.#stream("threads.add_client_tool_output", { thread_id: call.thread_id, result });
    }

    #take(event) {
      switch (event.type) {
        case "thread.created":
          this.#arrive(event.thread.id);
          this.#entitle(event.thread);
          break;
        case "thread.updated":
          this.#entitle(event.thread);
          break;
        case "thread.item.added":
        case "thread.item.done":
        case "thread.item.replaced":
          this.#put(event.item);
          break;
        case "thread.item.updated":
          this.#update(event.item_id, event.update);
          break;
        case "thread.item.removed":
          this.#items.get(event.item_id)?.element.remove();
          this.#items.delete(event.item_id);
          break;
        case "progress_update":
          this.#parts.progress.textContent = event.text;
          break;
        case "error":
          this.#fail(new Error(event.message ?? `The reply failed (${event.code}).`), this.#retryLast(event));
          break;
      }
    }

    #retryLast(event) {
      const last = [...this.#items.values()].filter(({ item }) => item.type === "user_message").pop();
      if (!event.allow_retry || !last) return null;
      const params = { thread_id: last.item.thread_id, item_id: last.item.id };
      return () => this.#stream("threads.retry_after_item", params);
    }

    async #send(text, { quoted, attachments } = {}) {
      if (this.#busy || !text.trim()) return;
      this.#calm();
      const input = {
        content: [{ type: "input_text", text }],
        attachments: (attachments ?? []).map((one) => one.id ?? one),
        quoted_text: quoted,
        inference_options: {},
      };
      this.#emit("log", { name: "message.send", data: {} });
      if (this.#threadId) await this.#stream("threads.add_user_message", { thread_id: this.#threadId, input });
      else await this.#stream("threads.create", { input });
    }

    async #open(threadId) {
      this.#hideHistory();
      this.#calm();
      this.#arrive(threadId);
      if (threadId) await this.#load(threadId);
      else this.#render();
    }

    async #load(threadId) {
      this.#working(+1);
      this.#emit("thread.load.start", { threadId });
      try {
        const thread = await this.#ask("threads.get_by_id", { thread_id: threadId });
        const page = await this.#ask("items.list", { thread_id: threadId, limit: PAGE, order: "desc" });
        if (this.#threadId !== threadId) return;
        this.#entitle(thread);
        this.#render(page.data.reverse(), page.has_more);
      } catch (error) {
        this.#fail(error, () => this.#load(threadId));
      } finally {
        this.#working(-1);
        this.#emit("thread.load.end", { threadId });
      }
    }

    async #loadEarlier(button) {
      const oldest = this.#items.keys().next().value;
      const page = await this.#ask("items.list", {
        thread_id: this.#threadId, limit: PAGE, order: "desc", after: oldest,
      });
      const known = [...this.#items.values()].map(({ item }) => item);
      const height = this.#parts.log.scrollHeight;
      button.remove();
      this.#render([...page.data.reverse(), ...known], page.has_more);
      this.#parts.log.scrollTop = this.#parts.log.scrollHeight - height;
    }

    #arrive(threadId) {
      if (this.#threadId === threadId) return;
      this.#threadId = threadId;
      this.#items.clear();
      this.#parts.column.replaceChildren();
      this.#entitle({ status: { type: "active" } });
      this.#emit("thread.change", { threadId });
    }

    /* What one sees. */

    #build() {
      const parts = this.#parts;
      const press = (textContent, onclick, more = {}) => make("button", { type: "button", textContent, onclick, ...more });
      parts.open = press("History", () => this.#showHistory(), { "aria-expanded": "false" });
      parts.title = make("h2", { dir: "auto", textContent: "New chat" });
      parts.fresh = press("New chat", () => this.#open(null).then(() => this.focusComposer()));
      parts.header = make("header", {}, parts.open, parts.title, parts.fresh);
      parts.column = make("div", { className: "column" });
      parts.log = make("div", {
        className: "log", role: "log", "aria-live": "polite", "aria-label": "Conversation", tabIndex: 0,
      }, parts.column);
      parts.progress = make("div", { className: "progress", role: "status" });
      parts.error = make("div", { className: "error", role: "alert", hidden: true });
      parts.text = make("textarea", { id: "composer", rows: 1, dir: "auto", placeholder: "Write a message" });
      parts.text.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        parts.form.requestSubmit();
      });
      parts.send = make("button", { className: "primary", type: "submit", textContent: "Send" });
      const label = make("label", { className: "unseen", for: "composer", textContent: "Message" });
      parts.form = make("form", {}, label, parts.text, parts.send);
      parts.form.addEventListener("submit", (event) => {
        event.preventDefault();
        if (this.#busy) {
          // What was written stays, and can be sent once the reply or the conversation is there.
          parts.progress.textContent = "Wait a moment, then send.";
          return;
        }
        const text = parts.text.value;
        parts.text.value = "";
        this.#send(text);
      });
      parts.threads = make("ul");
      const close = press("Close", () => this.#hideHistory());
      parts.history = make("section", { className: "history", role: "dialog", "aria-label": "History", hidden: true },
        make("header", {}, make("h2", { textContent: "History" }), close), parts.threads);
      parts.history.addEventListener("keydown", (event) => event.key === "Escape" && this.#hideHistory());
      parts.chat = make("div", { className: "chat" }, parts.header, parts.log, parts.progress, parts.error, parts.form,
        parts.history);
      return parts.chat;
    }

    #dress() {
      const { theme, composer, header, history } = this.#options;
      const scheme = typeof theme === "string" ? theme : theme?.colorScheme;
      if (scheme) this.#parts.chat.dataset.theme = scheme;
      else delete this.#parts.chat.dataset.theme;
      this.#parts.text.placeholder = composer?.placeholder ?? "Write a message";
      this.#parts.header.hidden = header?.enabled === false;
      this.#parts.open.hidden = history?.enabled === false;
      this.#entitle({});
    }

    #entitle(thread) {
      const given = this.#options?.header?.title?.text;
      this.#parts.title.textContent = thread.title ?? given ?? (this.#threadId ? "Untitled" : "New chat");
      if (!thread.status) return;
      const open = thread.status.type === "active";
      this.#parts.text.disabled = !open;
      this.#settle();
      this.#parts.progress.textContent = open ? "" : thread.status.reason ?? `This conversation is ${thread.status.type}.`;
    }

    #render(items = [], more = false) {
      this.#items.clear();
      this.#parts.column.replaceChildren();
      if (more) {
        const earlier = make("button", { type: "button", className: "earlier", textContent: "Show earlier messages" });
        earlier.onclick = () => this.#loadEarlier(earlier).catch((error) => this.#fail(error));
        this.#parts.column.append(earlier);
      }
      for (const item of items) this.#put(item);
      this.#parts.log.scrollTop = this.#parts.log.scrollHeight;
      if (!items.length && !this.#threadId) this.#parts.column.append(this.#startScreen());
    }

    #startScreen() {
      const { greeting, prompts } = this.#options?.startScreen ?? {};
      const choices = (prompts ?? []).map(({ label, prompt }) =>
        make("button", { type: "button", dir: "auto", textContent: label, onclick: () => this.#send(prompt ?? label) }));
      return make("div", { className: "start" },
        make("h3", { dir: "auto", textContent: greeting ?? "What can I help with?" }),
        make("div", { className: "prompts" }, ...choices));
    }

    #put(item) {
      this.#parts.column.querySelector(".start")?.remove();
      const log = this.#parts.log;
      // Who has scrolled up to read is left there.
      const follows = log.scrollHeight - log.scrollTop - log.clientHeight < 160 || item.type === "user_message";
      const element = this.#show(item);
      const known = this.#items.get(item.id);
      if (known) known.element.replaceWith(element);
      else this.#parts.column.append(element);
      this.#items.set(item.id, { item, element });
      if (follows) log.scrollTop = log.scrollHeight;
    }

    #update(itemId, update) {
      const known = this.#items.get(itemId);
      if (!known) return;
      const item = known.item;
      const part = item.content?.[update.content_index];
      if (update.type.endsWith("content_part.added")) item.content[update.content_index] = { ...update.content };
      else if (update.type.endsWith("text_delta") && part) part.text += update.delta;
      else if (update.type.endsWith("content_part.done")) item.content[update.content_index] = update.content;
      else if (update.type.startsWith("workflow.task.")) item.workflow.tasks[update.task_index] = update.task;
      this.#put(item);
    }

    #show(item) {
      const text = (textContent) => make("span", { dir: "auto", textContent });
      const box = make("div", { className: `item ${item.type}`, dir: "auto" });
      box.dataset.id = item.id;
      const task = ({ title, content }) => make("li", {}, text([title, content].filter(Boolean).join(": ")));
      switch (item.type) {
        case "user_message":
          if (item.quoted_text) box.append(make("span", { className: "quote", dir: "auto", textContent: item.quoted_text }));
          box.append(text(item.content.map((part) => part.text).join("")));
          for (const file of item.attachments ?? []) box.append(make("div", { className: "note", textContent: file.name }));
          break;
        case "assistant_message":
          for (const part of item.content.filter(Boolean)) {
            box.append(text(part.text), ...this.#sources(part.annotations ?? []));
          }
          break;
        case "widget":
          return make("div", { className: "item card" }, ...this.#widget(item.widget, item));
        case "client_tool_call":
          box.append(make("span", { className: "note", textContent:
            `${item.status === "pending" ? "Asking" : "Asked"} the page: ${item.name}` }));
          break;
        case "workflow":
          box.append(make("ol", { className: "tasks" }, ...item.workflow.tasks.filter(Boolean).map(task)));
          break;
        case "task":
          box.append(make("ol", { className: "tasks" }, task(item.task)));
          break;
        default:
          box.append(make("span", { className: "note", textContent: item.type }));
      }
      return box;
    }

    #sources(annotations) {
      const names = annotations.map(({ source }) => make("span", { dir: "auto", textContent: source.title }));
      return names.length ? [make("div", { className: "sources" }, ...names)] : [];
    }

    #widget(node, item) {
      const inner = (node?.children ?? []).flatMap((child) => this.#widget(child, item));
      switch (node?.type) {
        case "Title":
          return [make("strong", { dir: "auto", textContent: node.value })];
        case "Text": case "Markdown": case "Caption": case "Badge":
          return [make("span", { dir: "auto", textContent: node.value ?? node.label })];
        case "Button":
          return [make("button", {
            type: "button", className: "primary", textContent: node.label,
            onclick: () => node.onClickAction && this.sendCustomAction(node.onClickAction, item.id),
          })];
        default:
          return inner.length ? inner : [make("span", { className: "note", textContent: JSON.stringify(node) })];
      }
    }

    #working(change) {
      this.#busy += change;
      this.#settle();
      this.#parts.log.setAttribute("aria-busy", String(this.#busy > 0));
    }

    #settle() {
      this.#parts.send.disabled = this.#busy > 0 || this.#parts.text.disabled;
    }

    #fail(error, retry = null) {
      const message = error?.message || String(error);
      const again = retry && make("button", { type: "button", textContent: "Try again", onclick: () => {
        this.#calm();
        retry();
      } });
      this.#parts.error.replaceChildren(make("span", { dir: "auto", textContent: message }), ...(again ? [again] : []));
      this.#parts.error.hidden = false;
      this.#emit("error", { error });
    }

    #calm() {
      this.#parts.error.hidden = true;
    }

    async #showHistory() {
      try {
        const page = await this.#ask("threads.list", { limit: PAGE, order: "desc" });
        const entries = page.data.map((thread) => make("li", {}, make("button", {
          type: "button", dir: "auto", textContent: thread.title ?? "Untitled",
          "aria-current": String(thread.id === this.#threadId),
          onclick: () => this.#open(thread.id).then(() => this.focusComposer()),
        })));
        this.#parts.threads.replaceChildren(...(entries.length ? entries : [make("p", { textContent: "Nothing yet." })]));
        this.#parts.history.hidden = false;
        this.#parts.open.setAttribute("aria-expanded", "true");
        this.#parts.history.querySelector("button").focus();
        this.#emit("history.open");
      } catch (error) {
        this.#fail(error, () => this.#showHistory());
      }
    }

    #hideHistory() {
      if (this.#parts.history.hidden) return;
      this.#parts.history.hidden = true;
      this.#parts.open.setAttribute("aria-expanded", "false");
      this.#parts.open.focus();
      this.#emit("history.close");
    }

    #emit(name, detail) {
      this.dispatchEvent(new CustomEvent(`chatkit.${name}`, { detail, bubbles: true, composed: true }));
    }
  }

  if (!customElements.get("openai-chatkit")) customElements.define("openai-chatkit", ChatKit);
})();
