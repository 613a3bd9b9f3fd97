// Shows, while staff write a mass push, how it looks on the phone, and how many people are meant when they ask.
// Without it the same buttons send the form, and the page comes back with both.

const form = document.querySelector("form[data-compose]");
const PAUSE = 600;
let waiting = 0;
let asked = 0;

async function ask(act, target) {
  const turn = ++asked;
  const fields = new URLSearchParams(new FormData(form));
  fields.set("act", act);
  try {
    const answer = await fetch(form.dataset.compose, { method: "POST", body: fields, headers: { Accept: "text/html" } });
    if (!answer.ok || (act === "preview" && turn !== asked)) return;
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.getElementById(target).replaceChildren(...parsed.body.childNodes);
  } catch {
    // The service is away for a moment: what is shown stays.
  }
}

if (form) {
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => ask("preview", "preview"), PAUSE);
  });
  form.addEventListener("submit", (event) => {
    const act = event.submitter?.value;
    if (act !== "estimate" && act !== "preview") return;
    event.preventDefault();
    ask(act, act === "estimate" ? "size" : "preview");
  });
}
