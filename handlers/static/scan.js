// Sends what a hand scanner types without leaving the page, so that the next parcel can follow at once; what was found
// is put on top of what was found before. Without it the form is sent as any other and the page comes back.

const form = document.querySelector("form[data-scan]");
const KEPT = 50;
let queue = Promise.resolve();

async function send(fields) {
  const target = document.getElementById("scanned");
  const answer = await fetch(form.dataset.scan, { method: "POST", body: fields, headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(String(answer.status));
  const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
  target.prepend(...parsed.body.children);
  while (target.children.length > KEPT) target.lastElementChild.remove();
}

if (form) {
  const input = form.querySelector("input[name=numbers]");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (input.value.trim() === "") return;
    const fields = new URLSearchParams(new FormData(form));
    const number = input.value;
    input.value = "";
    input.focus();
    // One after the other, in the order of the scans. What could not be sent goes the way without a script.
    queue = queue.then(() => send(fields)).catch(() => {
      input.value = number;
      form.submit();
    });
  });
}
