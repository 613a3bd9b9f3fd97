// Leafs through the pages of a case's materials: one at a time, larger, smaller, turned. Without it all pages stand
// under each other.

const viewer = document.querySelector("[data-viewer]");
const sheets = viewer ? [...viewer.querySelectorAll("[data-sheet]")] : [];
const LARGEST = 5;
let at = 0;

function view() {
  return sheets[at].querySelector(".sheet-view");
}

function show(place) {
  at = Math.min(Math.max(place, 0), sheets.length - 1);
  sheets.forEach((sheet, index) => { sheet.hidden = index !== at; });
  viewer.querySelector(".viewer-place").textContent = `${at + 1} / ${sheets.length} ${sheets[at].dataset.sheet}`;
}

const acts = {
  previous: () => show(at - 1),
  next: () => show(at + 1),
  larger: () => { view().dataset.zoom = Math.min(Number(view().dataset.zoom ?? 1) + 1, LARGEST); },
  smaller: () => { view().dataset.zoom = Math.max(Number(view().dataset.zoom ?? 1) - 1, 1); },
  reset: () => { view().dataset.zoom = 1; view().dataset.turn = 0; },
  turn: () => { view().dataset.turn = (Number(view().dataset.turn ?? 0) + 90) % 360; },
};
const keys = { ArrowLeft: "previous", ArrowRight: "next", "+": "larger", "=": "larger", "-": "smaller", 0: "reset", r: "turn", R: "turn" };

if (sheets.length > 0) {
  const tools = viewer.querySelector(".viewer-tools");
  tools.hidden = false;
  viewer.classList.add("one");
  tools.addEventListener("click", (event) => acts[event.target.closest("[data-do]")?.dataset.do]?.());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, summary")) return;
    const act = keys[event.key];
    // A page that is larger than its frame is moved by the arrows; it is turned over when it cannot move.
    if (act === undefined || (act === "next" || act === "previous") && Number(view().dataset.zoom ?? 1) > 1) return;
    event.preventDefault();
    acts[act]();
  });
  show(0);
}
