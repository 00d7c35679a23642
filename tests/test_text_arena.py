"""TextArena's games as environments: our conventions, and its defects put right."""

import copy
import io
import json
import pickle
import random
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.error import ResetNeeded

import wordle_rl
from wordle_rl.envs import make_env, resolve_env_id
from wordle_rl.envs.base import MAX_OBSERVATION
from wordle_rl.envs.text_arena import TextArenaEnv
from wordle_rl.envs.text_arena_games import (
    ARENA_GAMES,
    GAMES_OF_ONE,
    arena_ids,
    arena_name,
    check_playable,
    text_arena_games,
)
from wordle_rl.envs.text_arena_match import Match
from wordle_rl.envs.text_arena_text import CUT, GAME, Said, clip, narrate, to_ascii
from wordle_rl.errors import ConfigError

FOLDER = Path(wordle_rl.__file__).parents[1]
FAST = ["2048-v0-ultra-easy", "Blackjack-v0", "Mastermind-v0", "Sokoban-v0", "Secretary-v0"]
ALONE = sorted(f"{name}-v0" for name, game in GAMES_OF_ONE.items() if game.status == "ok")
STRANGE = ["", "[", "]", "\ud800", "\x00[1]", "[" + "9" * 5000 + "]", "[1]" * 4000, "<think>[1]"]
each_fast = pytest.mark.parametrize("game", FAST)


def arena(game: str, **options: Any) -> TextArenaEnv:
    return TextArenaEnv(game=game, **options)


def play(env: TextArenaEnv, *actions: str, **reset: Any) -> list[Any]:
    """Reset and play to the end of the actions or of the game; everything that came back."""
    came: list[Any] = [env.reset(**reset)]
    for action in actions:
        came.append(env.step(action))
        if came[-1][2]:
            break
    return came


def last_info(env: TextArenaEnv, *actions: str, **reset: Any) -> dict[str, Any]:
    info: dict[str, Any] = play(env, *actions, **reset)[-1][-1]
    return info


def state(env: TextArenaEnv) -> Any:
    """TextArena's own state of the game."""
    return env.match.engine.env.state


# --- the table


def test_every_id_is_in_the_table() -> None:
    rows = text_arena_games()
    assert len(rows) == len(set(arena_ids())) >= 230
    assert {arena_name(row.id) for row in rows} == set(ARENA_GAMES)
    assert all(row.note for row in rows)
    assert sum(row.status == "ok" and row.players == 1 for row in rows) == 57
    assert len(ALONE) == 21 + ("2048-v0" in ALONE)


UNPLAYABLE = [i for i in ARENA_GAMES if ARENA_GAMES[i].status not in ("ok", "needs-nltk")]
LACKS = {
    "Wordle-v0": "needs NLTK data that is not installed: run `python -m nltk.downloader words",
    "Hangman-v0-hardcore": "needs NLTK data that is not installed: run `python -m nltk.",
    "GuessWho-v0": "cannot be played: a paid language model judges it",
    "Klondike-v0": "does not run in TextArena: its source is not valid Python",
    "ScorableGames-v0": "does not run in TextArena: its data files are not in TextArena's package",
    "Taboo-v0": "is for three players or more: choose a game for one or two",
}


