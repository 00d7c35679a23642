// On every page: the two switches, remembered by the browser, and tables sorted by a click.

const root = document.documentElement;

function remembered(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // storage is off: the switches work for this page
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // likewise
  }
}

const switches = {
  contrast: {
    isOn: () => root.dataset.contrast === "on",
    set: (on) => { root.dataset.contrast = on ? "on" : "off"; },
  },
  dark: {
    isOn: () =>
      root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches,
    set: (on) => { root.dataset.theme = on ? "dark" : "light"; },
  },
};

for (const [name, { isOn, set }] of Object.entries(switches)) {
  const before = remembered(name);
  if (before !== null) set(before === "on");
  const button = document.querySelector(`[data-switch="${name}"]`);
  if (!button) continue;
  const show = () => button.setAttribute("aria-pressed", String(isOn()));
  show();
  button.addEventListener("click", () => {
    set(!isOn());
    remember(name, isOn() ? "on" : "off");
    show();
  });
}

function valueOf(row, column) {
  const cell = row.cells[column];
  if (cell.dataset.value === undefined) return cell.textContent.trim().toLowerCase();
  return cell.dataset.value === "" ? Infinity : Number(cell.dataset.value);
}

function sortBy(table, column, descending) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  rows.sort((a, b) => {
    const [x, y] = [valueOf(a, column), valueOf(b, column)];
    const order = typeof x === "number" ? x - y || 0 : x.localeCompare(y);
    return descending ? -order : order;
  });
  body.append(...rows);
}

for (const table of document.querySelectorAll("table[data-sortable]")) {
  for (const button of table.querySelectorAll(".sort")) {
    const head = button.closest("th");
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sortBy(table, head.cellIndex, descending);
    });
  }
}
