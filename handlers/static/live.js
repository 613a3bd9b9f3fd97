// Keeps parts of a page fresh without a reload. <section data-refresh="/address" data-topics="cases case:1"
// data-seconds="15"> shows what that address answers: again when the console's stream names one of its topics, and every
// so many seconds where there is no stream. It waits while the page is hidden, or somebody types or selects in the part.

const TURN = 1000;
const SLOWER_WITH_STREAM = 6;
const parts = [...document.querySelectorAll("[data-refresh]")].map((element) => ({
  element,
  topics: (element.dataset.topics ?? "").split(" ").filter(Boolean),
  milliseconds: Math.max(Number(element.dataset.seconds) || 15, 1) * 1000,
  shown: null,
  asked: Date.now(),
  due: false,
  busy: false,
}));
const hasTopics = parts.some((part) => part.topics.length > 0);
let stream = null;

function isBeingUsed(element) {
  const active = document.activeElement;
  if (element.contains(active) && active.matches("input, textarea, select, [contenteditable]")) return true;
  const selection = document.getSelection();
  return selection !== null && !selection.isCollapsed && element.contains(selection.anchorNode);
}

// Where an element stands: its id, else the way to it from the part.
function place(element, part) {
  if (element.id) return `#${element.id}`;
  const way = [];
  for (let at = element; at !== part && at.parentElement; at = at.parentElement) {
    way.unshift([...at.parentElement.children].indexOf(at));
  }
  return `${way.join(" ")} ${element.localName}`;
}

function replace(element, text) {
  const opened = new Map([...element.querySelectorAll("details")].map((each) => [place(each, element), each.open]));
  const active = element.contains(document.activeElement) ? document.activeElement : null;
  const focused = active === null || active === element ? null : place(active, element);
  element.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
  for (const each of element.querySelectorAll("details")) {
    const was = opened.get(place(each, element));
    if (was !== undefined) each.open = was;
  }
  if (focused !== null) {
    const same = [...element.querySelectorAll("*")].find((each) => place(each, element) === focused);
    if (same) same.focus({ preventScroll: true });
  }
}

async function ask(part) {
  part.busy = true;
  part.due = false;
  part.asked = Date.now();
  try {
    // The header keeps an unattended page from keeping its session alive; an ended session answers with a redirect.
    const headers = { Accept: "text/html", "X-Unattended": "1" };
    const answer = await fetch(part.element.dataset.refresh, { headers, redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 401) {
      parts.splice(parts.indexOf(part), 1);
      return;
    }
    if (!answer.ok) return;
    const fresh = await answer.text();
    if (isBeingUsed(part.element)) {
      part.due = true;
    } else if (fresh !== part.shown) {
      replace(part.element, fresh);
      part.shown = fresh;
    }
  } catch {
    // The service is away for a moment: what is shown stays, a later turn tries again.
  } finally {
    part.busy = false;
  }
}

function turn() {
  if (document.hidden) return;
  const isStreaming = stream !== null && stream.readyState === EventSource.OPEN;
  for (const part of [...parts]) {
    const patience = part.milliseconds * (isStreaming && part.topics.length > 0 ? SLOWER_WITH_STREAM : 1);
    if (part.busy || isBeingUsed(part.element)) continue;
    if (part.due || Date.now() - part.asked >= patience) ask(part);
  }
}

function markAll() {
  for (const part of parts) part.due = true;
}

function listen() {
  if (!hasTopics || stream !== null || !window.EventSource) return;
  stream = new EventSource("/staff/stream");
  let opened = false;
  stream.addEventListener("open", () => {
    // What changed while nobody listened was not heard.
    if (opened) markAll();
    opened = true;
  });
  stream.addEventListener("message", (event) => {
    const named = new Set(event.data.split(" "));
    for (const part of parts) if (part.topics.some((topic) => named.has(topic))) part.due = true;
  });
}

// A browser opens only a few connections to one server: pages that nobody sees give theirs back.
function leave() {
  if (stream !== null) stream.close();
  stream = null;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    leave();
  } else {
    markAll();
    listen();
  }
});
window.addEventListener("pagehide", leave);
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    markAll();
    listen();
  }
});
if (parts.length > 0) {
  if (!document.hidden) listen();
  setInterval(turn, TURN);
}