@pytest.mark.parametrize("game", LACKS)
def test_what_cannot_be_played_says_what_is_missing(
    game: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nltk

    monkeypatch.setattr(nltk.data, "path", [])
    with pytest.raises(ConfigError) as caught:
        arena(game)
    assert str(caught.value).startswith(f"TextArena game {game!r} {LACKS[game]}")
    assert "\n" not in str(caught.value)


def test_no_other_game_of_the_table_is_tried() -> None:
    assert len(UNPLAYABLE) >= 20
    for name in UNPLAYABLE:
        if ARENA_GAMES[name].status == "needs-python-3.12" and sys.version_info >= (3, 12):
            continue
        with pytest.raises(ConfigError, match=f"TextArena game '{name}-v0'"):
            check_playable(f"{name}-v0")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"game": "Sokobann-v0"},
            "unknown TextArena game 'Sokobann-v0': did you mean 'Sokoban-v0'?",
        ),
        ({"game": "TicTacToe-v0-raw"}, "unknown TextArena game 'TicTacToe-v0-raw': did you mean"),
        ({"reward": "shaped"}, "unknown reward 'shaped': "),
        ({"style": "chatty"}, "unknown style 'chatty': did you mean 'chat'?"),
        ({"history": "none"}, "unknown history 'none': "),
        ({"seat": 2}, "seat 2 is not 0, 1, 'alternate' or 'random'"),
        ({"seat": True}, "seat True is not 0, 1"),
        ({"max_turns": 0}, "max_turns 0 is not a whole number from 1 to 1000"),
        ({"game_options": {"size": 3}}, "TextArena game 'GuessTheNumber-v0' does not take the opt"),
    ],
)
def test_wrong_options_are_explained_in_a_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TextArenaEnv(**options)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_short_names() -> None:
    env = make_env("textarena:Sokoban-v0", style="compact")
    assert isinstance(env, TextArenaEnv)
    assert env.public()["game"] == "Sokoban-v0"
    assert resolve_env_id("textarena:Sokoban-v0") == "wordle-rl/TextArena-v0"
    with pytest.raises(ConfigError, match="unknown TextArena game 'Soko'"):
        make_env("textarena:Soko")


def test_options_of_the_game_itself() -> None:
    env = arena("GuessTheNumber-v0", game_options={"min_number": 7, "max_number": 7})
    assert last_info(env, "[7]", seed=0)["solved"] is True


def test_importing_the_project_does_not_import_textarena() -> None:
    script = "import sys, wordle_rl.envs.text_arena; print('textarena' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=FOLDER
    )
    assert done.stdout == "False\n", done.stderr


# --- wins are wins


@pytest.mark.parametrize("reward", ["binary", "native"])
def test_a_won_and_a_nearly_won_game(reward: str) -> None:
    """TextArena pays a lost game up to 0.95; a win is a win of the game and nothing else."""
    env = arena("GuessTheNumber-v0", reward=reward)
    secret = int(last_info(env, "x", "x", seed=5)["secret"])
    won = play(env, f"[{secret}]", seed=5)[-1]
    assert (won[1], won[4]["solved"], won[4]["end_reason"]) == (1.0, True, "solved")
    near = secret + (1 if secret < 20 else -1)
    lost = play(env, f"[{near}]", "x", "x", seed=5)[-1]
    assert lost[4]["native_reward"] == pytest.approx(1 - 1 / 19)
    assert lost[1] == (0.0 if reward == "binary" else lost[4]["native_reward"])
    assert (lost[4]["solved"], lost[4]["end_reason"]) == (False, "invalid")


def test_the_turn_limit_is_a_loss() -> None:
    env = arena("GuessTheNumber-v0")
    secret = int(last_info(env, "x", "x", seed=1)["secret"])
    wrong = [f"[{n}]" for n in range(1, 21) if n != secret]
    info = last_info(env, *wrong, seed=1)
    assert (info["end_reason"], info["turn"], info["solved"]) == ("lost", 11, False)


def test_2048_is_won_by_the_tile_and_not_by_the_score() -> None:
    """A lost board may be paid 1: half for the score, half for the largest tile, capped at 1."""
    env = arena("2048-v0-8x8")
    env.reset(seed=0)
    game = env.match.engine.env
    state(env).game_state["board"] = [[2, 4] * 4, [4, 2] * 4] * 4
    state(env).game_state["board"][0][:3] = [8, 8, 0]
    state(env).game_state["board"][0][3] = 1024
    state(env).game_state["score"] = 10**6
    assert game._get_percentage_completion() == 1.0
    game.step("[left]")
    state(env).set_outcome(game._get_percentage_completion())
    assert state(env).rewards == {0: 1.0}
    assert env.match.engine.won is False
    state(env).game_state["board"][7][7] = 2048
    assert env.match.engine.won is True


def test_blackjack_is_won_by_more_hands_than_the_dealer() -> None:
    outcomes = set()
    for seed in range(30):
        env = arena("Blackjack-v0")
        info = last_info(env, *["[stand]"] * 5, seed=seed)
        hands = state(env).game_state["results_summary"]
        assert sum(hands.values()) == 5
        assert info["solved"] == (hands["win"] > hands["lose"])
        assert info["native_reward"] == pytest.approx(hands["win"] / 5)
        outcomes.add(info["solved"])
    assert outcomes == {True, False}


