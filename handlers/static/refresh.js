// Keeps parts of a page fresh: an element with data-refresh="/address" data-seconds="3" shows what that address answers.
// It waits while the page is hidden or somebody is selecting text in the part.

function isBeingRead(part) {
  const selection = document.getSelection();
  return selection !== null && !selection.isCollapsed && part.contains(selection.anchorNode);
}

async function refresh(part) {
  if (document.hidden || isBeingRead(part)) return;
  try {
    const answer = await fetch(part.dataset.refresh, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = await answer.text();
    if (fresh !== part.dataset.shown) {
      const parsed = new DOMParser().parseFromString(fresh, "text/html");
      part.replaceChildren(...parsed.body.childNodes);
      part.dataset.shown = fresh;
    }
  } catch {
    // The service is away for a moment: what is shown stays, the next turn tries again.
  }
}

for (const part of document.querySelectorAll("[data-refresh]")) {
  setInterval(() => refresh(part), Number(part.dataset.seconds) * 1000);
}
