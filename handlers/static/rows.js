// Adds and removes rows of a form without asking the server. Without it the same buttons send the form.

const list = document.querySelector("[data-rows]");

function renumber() {
  [...list.querySelectorAll("[data-row]")].forEach((row, at) => {
    row.querySelector("legend").textContent = `第${at + 1}条`;
    for (const name of ["target", "text"]) {
      const field = row.querySelector(`[name^="${name}_"]`);
      field.name = field.id = `${name}_${at}`;
      field.closest("div").querySelector("label").htmlFor = field.id;
    }
    row.querySelector("[data-remove]").value = `remove-${at}`;
  });
  const add = document.querySelector("[data-add]");
  add.disabled = list.children.length >= Number(list.dataset.most);
}

if (list) {
  document.querySelector("[data-add]").addEventListener("click", (event) => {
    event.preventDefault();
    const row = list.querySelector("[data-row]").cloneNode(true);
    row.querySelector("select").value = "";
    row.querySelector("textarea").value = "";
    list.append(row);
    renumber();
    row.querySelector("select").focus();
  });
  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-remove]");
    if (!button) return;
    event.preventDefault();
    const row = button.closest("[data-row]");
    if (list.children.length === 1) row.querySelector("textarea").value = "";
    else row.remove();
    renumber();
    document.querySelector("[data-add]").focus();
  });
}
