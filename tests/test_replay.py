"""How a game looks: tiles, boards, keyboard and share grid, with and without colour."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from wordle_rl.agents.base import Move, Opening, View
from wordle_rl.envs import make_env
from wordle_rl.envs.base import Style
from wordle_rl.evaluation.replay import (
    CLASSIC,
    CONTRAST,
    PLAIN,
    TILE_WIDTH,
    Look,
    best_marks,
    board,
    keyboard,
    look_for,
    record_of,
    record_text,
    row_text,
    share_grid,
)
from wordle_rl.records import Episode, Task
from wordle_rl.rollout import play_games

ROWS = [("crane", "XYGXX"), ("allow", "YXXXX"), ("trace", "GGGXX")]
LOOKS = {"classic": CLASSIC, "contrast": CONTRAST, "plain": PLAIN}


class Script:
    """An agent that plays given lines, then stops answering."""

    name = "script"
    style: Style = "compact"

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)

    def begin(self, openings: Sequence[Opening], *, temperature: float) -> "Script":
        return self

    def act(self, views: Mapping[int, View]) -> Mapping[int, Move]:
        return {game: Move(action=self.lines.pop(0)) for game in views if self.lines}


def played(secret: str, *lines: str) -> Episode:
    task = Task(env_id="wordle", task_id=secret, seed=0, options={"secret": secret})
    (episode,) = play_games(
        Script(*lines), [task], make_env=lambda _: make_env("wordle"), temperature=0, seeds=[0]
    )
    return episode


def printed(text: Text, **options: Any) -> str:
    file = io.StringIO()
    Console(file=file, width=60, **options).print(text)
    return file.getvalue()


# --- tiles and rows


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("hidden", [False, True])
def test_every_tile_has_one_width(look: Look, hidden: bool) -> None:
    assert len(row_text("crane", "GYXGY", look, hidden=hidden)) == 5 * TILE_WIDTH


def test_each_mark_has_its_own_colour_in_16_and_in_16_million_colours() -> None:
    for look in (CLASSIC, CONTRAST):
        for system in ("standard", "truecolor"):
            tiles = [row_text("a", mark, look) for mark in "GYX"]
            codes = {
                printed(t, force_terminal=True, color_system=system, no_color=False)
                .replace(" A ", "?")
                .replace(" a ", "?")
                for t in tiles
            }
            assert len(codes) == 3, (system, codes)


def test_plain_row_is_readable_without_escape_codes() -> None:
    assert printed(row_text("crane", "XYGXX", PLAIN)) == " c (R)[A] n  e \n"


def test_absent_letters_are_lower_case_in_colour_too() -> None:
    assert row_text("crane", "XYGXX", CLASSIC).plain.split() == ["c", "R", "A", "n", "e"]


def test_hidden_row_has_colours_but_no_letters() -> None:
    row = row_text("crane", "XYGXX", CLASSIC, hidden=True)
    assert not any(letter.isalpha() for letter in row.plain)
    assert [span.style for span in row.spans] == [CLASSIC.styles[mark] for mark in "XYGXX"]


def test_refused_guess_is_named_and_cannot_steer_the_terminal() -> None:
    assert row_text("xyzzy", "", PLAIN).plain == "refused: xyzzy"
    assert row_text("a\x1b[2J", "", PLAIN).plain == "refused: a[2J"
    assert row_text("", "", PLAIN).plain == "refused"
    assert row_text("xyzzy", "", PLAIN, hidden=True).plain == "refused"


def test_board_is_filled_up_to_its_height() -> None:
    assert board(ROWS[:1], PLAIN, height=3).plain.splitlines() == [
        " c (R)[A] n  e ",
        " _  _  _  _  _ ",
        " _  _  _  _  _ ",
    ]


# --- keyboard


def test_keyboard_keeps_the_best_mark_of_a_letter() -> None:
    assert best_marks([("crane", "XYGXX"), ("trace", "XGYXX"), ("caper", "XXXXY")]) == {
        **{"c": "X", "r": "G", "a": "G", "n": "X", "e": "X", "t": "X", "p": "X"}
    }


def test_keyboard_ignores_refused_guesses() -> None:
    assert best_marks([("xyzzy", ""), ("crane", "XYGXX")]) == best_marks([("crane", "XYGXX")])


def test_plain_keyboard() -> None:
    assert keyboard(ROWS, PLAIN).plain.splitlines() == [
        " q  .  . [R][T] y  u  i  .  p ",
        "  [A] s  d  f  g  h  j  k  . ",
        "      z  x  .  v  b  .  m ",
    ]


def test_untouched_keyboard_shows_the_alphabet_once() -> None:
    assert sorted(keyboard([], CLASSIC).plain.split()) == sorted("abcdefghijklmnopqrstuvwxyz")


# --- share grid


def test_share_grid_of_a_win() -> None:
    rows = [("crane", "XYGXX"), ("train", "GGGGG")]
    assert share_grid(rows, CLASSIC, solved=True) == "wordle-rl 2/6\n\n⬛🟨🟩⬛⬛\n🟩🟩🟩🟩🟩"
    assert share_grid(rows, CONTRAST, solved=True) == "wordle-rl 2/6\n\n⬛🟦🟧⬛⬛\n🟧🟧🟧🟧🟧"


def test_share_grid_of_a_loss_in_hard_mode_without_emoji() -> None:
    rows = [("crane", "XYGXX"), ("xyzzy", "")]
    grid = share_grid(rows, PLAIN, solved=False, max_guesses=2, hard=True, emoji=False)
    assert grid == "wordle-rl X/2*\n\nXYGXX\n-----"
    assert grid.isascii()


# --- which look


@pytest.mark.parametrize(
    ("environ", "terminal", "plain"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, True, True),
        ({"TERM": "dumb"}, True, True),
        ({}, False, True),
    ],
)
def test_look_is_plain_where_colour_cannot_be_seen(
    environ: dict[str, str], terminal: bool, plain: bool
) -> None:
    console = Console(
        file=io.StringIO(),
        force_terminal=terminal,
        _environ={"TERM": "xterm-256color", **environ},
    )
    assert look_for(console) is (PLAIN if plain else CLASSIC)
    assert look_for(console, contrast=True).squares == CONTRAST.squares
    assert (look_for(console, contrast=True).frames == PLAIN.frames) is plain


# --- finished games


def test_an_episode_and_its_json_are_one_record() -> None:
    episode = played("crane", "slate", "xyzzy", "crane")
    record = record_of(episode)
    assert record.rows == (("slate", "XXGXG"), ("xyzzy", ""), ("crane", "GGGGG"))
    assert record.solved
    assert record.secret == "crane"
    game = {
        "guesses": ["slate", "xyzzy", "crane"],
        "feedback": ["XXGXG", "", "GGGGG"],
        "solved": True,
        "secret": "crane",
    }
    assert record_of(game) == record


def test_text_of_a_lost_game_names_the_word() -> None:
    episode = played("crane", *["slate"] * 6)
    lines = record_text(record_of(episode), PLAIN).plain.splitlines()
    assert lines == [" s  l [A] t [E]"] * 6 + ["not solved, the word was CRANE"]


def test_text_of_a_game_that_stopped_keeps_the_word() -> None:
    text = record_text(record_of(played("crane", "slate")), PLAIN).plain
    assert text.splitlines() == [" s  l [A] t [E]", "not finished"]


def test_a_game_without_a_move_has_a_text() -> None:
    assert record_text(record_of(played("crane")), PLAIN).plain == "not finished"


@pytest.mark.parametrize(
    ("game", "what"),
    [
        ({"guesses": [], "solved": False}, "'feedback'"),
        ({"guesses": ["crane"], "feedback": [], "solved": False}, "1 guesses but 0"),
    ],
)
def test_a_broken_record_is_refused(game: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        record_of(game)
