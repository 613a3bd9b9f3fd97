// The menus of the header: one open at a time, closed by Escape or by a click elsewhere. Without it they open and
// close by their own buttons.

const menus = document.querySelectorAll(".bar details");

function close(menu) {
  if (menu.open) menu.open = false;
}

for (const menu of menus) {
  menu.addEventListener("toggle", () => {
    if (!menu.open || menu.classList.contains("menu")) return;
    for (const other of menus) if (other !== menu && !other.classList.contains("menu")) close(other);
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    close(menu);
    menu.querySelector("summary").focus();
  });
}

document.addEventListener("click", (event) => {
  for (const menu of menus) {
    if (!menu.classList.contains("menu") && !menu.contains(event.target)) close(menu);
  }
});
