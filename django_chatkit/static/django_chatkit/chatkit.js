/* Brings each <openai-chatkit> that {% chatkit %} put on the page to life: fetches its client secrets from this site,
   tells this site which thread has changed, and says in words when there is no chat to be had. Everything it needs
   stands in the data attributes of the element around the widget. */

const WIDGET = "openai-chatkit";
const UPSTREAM = "script[data-chatkit-upstream]";

// Seconds between attempts to have a thread synced. A new thread may be unknown to this site for a moment; what is
// missed here the server's own schedule finds, so there is no point in going on for long.
const NUDGES = [0, 1, 2, 4, 8, 15];

for (const element of document.querySelectorAll("[data-django-chatkit]")) start(element);

function start(element) {
  const notice = makeNotice(element);
  const nudge = makeNudge(element.dataset);
  let widget = element.querySelector(WIDGET);
  let threadId = null;
  let spare = null; // a secret that was fetched ahead of the widget's asking

  // The widget calls this at its start, and again shortly before a secret expires.
  async function getClientSecret() {
    try {
      const secret = spare ?? (await fetchSecret(element.dataset));
      spare = null;
      element.dataset.state = "ready";
      notice.hide();
      return secret;
    } catch (problem) {
      const word = problem instanceof Refused ? problem.word : "later";
      // Only a fresh page brings a fresh login; for everything else it is enough to ask again.
      notice.show(word, word === "signIn" ? () => location.reload() : askAgain);
      throw problem;
    }
  }

  async function askAgain() {
    if (element.dataset.state === "ready") {
      // The conversation stays as it is; the widget takes the secret when it asks next.
      spare = await getClientSecret().catch(() => null);
    } else {
      // Whether a widget that got no secret starts anew is its own affair: a fresh one surely does.
      const fresh = document.createElement(WIDGET);
      widget.replaceWith(fresh);
      widget = fresh;
      mount();
    }
  }

  function mount() {
    widget.addEventListener("chatkit.thread.change", ({ detail }) => {
      threadId = detail.threadId ?? null;
      if (threadId) nudge(threadId);
    });
    widget.addEventListener("chatkit.response.end", () => {
      if (threadId) nudge(threadId);
    });
    widget.setOptions({ ...JSON.parse(element.dataset.options), api: { getClientSecret } });
  }

  const blocked = () => notice.show("blocked", () => location.reload());
  const timer = setTimeout(blocked, 1000 * element.dataset.patience);
  document.querySelector(UPSTREAM).addEventListener("error", blocked);
  // A script that comes late is still welcome.
  customElements.whenDefined(WIDGET).then(() => {
    clearTimeout(timer);
    notice.hide();
    mount();
  });
}

/** A request that this site answered with a no; `word` names what to tell the person. */
class Refused extends Error {
  constructor(word, status) {
    super(`no client secret: ${status}`);
    this.word = word;
  }
}

async function fetchSecret(settings) {
  const response = await post(settings.sessionsUrl, settings);
  if (isSignedOut(response)) throw new Refused("signIn", response.status);
  if (response.status === 429) throw new Refused("wait", response.status);
  if (!response.ok) throw new Refused("later", response.status);
  const { client_secret: secret } = await response.json();
  if (!secret) throw new Refused("later", response.status);
  return secret;
}

function post(url, settings) {
  return fetch(url, {
    method: "POST",
    credentials: "same-origin",
    // A redirect can only lead to a login page: it is an answer, not a way to follow.
    redirect: "manual",
    // A nudge outlives the page that sent it.
    keepalive: true,
    headers: {
      Accept: "application/json",
      "Content-Type": "application/json",
      [settings.csrfHeader]: csrfToken(settings),
    },
    body: "{}",
  });
}

function isSignedOut(response) {
  return response.type === "opaqueredirect" || response.status === 401 || response.status === 403;
}

function csrfToken({ csrfCookie, csrfToken }) {
  const cookie = csrfCookie && document.cookie.split("; ").find((pair) => pair.startsWith(`${csrfCookie}=`));
  return cookie ? decodeURIComponent(cookie.slice(csrfCookie.length + 1)) : csrfToken;
}

/** Return the function that has a thread synced: one attempt at a time for each thread, repeated while it fails. */
function makeNudge(settings) {
  const running = new Map(); // thread id -> whether it was asked for once more meanwhile

  const attempt = async (threadId) => {
    const url = settings.syncUrl.replace(settings.threadId, encodeURIComponent(threadId));
    for (const seconds of NUDGES) {
      await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
      running.set(threadId, false);
      const response = await post(url, settings).catch(() => null);
      if (response?.ok || (response && isSignedOut(response))) return;
    }
  };

  return async function nudge(threadId) {
    if (running.has(threadId)) {
      running.set(threadId, true);
      return;
    }
    running.set(threadId, true);
    while (running.get(threadId)) await attempt(threadId);
    running.delete(threadId);
  };
}

function makeNotice(element) {
  const box = element.querySelector(".django-chatkit-notice");
  const says = box.querySelector(".django-chatkit-says");
  const button = box.querySelector(".django-chatkit-retry");
  let retry = () => {};
  const hide = () => {
    box.hidden = true;
    says.textContent = "";
  };
  button.addEventListener("click", () => {
    hide();
    retry();
  });
  return {
    hide,
    show(word, onRetry) {
      retry = onRetry;
      // Once there was a chat it stays in sight, below the notice.
      if (element.dataset.state !== "ready") element.dataset.state = "failed";
      box.hidden = false;
      // A live region speaks up when its text changes while it is shown. "signIn" stands in data-says-sign-in.
      says.textContent = element.dataset[`says${word[0].toUpperCase()}${word.slice(1)}`];
    },
  };
}
