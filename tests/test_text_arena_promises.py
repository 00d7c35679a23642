"""What every registered game promises (`test_envs`), of every game of TextArena for one or two."""

import copy
import json
import pickle
import random
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env

import wordle_rl
from tests.arena_games import (
    ALONE,
    FOR_TWO,
    STRANGE,
    accepted_actions,
    arena,
    last_info,
    play,
    state,
    with_slow_deals_marked,
)
from wordle_rl.envs.text_arena import TextArenaEnv
from wordle_rl.envs.text_arena_games import arena_name, text_arena_games

FOLDER = Path(wordle_rl.__file__).parents[1]
SEED = 1
each_game = pytest.mark.parametrize("game", ALONE + FOR_TWO)


# --- Gymnasium's rules


@pytest.mark.parametrize("game", with_slow_deals_marked(ALONE + FOR_TWO))
def test_gymnasium_finds_nothing_to_warn_of(game: str) -> None:
    """pytest is set to raise on every warning."""
    check_env(gymnasium.make("wordle-rl/TextArena-v0", game=game).unwrapped)


@each_game
def test_values_have_their_types_to_the_end(game: str) -> None:
    env = arena(game)
    (_, info), *steps = play(env, *accepted_actions(game, SEED), *["?"] * 20, seed=SEED)
    shape = {key: type(value) for key, value in info.items()}
    for observation, reward, terminated, truncated, info in steps:
        assert observation in env.observation_space
        assert (type(reward), type(terminated), truncated) == (float, bool, False)
        assert reward == sum(info["reward_parts"].values())
        assert {k: type(v) for k, v in info.items() if k != "secret"} == shape
        assert (info["end_reason"] != "") == ("secret" in info) == terminated
        assert info["solved"] == (info["end_reason"] == "solved") == (reward == 1)
    assert steps[-1][2] is True
    with pytest.raises(ResetNeeded):
        env.step("?")


@each_game
def test_any_string_is_an_action(game: str) -> None:
    styles = list(product(("chat", "compact"), ("last", "full"))) * 2
    for start, (style, history) in enumerate(styles):
        env = arena(game, style=style, history=history, max_turns=20)
        came = play(env, *STRANGE[start:], *STRANGE * 2, seed=SEED)
        assert all(observation in env.observation_space for observation, *_ in came)
        assert all(observation for observation, *_ in came)
        assert came[-1][4]["end_reason"]


@pytest.mark.parametrize("game", ["GuessTheNumber-v0", "TicTacToe-v0"])
@pytest.mark.parametrize("action", [None, 5, ["[5]"], b"[5]"])
def test_anything_else_is_not(game: str, action: Any) -> None:
    env = arena(game)
    env.reset(seed=SEED)
    with pytest.raises(TypeError):
        env.step(action)


# --- chance


def world() -> tuple[Any, bytes]:
    """The global generators' state."""
    return random.getstate(), pickle.dumps(np.random.get_state())


@each_game
def test_interleaved_games_are_not_disturbed(game: str) -> None:
    """By a game of the same seed that draws in between, and starts anew."""
    actions = accepted_actions(game, SEED)
    alone = play(arena(game), *actions, seed=SEED)
    before = world()
    env, twin = arena(game), arena(game)
    together: list[Any] = [env.reset(seed=SEED)]
    for action in actions[: len(alone) - 1]:
        twin.reset(seed=SEED)
        twin.step(actions[0])
        together.append(env.step(action))
    assert together == alone
    assert world() == before


@each_game
def test_the_global_generators_do_not_decide(game: str) -> None:
    games = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)
        games.append(play(arena(game), *accepted_actions(game, SEED), seed=SEED))
    assert games[0] == games[1]


@each_game
def test_a_reset_leaves_no_trace_of_the_last_game(game: str) -> None:
    env = arena(game)
    play(env, *accepted_actions(game, SEED), seed=SEED)
    again = play(env, *accepted_actions(game, SEED), seed=SEED)
    assert again == play(arena(game), *accepted_actions(game, SEED), seed=SEED)


