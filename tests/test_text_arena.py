"""TextArena's games as environments: what is told, in which words, and what remains."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import wordle_rl
from tests.arena_games import arena, last_info, play
from wordle_rl.envs.base import MAX_OBSERVATION
from wordle_rl.envs.text_arena_match import Match
from wordle_rl.envs.text_arena_text import CUT, GAME, Said, clip, narrate, to_ascii

FOLDER = Path(wordle_rl.__file__).parents[1]


# --- no leaks


def test_fifty_resets_leave_no_history() -> None:
    env = arena("GuessTheNumber-v0", history="full")
    lengths = {len(play(env, "[5]", "[6]", seed=seed)[0][0]) for seed in range(50)}
    assert len(lengths) == 1
    assert play(env, "[5]", seed=7) == play(
        arena("GuessTheNumber-v0", history="full"), "[5]", seed=7
    )


def test_a_secret_is_told_at_the_end_alone() -> None:
    env = arena("Mastermind-v0")
    steps = play(env, "[1 2 3 4]", "[1 2 3 4]", "[1 2 3 4]", seed=0)
    assert ["secret" in step[-1] for step in steps] == [False, False, False, True]
    code = steps[-1][-1]["secret"]
    assert last_info(env, f"[{code}]", seed=0)["solved"] is True


# --- chance

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
    here = arena("Crosswords-v0")
    assert json.dumps([here.reset(seed=0), here.step(moves)]) + "\n" in said
    assert "set" not in vars(sys.modules["textarena.envs.Crosswords.env"])


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


def test_a_match_is_not_played_on() -> None:
    match = Match("GuessTheNumber-v0", 1)
    match.reset(seed=0)
    match.step("x")
    assert match.step("x") is True
    with pytest.raises(RuntimeError, match="the game is over"):
        match.step("[5]")