def test_bandit_can_be_won() -> None:
    """TextArena compares the last button with a dictionary: there every answer is wrong."""
    env = arena("Bandit-v0", reward="native")
    best = last_info(env, "x", "x", seed=3)["secret"]
    *_, (observation, reward, _, _, info) = play(env, *[f"[{best}]"] * 21, seed=3)
    assert (reward, info["solved"], info["secret"]) == (1.0, True, best)
    assert "correct button" in observation
    other = "red" if best != "red" else "blue"
    info = last_info(env, *[f"[{other}]"] * 21, seed=3)
    assert (info["solved"], 0 < info["native_reward"] < 1) == (False, True)


def test_secretary_is_won_by_the_highest_value() -> None:
    env = arena("Secretary-v0")
    env.reset(seed=2)
    draws = list(state(env).game_state["draws"])
    best = draws.index(max(draws))
    actions = [*["[continue]"] * best, "[accept]"]
    assert last_info(env, *actions, seed=2)["solved"] is True
    assert last_info(env, "[accept]", seed=2)["solved"] is (best == 0)


def test_one_set_is_no_win_and_one_card_three_times_is_no_set() -> None:
    env = arena("Set-v0")
    observation, _, _, _, info = play(env, "[1, 1, 1]", seed=0)[-1]
    assert (info["status"], state(env).game_state["score"]) == ("invalid", 0)
    assert "Invalid action format" in observation
    actions = [find_set(env, seed=0), *["[1, 2, 3]"] * 20]
    info = last_info(env, *actions, seed=0)
    assert info["native_reward"] >= 1
    assert info["solved"] is False


def find_set(env: TextArenaEnv, seed: int) -> str:
    """Three cards of the first board that are a Set."""
    from itertools import combinations

    from textarena.envs.Set.env import _is_set

    env.reset(seed=seed)
    board = state(env).game_state["board"]
    found = next(c for c in combinations(range(12), 3) if _is_set(tuple(board[i] for i in c)))
    return f"[{found[0] + 1}, {found[1] + 1}, {found[2] + 1}]"


def test_a_perfect_game_of_set_is_a_win() -> None:
    from itertools import combinations

    from textarena.envs.Set.env import _is_set

    env = arena("Set-v0", reward="native")
    env.reset(seed=0)
    ended, reward, info = False, 0.0, {}
    while not ended:
        board = state(env).game_state["board"]
        sets = (c for c in combinations(range(len(board)), 3) if _is_set([board[i] for i in c]))
        a, b, c = next(sets, (0, 1, 2))
        _, reward, ended, _, info = env.step(f"[{a + 1}, {b + 1}, {c + 1}]")
    assert reward == state(env).game_state["score"]
    assert info["solved"] == (reward == 20)


def test_slitherlink_needs_the_loop_and_not_the_clues_alone() -> None:
    env = arena("Slitherlink-v0")
    env.reset(seed=0)
    game = env.match.engine.env
    game.clues = [[None] * 4 for _ in range(4)]
    game.clues[0][0] = 1
    env.step("[h 0 0]")
    assert game._progress() == 1.0
    state(env).set_outcome(game._progress())
    assert env.match.engine.won is False
    game.clues[0][0] = 4
    for edge in [(1, 0)]:
        game.h_edges.add(edge)
    game.v_edges.update({(0, 0), (0, 1)})
    assert env.match.engine.won is True


def test_the_fifteen_puzzle_can_be_solved() -> None:
    """Its winning line calls a method that TextArena's state does not have."""
    env = arena("FifteenPuzzle-v0")
    env.reset(seed=0)
    tiles: list[int | None] = [*range(1, 15), None, 15]
    env.match.engine.env.board[:] = [tiles[i : i + 4] for i in range(0, 16, 4)]
    _, reward, ended, _, info = env.step("[left]")
    assert (reward, ended, info["solved"], info["problem"]) == (1.0, True, True, "")
    assert info["native_reward"] == 1.0


