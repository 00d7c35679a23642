// A game guess by guess: buttons and arrow keys; without this script all guesses are shown.

const replay = document.querySelector("[data-replay]");
const steps = [...replay.querySelectorAll(".step")];
const controls = replay.querySelector(".controls");
const output = controls.querySelector("output");
let shown = steps.length;

const moves = {
  first: () => 1,
  back: () => shown - 1,
  on: () => shown + 1,
  last: () => steps.length,
};

function show(number) {
  shown = Math.min(Math.max(number, 1), steps.length);
  steps.forEach((step, i) => {
    step.hidden = i >= shown;
    step.toggleAttribute("aria-current", i === shown - 1);
  });
  const label = steps[shown - 1].querySelector(".row")?.getAttribute("aria-label") ?? "";
  output.textContent = `Guess ${shown} of ${steps.length}`;
  output.setAttribute("aria-label", `Guess ${shown} of ${steps.length}. ${label}`);
  for (const button of controls.querySelectorAll("button")) {
    const to = moves[button.dataset.go]();
    button.disabled = to < 1 || to > steps.length || to === shown;
  }
}

if (steps.length) {
  controls.hidden = false;
  controls.addEventListener("click", (event) => {
    const go = event.target.closest("button")?.dataset.go;
    if (go) show(moves[go]());
  });
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select")) return;
    const go = { ArrowLeft: "back", ArrowRight: "on", Home: "first", End: "last" }[event.key];
    if (!go) return;
    event.preventDefault();
    show(moves[go]());
  });
  show(steps.length);
}
