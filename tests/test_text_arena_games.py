"""The table of TextArena's games: complete, true, and explained; every game is played."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wordle_rl
from tests.arena_games import (
    ALONE,
    FOR_TWO,
    STRANGE,
    arena,
    last_info,
    play,
    random_action,
    with_slow_deals_marked,
)
from wordle_rl.envs import make_env, resolve_env_id
from wordle_rl.envs.text_arena import TextArenaEnv
from wordle_rl.envs.text_arena_games import (
    ARENA_GAMES,
    arena_ids,
    arena_name,
    check_playable,
    text_arena_games,
)
from wordle_rl.errors import ConfigError

FOLDER = Path(wordle_rl.__file__).parents[1]


# --- the table


def test_every_id_is_in_the_table() -> None:
    rows = text_arena_games()
    assert len(rows) == len(set(arena_ids())) >= 230
    assert {arena_name(row.id) for row in rows} == set(ARENA_GAMES)
    assert all(row.note for row in rows)
    assert sum(row.status == "ok" and row.players == 1 for row in rows) == 57
    assert len(ALONE) == 22
    assert len(FOR_TWO) == 42


UNPLAYABLE = [i for i in ARENA_GAMES if ARENA_GAMES[i].status not in ("ok", "needs-nltk")]
LACKS = {
    "Klondike-v0": "does not run in TextArena: its source is not valid Python",
    "ScorableGames-v0": "does not run in TextArena: its data files are not in TextArena's package",
    "Taboo-v0": "is for three players or more: choose a game for one or two",
}


@pytest.mark.parametrize("game", LACKS)
def test_what_cannot_be_played_says_what_is_missing(game: str) -> None:
    """Games that need NLTK's data or a key are in `test_text_arena_nltk`."""
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


# --- every game


def play_at_random(game: str, seed: int, env: TextArenaEnv | None = None) -> list[Any]:
    env = env or arena(game, max_turns=300)
    rng = np.random.default_rng(seed)
    came: list[Any] = [env.reset(seed=seed)]
    ended = False
    while not ended:
        came.append(env.step(random_action(env, rng)))
        ended = came[-1][2]
    return came


@pytest.mark.parametrize("game", with_slow_deals_marked(ALONE))
def test_every_game_plays_to_its_end(game: str) -> None:
    env = arena(game, max_turns=300)
    for seed in range(3):
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
def test_every_id_starts_and_takes_anything() -> None:
    playable = {row.id for row in text_arena_games() if row.status == "ok"}
    assert len(playable) == 165
    for game in sorted(playable - {"Sokoban-v0-medium"}):  # which takes up to minutes to deal
        env = arena(game, max_turns=2 * len(STRANGE))
        came = play(env, *STRANGE, *STRANGE, seed=0)
        for observation, *_ in came:
            assert observation in env.observation_space, game
        assert came[-1][4]["end_reason"], game
        twin = pickle.loads(pickle.dumps(env))
        assert play(twin, "[1]", "[0]") == play(env, "[1]", "[0]"), game