@each_game
@pytest.mark.parametrize("fork", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_fork_goes_on_as_the_game_would(
    game: str, fork: Callable[[TextArenaEnv], TextArenaEnv]
) -> None:
    actions = accepted_actions(game, SEED)
    env = arena(game)
    env.reset(seed=SEED)
    for steps in range(min(3, len(actions))):
        twin = fork(env)
        assert twin.step(actions[steps]) == env.step(actions[steps])
        if env.match.done:
            break
    assert play(twin, *actions) == play(env, *actions)


REPLAY = """
import json, sys
from wordle_rl.envs import make_env
for game, actions in json.load(sys.stdin).items():
    env = make_env(f"textarena:{game}")
    said = [env.reset(seed=1)]
    for action in actions:
        said.append(env.step(action))
        if said[-1][2]:
            break
    print(json.dumps(said))
"""


def test_a_new_process_plays_the_same_games() -> None:
    """One process for all, because importing TextArena takes longer than to play."""
    asked = {game: accepted_actions(game, SEED) for game in ALONE + FOR_TWO}
    done = subprocess.run(
        [sys.executable, "-c", REPLAY],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        cwd=FOLDER,
        env={"PYTHONHASHSEED": "1", "PATH": ""},
    )
    for (game, actions), said in zip(asked.items(), done.stdout.splitlines(), strict=True):
        assert said == json.dumps(play(arena(game), *actions, seed=SEED)), game


@pytest.mark.parametrize("game", with_slow_deals_marked(ALONE))
def test_seeds_make_different_games(game: str) -> None:
    """Where the game deals at all."""
    deals = set()
    for seed in range(6):
        env = arena(game)
        opening, _ = env.reset(seed=seed)
        deals.add(f"{opening} {env.match.engine.secret}")
    assert (len(deals) > 2) != (game in ALWAYS_THE_SAME)


ALWAYS_THE_SAME = {
    "Countdown-v0",
    "Cryptarithm-v0",
    "Minesweeper-v0",
    "PegJump-v0",
    "TowerOfHanoi-v0",
}
"""At the start: the mines of Minesweeper are laid at the first move."""


# --- nothing hidden is told


Hide = Callable[[TextArenaEnv], None]


def swap_hole_card(env: TextArenaEnv) -> None:
    state(env).game_state["dealer_hand"][1] = "7\u2663"


def raise_last_draw(env: TextArenaEnv) -> None:
    state(env).game_state["draws"][-1] = 1.0


def turn_deck(env: TextArenaEnv) -> None:
    state(env).game_state["deck"].reverse()


def swap_best_button(env: TextArenaEnv) -> None:
    means = state(env).game_state["ground_truth"]
    means["red"], means["blue"] = 0.9, 0.1


def lose_solution(env: TextArenaEnv) -> None:
    state(env).game_state["solution"] = []


def lose_marks(env: TextArenaEnv) -> None:
    env.match.engine.env.game_board_solution = {}


def mirror_grid(env: TextArenaEnv) -> None:
    game = env.match.engine.env
    game.full_grid = [[10 - digit for digit in row] for row in game.full_grid]


def swap_mines(env: TextArenaEnv) -> None:
    """Where there was none there is one, as far as nobody has seen."""
    game = env.match.engine.env
    for row, seen in zip(game.grid, game.revealed, strict=True):
        row[:] = [n if shown else min(0, -n - 1) for n, shown in zip(row, seen, strict=True)]


def put(key: str, value: Any) -> Hide:
    def change(env: TextArenaEnv) -> None:
        state(env).game_state[key] = value

    return change


def hold_the_same(key: str, *, seat: int = 1) -> Hide:
    """In a game for two: one side holds what the other one does."""

    def change(env: TextArenaEnv) -> None:
        held = state(env).game_state[key]
        held[seat] = copy.deepcopy(held[1 - seat])

    return change


HIDDEN: dict[str, Hide] = {
    "Bandit-v0": swap_best_button,
    "Blackjack-v0": swap_hole_card,
    "Crosswords-v0": lose_solution,
    "GuessTheNumber-v0": put("game_number", 99),
    "LogicPuzzle-v0": lose_marks,
    "Mastermind-v0": put("secret_code", [9, 9, 9, 9]),
    "Minesweeper-v0": swap_mines,
    "Secretary-v0": raise_last_draw,
    "Set-v0": turn_deck,
    "Sudoku-v0": mirror_grid,
    "Battleship-v0": hold_the_same("board"),
    "GermanWhist-v0": hold_the_same("players"),
    "IndianPoker-v0": hold_the_same("player_cards", seat=0),  # a player sees the other's card
    "KuhnPoker-v0": hold_the_same("player_cards"),
    "LiarsDice-v0": hold_the_same("dice_rolls"),
    "Poker-v0": hold_the_same("player_hands"),
    "SimpleBlindAuction-v0": hold_the_same("player_item_values"),
    "SimpleNegotiation-v0": hold_the_same("player_values"),
}
"""How to change what the player cannot see. In the other games for one all is on the board, or
chance; of those for two these are the ones in which something is held."""


@pytest.mark.parametrize("game", HIDDEN)
def test_what_is_said_and_shown_does_not_depend_on_what_is_hidden(game: str) -> None:
    """A refused action is answered alike, and the board looks alike, whatever the solution is."""
    env = arena(game, render_mode="ansi", history="full")
    env.reset(seed=SEED)
    env.step(accepted_actions(game, SEED)[0])
    twin, same = copy.deepcopy(env), copy.deepcopy(env)
    HIDDEN[game](twin)
    assert pickle.dumps(twin) != pickle.dumps(same)
    assert twin.step("?") == env.step("?")
    assert (twin.render(), twin.public()) == (env.render(), env.public())
    assert str(twin).partition(" at ")[0] == str(env).partition(" at ")[0]


@pytest.mark.parametrize("game", ["GuessTheNumber-v0", "Mastermind-v0", "Bandit-v0"])
def test_the_opening_does_not_depend_on_the_secret(game: str) -> None:
    openings, secrets = set(), set()
    for seed in range(50):
        env = arena(game, render_mode="ansi")
        openings.add(f"{env.reset(seed=seed)} {env.render()}")
        secrets.add(env.match.engine.secret)
    assert len(openings) == 1
    assert len(secrets) >= 4


def later_values(env: TextArenaEnv) -> list[str]:
    return [f"{value:.4f}" for value in state(env).game_state["draws"][1:]]


def cards_in_the_pack(env: TextArenaEnv) -> list[str]:
    return [" ".join(card) for card in state(env).game_state["deck"]]


def filled_rows(env: TextArenaEnv) -> list[str]:
    """Rows of the solution that have a gap on the board."""
    rows = zip(env.match.engine.env.full_grid, state(env).game_state["board"], strict=True)
    return ["".join(map(str, full)) for full, shown in rows if 0 in shown]


@pytest.mark.parametrize(
    ("game", "unseen"),
    [
        ("Secretary-v0", later_values),
        ("Set-v0", cards_in_the_pack),
        ("Sudoku-v0", filled_rows),
    ],
)
def test_the_opening_does_not_name_what_is_hidden(
    game: str, unseen: Callable[[TextArenaEnv], list[str]]
) -> None:
    for seed in range(10):
        env = arena(game)
        opening, _ = env.reset(seed=seed)
        board = opening.partition("=== BOARD ===")[2] or opening  # the rules of Set name cards
        dense = re.sub(r"[ |]", "", board)
        assert unseen(env)
        assert not [text for text in unseen(env) if text in board or text in dense]


@pytest.mark.parametrize("game", ALONE)
def test_a_secret_is_told_at_the_end_alone(game: str) -> None:
    steps = play(arena(game), "?", *accepted_actions(game, SEED), *["?"] * 20, seed=SEED)
    assert ["secret" in info for *_, info in steps] == [False] * (len(steps) - 1) + [True]
    named = ("Bandit", "GuessTheNumber", "Mastermind", "Sudoku", "ThreeCardMonte")
    assert bool(steps[-1][-1]["secret"]) == (arena_name(game) in named)


# --- no network


@each_game
def test_no_socket_is_opened(game: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a game opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert last_info(arena(game), "?", "?", seed=SEED)["status"] in ("ok", "invalid", "error")


# --- every variant


@pytest.mark.slow
def test_every_variant_keeps_to_itself() -> None:
    plain = {*ALONE, *FOR_TWO, "Sokoban-v0-medium"}  # which takes up to minutes to deal
    ids = [row.id for row in text_arena_games() if row.status == "ok" and row.id not in plain]
    assert len(ids) == 100
    for game in ids:
        test_interleaved_games_are_not_disturbed(game)
        test_a_reset_leaves_no_trace_of_the_last_game(game)
        test_a_secret_is_told_at_the_end_alone(game)
