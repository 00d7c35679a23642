// Play against an agent. The server keeps the game; this draws what it is told and sends guesses.

const KEYS = ["qwertyuiop", "asdfghjkl", "zxcvbnm"];
const NAMES = { G: "right place", Y: "elsewhere", X: "not in the word" };
const byId = (id) => document.getElementById(id);
const message = byId("message");
let game = null; // the server's id of the game
let state = null; // what it told last
let typed = "";
let waiting = false;

function element(tag, attributes = {}, text = "") {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

function spoken(guess, marks) {
  return [...marks].map((mark, i) => `${guess[i]?.toUpperCase() ?? ""} ${NAMES[mark]}`).join(", ");
}

function row(guess, marks, length) {
  const label = marks ? spoken(guess, marks) : guess ? `typed: ${guess.toUpperCase()}` : "empty";
  const made = element("div", { class: "row", role: "img", "aria-label": label });
  for (let i = 0; i < length; i += 1) {
    const tile = element("span", { class: "tile" }, (guess[i] ?? "").toUpperCase());
    if (marks) tile.dataset.mark = marks[i];
    else if (guess[i]) tile.classList.add("filled");
    made.append(tile);
  }
  return made;
}

function drawBoard(board, rows, current) {
  const made = rows.map(({ guess, marks }) => (marks ? row(guess, marks, state.word_length) : refused(guess)));
  if (current !== null && made.length < state.max_guesses) made.push(row(current, "", state.word_length));
  while (made.length < state.max_guesses) made.push(row("", "", state.word_length));
  const kept = board.children.length === made.length;
  made.forEach((fresh, i) => {
    const old = kept ? board.children[i] : null;
    if (!old) board.append(fresh);
    else if (!old.isEqualNode(fresh)) old.replaceWith(fresh); // only what changed moves
  });
  while (board.children.length > made.length) board.firstChild.remove();
}

function refused(guess) {
  const made = row("", "", state.word_length);
  made.setAttribute("aria-label", guess ? `refused: ${guess}` : "refused");
  made.children[0].textContent = "–";
  return made;
}

function drawKeyboard() {
  for (const key of document.querySelectorAll(".key[data-letter]")) {
    const mark = state.you.keys[key.dataset.letter];
    if (mark) key.dataset.mark = mark;
    else delete key.dataset.mark;
    key.setAttribute("aria-label", mark ? `${key.dataset.letter}, ${NAMES[mark]}` : key.dataset.letter);
  }
}

function draw() {
  drawBoard(byId("you"), state.you.rows, state.over ? null : typed);
  drawBoard(byId("them"), state.them.rows, null);
  byId("them-name").textContent = state.agent;
  byId("left").textContent = `${state.you.left} ${state.you.left === 1 ? "word" : "words"} still possible`;
  byId("give-up").disabled = state.over;
  drawKeyboard();
}

function verdict() {
  const mine = state.you.solved ? state.you.rows.length : Infinity;
  const theirs = state.them.solved ? state.them.rows.length : Infinity;
  const who = mine === theirs ? "A draw." : mine < theirs ? "You won." : `${state.agent} won.`;
  const how = (n) => (n === Infinity ? "not solved" : `${n} ${n === 1 ? "guess" : "guesses"}`);
  return `${who} The word was ${state.secret.toUpperCase()}. You: ${how(mine)}, ${state.agent}: ${how(theirs)}.`;
}

async function ask(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error);
  return told;
}

async function send(path, body, then) {
  if (waiting) return;
  waiting = true;
  document.body.setAttribute("aria-busy", "true");
  try {
    then(await ask(path, body));
  } catch (error) {
    message.textContent = error.message;
  } finally {
    waiting = false;
    document.body.removeAttribute("aria-busy");
  }
}

function begin() {
  const agent = new FormData(byId("start")).get("agent");
  message.textContent = `Waiting for ${agent}.`;
  return send("/api/games", { agent }, (told) => {
    ({ id: game, state } = told);
    typed = "";
    message.textContent = "Type a word of five letters.";
    draw();
  });
}

function agentSpoken() {
  const { rows, solved } = state.them;
  if (solved) return `${state.agent} has found the word in ${rows.length}.`;
  const marks = rows.at(-1)?.marks ?? "";
  const count = (mark) => [...marks].filter((m) => m === mark).length;
  return `${state.agent}: ${count("G")} in place, ${count("Y")} elsewhere.`;
}

function take(told) {
  const before = state.you.rows.length;
  state = told;
  if (told.refused) message.textContent = told.refused;
  else {
    typed = "";
    const last = told.you.rows.at(-1);
    if (told.over) message.textContent = verdict();
    else message.textContent = `Guess ${told.you.rows.length + 1} of ${told.max_guesses}.`;
    if (told.you.rows.length > before) byId("spoken").textContent = `${spoken(last.guess, last.marks)}. ${agentSpoken()}`;
  }
  draw();
}

function press(key) {
  if (!state || state.over || waiting) return;
  if (key === "enter") {
    if (typed.length < state.word_length) message.textContent = "Not enough letters.";
    else send(`/api/games/${game}/guess`, { guess: typed }, take);
  } else if (key === "back") typed = typed.slice(0, -1);
  else if (typed.length < state.word_length) typed += key;
  draw();
}

function makeKeyboard() {
  KEYS.forEach((letters, i) => {
    const line = element("div", { class: "keys" });
    if (i === 2) line.append(element("button", { type: "button", class: "key wide", "data-key": "enter" }, "enter"));
    for (const letter of letters) {
      line.append(element("button", { type: "button", class: "key", "data-key": letter, "data-letter": letter }, letter));
    }
    if (i === 2) {
      line.append(element("button", { type: "button", class: "key wide", "data-key": "back", "aria-label": "delete" }, "⌫"));
    }
    byId("keyboard").append(line);
  });
}

makeKeyboard();
byId("keyboard").addEventListener("pointerdown", (event) => event.preventDefault()); // keeps the focus
byId("keyboard").addEventListener("click", (event) => {
  const key = event.target.closest("button")?.dataset.key;
  if (key) press(key);
});
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("select, input, a")) return;
  const onButton = event.target.closest("button");
  if (event.key === "Enter" && onButton) return; // the button is pressed, not the word played
  if (event.key === "Enter") press("enter");
  else if (event.key === "Backspace") press("back");
  else if (/^[a-z]$/i.test(event.key)) press(event.key.toLowerCase());
});
byId("start").addEventListener("submit", (event) => {
  event.preventDefault();
  document.activeElement?.blur(); // so that typing goes to the board
  begin();
});
byId("give-up").addEventListener("click", () => {
  if (game) send(`/api/games/${game}/give-up`, {}, take);
});
byId("hint").addEventListener("click", (event) => {
  const on = byId("left").hidden;
  byId("left").hidden = !on;
  event.currentTarget.setAttribute("aria-pressed", String(on));
});
begin();