def test_the_fifteen_puzzle_that_is_dealt_can_be_solved() -> None:
    """Swapping two tiles of a solvable board makes an unsolvable one."""
    from wordle_rl.envs.text_arena_repairs import is_fair

    env = arena("FifteenPuzzle-v0")
    for seed in range(20):
        env.reset(seed=seed)
        game = copy.deepcopy(env.match.engine.env)
        assert is_fair(game, "FifteenPuzzle")
        cells = [(r, c) for r in range(4) for c in range(4) if game.board[r][c] is not None]
        (r, c), (s, d) = cells[:2]
        game.board[r][c], game.board[s][d] = game.board[s][d], game.board[r][c]
        assert not is_fair(game, "FifteenPuzzle")


HANOI = ["[A C]", "[A B]", "[C B]", "[A C]", "[B A]", "[B C]", "[A C]"]
SEND = ["[S 9]", "[E 5]", "[N 6]", "[D 7]", "[M 1]", "[O 0]", "[R 8]", "[Y 2]"]


@pytest.mark.parametrize(
    ("game", "actions"),
    [
        ("TowerOfHanoi-v0", HANOI),
        ("Cryptarithm-v0", SEND),
        ("Countdown-v0", ["[0 2 *]", "[0 4 -]"]),
    ],
)
def test_games_without_chance(game: str, actions: list[str]) -> None:
    info = last_info(arena(game), *actions, seed=0)
    assert info["status"] == "ok"
    if game != "Countdown-v0":
        assert (info["solved"], info["turn"]) == (True, len(actions))


def test_countdown_is_won_at_the_target() -> None:
    env = arena("Countdown-v0", game_options={"numbers": [2, 3, 4], "target": 10})
    assert last_info(env, "[1 2 *]", "[1 0 -]", seed=0)["solved"] is True
    assert last_info(env, "[1 2 *]", "[1 0 +]", seed=0)["solved"] is False


# --- TextArena's other defects


@pytest.mark.parametrize(
    "game", ["Countdown-v0", "Cryptarithm-v0", "Slitherlink-v0", "ThreeCardMonte-v0"]
)
def test_a_reward_is_a_number_and_a_reason_is_text(game: str) -> None:
    """These four hand reason and reward over in the wrong order."""
    env = arena(game, reward="native")
    _, first, second = play(env, "nonsense", "nonsense", seed=0)
    assert "Reason: Invalid" in first[0] or "Reason: Bad" in first[0]
    assert isinstance(second[1], float)
    assert second[4]["problem"] == ""
    assert "Invalid Move: " in second[0]


def test_a_reward_that_is_no_number_counts_nothing_and_is_told() -> None:
    env = arena("GuessTheNumber-v0", reward="native")
    env.reset(seed=0)
    env.step("x")
    state(env).set_invalid_move = lambda **_: state(env).set_outcome(reward="many")
    _, reward, ended, _, info = env.step("x")
    assert (reward, ended, info["problem"]) == (0.0, True, "'many'")


def test_a_game_that_fails_is_an_ended_game() -> None:
    env = arena("GuessTheNumber-v0")
    env.reset(seed=0)
    observation, reward, ended, truncated, info = env.step("[" + "9" * 5000 + "]")
    assert (reward, ended, truncated) == (0.0, True, False)
    assert (info["status"], info["end_reason"], info["solved"]) == ("error", "error", False)
    assert info["problem"].startswith("ValueError: Exceeds the limit")
    assert observation.endswith("The game failed and is over.")
    with pytest.raises(ResetNeeded):
        env.step("[5]")


def test_two_refusals_in_a_row_lose() -> None:
    env = arena("GuessTheNumber-v0")
    statuses = [step[4]["status"] for step in play(env, "x", "[1]", "x", "x", seed=0)[1:]]
    assert statuses == ["invalid", "ok", "invalid", "invalid"]
    info = last_info(env, "x", "[1]", "x", "x", seed=0)
    assert (info["end_reason"], info["turn"]) == ("invalid", 1)


def test_a_limit_outside_of_the_game() -> None:
    """RushHour has no end of its own: a car may go back and forth for ever."""
    env = arena("RushHour-v0", max_turns=6)
    env.reset(seed=0)
    cars = state(env).game_state["vehicles"]
    game = env.match.engine.env
    car = next(c for c in cars if c != "X" and game._can_move(cars, cars[c], True))
    for action in [f"[{car}+]", f"[{car}-]"] * 3:
        observation, _, ended, truncated, info = env.step(action)
        assert info["status"] == "ok"
    assert (ended, truncated, info["end_reason"], info["outcome"]) == (True, False, "max_turns", "")
    assert observation.endswith("The game is called off after 6 turns.")


def test_the_reason_is_the_last_thing_said() -> None:
    env = arena("ThreeCardMonte-v0")
    observation = play(env, "[0]", seed=0)[-1][0]
    assert observation.split("\n")[-1] in (
        "Correct! You found the ball.",
        *(f"Wrong - ball was under cup {cup}." for cup in (1, 2)),
    )


def test_thinking_is_no_move_and_brackets_are_added() -> None:
    env = arena("GuessTheNumber-v0")
    info = last_info(env, "<think>[3] or [4]?</think> 7", seed=0)
    assert (info["guess"], info["status"]) == ("[7]", "ok")
    info = last_info(env, "[3] no, [4]", seed=0)
    assert state(env).game_state["guess_history"][0][0] == 3, "TextArena's first bracket counts"


def test_games_that_print_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    play(arena("LogicPuzzle-v0"), "x", "x", seed=0)
    assert capsys.readouterr().out == ""


# --- no leaks


def test_fifty_resets_leave_no_history() -> None:
    env = arena("GuessTheNumber-v0", history="full")
    lengths = {len(play(env, "[5]", "[6]", seed=seed)[0][0]) for seed in range(50)}
    assert len(lengths) == 1
    assert play(env, "[5]", seed=7) == play(
        arena("GuessTheNumber-v0", history="full"), "[5]", seed=7
    )


@pytest.mark.parametrize("game", ["GuessTheNumber-v0", "Mastermind-v0", "Bandit-v0"])
def test_nothing_tells_the_secret(game: str) -> None:
    """Games that differ in the secret alone look the same before the first move, and rendered."""
    seen, secrets = set(), set()
    for seed in range(50):
        env = arena(game, render_mode="ansi")
        seen.add(
            f"{env.reset(seed=seed)} {env.render()} {env.public()} {str(env).partition(' at ')}"
        )
        secrets.add(last_info(env, "x", "x", seed=seed)["secret"])
    assert len(seen) == 1
    assert len(secrets) >= 4


def test_a_secret_is_told_at_the_end_alone() -> None:
    env = arena("Mastermind-v0")
    steps = play(env, "[1 2 3 4]", "[1 2 3 4]", "[1 2 3 4]", seed=0)
    assert ["secret" in step[-1] for step in steps] == [False, False, False, True]
    code = steps[-1][-1]["secret"]
    assert last_info(env, f"[{code}]", seed=0)["solved"] is True


# --- chance


@each_fast
def test_interleaved_games_are_not_disturbed(game: str) -> None:
    actions = ["[up]", "[hit]", "[1 2 3 4]", "[left]", "[continue]", "[1 2 3 5]", "[down]"]
    alone = play(arena(game), *actions, seed=4)
    before = random.getstate(), pickle.dumps(np.random.get_state())
    env, other = arena(game), arena(game)
    together: list[Any] = [env.reset(seed=4)]
    for action in actions[: len(alone) - 1]:
        other.reset(seed=4)
        other.step("[down]")
        together.append(env.step(action))
    assert together == alone
    assert (random.getstate(), pickle.dumps(np.random.get_state())) == before


@each_fast
@pytest.mark.parametrize("fork", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_fork_goes_on_as_the_game_would(game: str, fork: Any) -> None:
    env = arena(game)
    env.reset(seed=1)
    env.step("[up]")
    twin = fork(env)
    if not env.match.done:
        assert twin.step("[left]") == env.step("[left]")
    assert play(twin, "[hit]", "[continue]") == play(env, "[hit]", "[continue]")


REPLAY = """
import json, sys
from wordle_rl.envs.text_arena import TextArenaEnv
game, actions = json.loads(sys.argv[1])
env = TextArenaEnv(game=game)
print(json.dumps([env.reset(seed=0), *map(env.step, actions)]))
"""


def test_the_order_of_several_moves_is_that_of_the_text() -> None:
    """Crosswords and LogicPuzzle read an action into a set: its order depends on the process."""
    moves = "".join(f"[{r} {c} e]" for r in range(12) for c in range(12))
    said = set()
    for seed in ("1", "2", "3"):
        done = subprocess.run(
            [sys.executable, "-c", REPLAY, json.dumps(["Crosswords-v0", [moves]])],
            capture_output=True,
            text=True,
            check=True,
            cwd=FOLDER,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        )
        said.add(done.stdout)
    assert len(said) == 1
    with redirect_stdout(io.StringIO()):
        here = arena("Crosswords-v0")
        assert json.dumps([here.reset(seed=0), here.step(moves)]) + "\n" in said
    assert "set" not in vars(sys.modules["textarena.envs.Crosswords.env"])


# --- any string is an action


@each_fast
@pytest.mark.parametrize("style", ["chat", "compact"])
@pytest.mark.parametrize("history", ["last", "full"])
def test_any_string_is_an_action(game: str, style: Any, history: Any) -> None:
    env = arena(game, style=style, history=history)
    for start in range(len(STRANGE)):
        came = play(env, *STRANGE[start:], *STRANGE, seed=start)
        for observation, *_ in came:
            assert observation in env.observation_space
            assert observation
        assert came[-1][4]["end_reason"] in ("invalid", "error")


# --- words


def test_compact_leaves_the_rules_out() -> None:
    chat, _ = arena("2048-v0").reset(seed=0)
    compact, _ = arena("2048-v0", style="compact").reset(seed=0)
    assert "Valid moves: [Up]" in chat
    assert compact.startswith("Score: 0\n+")
    assert compact.split("\n") == [line.rstrip() for line in chat.split("\n") if line][2:]
    assert arena("Bandit-v0", style="compact").reset(seed=0)[0] == "Bandit-v0"


def test_full_history_tells_the_whole_game() -> None:
    env = arena("GuessTheNumber-v0", history="full")
    secret = int(last_info(env, "x", "x", seed=5)["secret"])
    hint = "lower" if secret < 20 else "higher"
    other = 20 if secret < 20 else 1
    observation = play(env, f"I say [{other}]", f"[{secret}]", seed=5)[-1][0]
    lines = observation.split("\n")
    assert lines[0].startswith("You are Player 0. You are playing Guess The Number.")
    assert lines[-4] == f"[Player] I say [{other}]"
    assert lines[-3:-1] == [f"The target number is {hint}.", f"[Player] [{secret}]"]


def test_symbols_are_written_out() -> None:
    assert to_ascii("A\u2660, 10\u2665 \u221a \u25cf\u25cb \u2500\u2502 \u2014 \u00e9\t|") == (
        "As, 10h * o. -| - e    |"
    )
    assert to_ascii("\U0001f389 \u4e16 \x00 \ud800") == " ? ? ?"
    observation, _ = arena("Blackjack-v0").reset(seed=0)
    assert "Dealer shows: " in observation
    assert observation.isascii()


def test_boards_that_a_newer_one_replaces_are_left_out() -> None:
    heard = [
        Said(GAME, "GAME", "prompt", "rules\n\n"),
        Said(GAME, "GAME", "game_board", "old"),
        Said(0, "Player 0", "player_action", "[1]"),
        Said(GAME, "GAME", "game_message", "fine"),
        Said(GAME, "GAME", "game_board", "new"),
        Said(GAME, "GAME", "game_board", "and its moves"),
    ]
    both = narrate(heard, me=0, style="chat", with_mine=True)
    assert both == "rules\n[Player 0] [1]\nfine\nnew\nand its moves"
    assert narrate(heard, me=0, style="compact", with_mine=False) == "fine\nnew\nand its moves"


def test_long_texts_are_cut_at_the_front() -> None:
    text = "x" * MAX_OBSERVATION + "end"
    assert clip(text[:MAX_OBSERVATION]) == text[:MAX_OBSERVATION]
    assert len(clip(text)) == MAX_OBSERVATION
    assert clip(text).startswith(CUT)
    assert clip(text).endswith("xend")


def test_render_human_prints_what_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    env = arena("GuessTheNumber-v0", render_mode="human")
    env.reset(seed=0)
    assert "Guess The Number" in capsys.readouterr().out
    env.step("x")
    assert capsys.readouterr().out.startswith("You attempted an invalid move.")


# --- every game


def actions_for(game: str, observation: str, rng: np.random.Generator) -> str:
    """A random action that the game may understand."""
    a, b, c, d = (int(n) for n in rng.integers(9, size=4))
    word = str(rng.choice(["up", "down", "left", "right", "hit", "stand", "red", "accept"]))
    numbers = [f"[{a}]", f"[{a} {b}]", f"[{a} {b} {c}]", f"[{a + 1}, {b + 1}, {c + 1}]"]
    forms = {
        "Countdown": [f"[{a % 4} {b % 4} +]", f"[{a % 4} {b % 4} *]"],
        "Crosswords": [f"[{a} {b} {'etaoins'[c % 7]}]"],
        "Cryptarithm": [f"[{'SENDMORY'[a % 8]} {b}]"],
        "GuessTheNumber": [f"[{a + 1}]", f"[{a + b + 1}]"],
        "LightsOut": [f"[{a % 5} {b % 5}]"],
        "Mastermind": [f"[{a % 6 + 1} {b % 6 + 1} {c % 6 + 1} {d % 6 + 1}]"],
        "Minesweeper": [f"[{a} {b}]"],
        "PegJump": [f"[{a + 1} {b + 1}]", f"[{a + b} {c + 1}]"],
        "RushHour": [f"[{'XABCDFG'[a % 7]}{'+-'[b % 2]}]"],
        "Slitherlink": [f"[{'hv'[a % 2]} {b % 4} {c % 4}]"],
        "ThreeCardMonte": [f"[{a % 3}]"],
        "TowerOfHanoi": [f"[{'ABC'[a % 3]} {'ABC'[b % 3]}]"],
    }
    choices = forms.get(arena_name(game), [f"[{word}]", *numbers])
    return choices[int(rng.integers(len(choices)))]


def play_at_random(game: str, seed: int, env: TextArenaEnv | None = None) -> list[Any]:
    env = env or arena(game, max_turns=300)
    rng = np.random.default_rng(seed)
    came: list[Any] = [env.reset(seed=seed)]
    ended = False
    while not ended:
        came.append(env.step(actions_for(game, came[-1][0], rng)))
        ended = came[-1][2]
    return came


@pytest.mark.slow
@pytest.mark.parametrize("game", ALONE)
def test_every_game_plays_to_its_end(game: str) -> None:
    env = arena(game, max_turns=300)
    for seed in range(5):
        came = play_at_random(game, seed, env)
        for observation, *_, info in came:
            assert observation in env.observation_space
            assert info["problem"] == ""
        assert came == play_at_random(game, seed)
        info = came[-1][-1]
        assert info["end_reason"] in ("solved", "lost", "invalid", "max_turns")
        assert info["solved"] == (info["end_reason"] == "solved")
        assert came[-1][1] == float(info["solved"])


@pytest.mark.slow
@pytest.mark.parametrize("row", [r for r in text_arena_games() if r.status == "ok"], ids=str)
def test_every_id_starts_and_takes_anything(row: Any) -> None:
    if row.id == "Sokoban-v0-medium":
        pytest.skip("a deal takes up to minutes")
    env = arena(row.id)
    came = play(env, *STRANGE, *STRANGE, seed=0)
    for observation, *_ in came:
        assert observation in env.observation_space
    assert came[-1][4]["end_reason"]
    twin = pickle.loads(pickle.dumps(env))
    assert play(twin, "[1]", "[0]") == play(env, "[1]", "[0]")


def test_a_match_is_not_played_on() -> None:
    match = Match("GuessTheNumber-v0", 1)
    match.reset(seed=0)
    match.step("x")
    assert match.step("x") is True
    with pytest.raises(RuntimeError, match="the game is over"):
        match.step("[5]")
