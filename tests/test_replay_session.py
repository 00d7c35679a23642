"""Looking at recorded games: the listing, and stepping with keys."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from tests.played import LOST, WON, play
from tests.recorded_run import other_run, train_run, write_group
from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.game_view import view_of
from wordle_rl.evaluation.games import game_record
from wordle_rl.evaluation.recorded import game_files, training_files
from wordle_rl.evaluation.replay import PLAIN
from wordle_rl.replay_session import (
    KEYS,
    Album,
    Place,
    browse,
    game_text,
    listing,
    press,
    summary,
    with_secret,
)
from wordle_rl.run_dir import RunDir
from wordle_rl.terminal import END


@pytest.fixture
def album(tmp_path: Path) -> Album:
    files = training_files(game_files(train_run(tmp_path / "run")))
    return Album(files=tuple(files), options={})


def test_a_listing_shows_every_game_under_its_step(album: Album) -> None:
    out = io.StringIO()
    listing(album, Console(file=out, width=80), PLAIN)
    text = out.getvalue()
    assert text.index("step 5: 1 of 2 won") < text.index("step 20: 2 of 2 won, 3.00 guesses")
    assert text.count("solved in 3: POUND (reward 1, advantage +0.50)") == 3
    assert text.count("not solved: POUND") == 1
    assert "> I say?[2J [stare]" in text
    assert "\x1b" not in text


def test_a_row_has_the_words_left_and_the_yardstick() -> None:
    view = view_of(game_record(WON))
    first, second, third, end = game_text(view, PLAIN).plain.splitlines()
    left = [turn.left for turn in view.turns]
    assert left[0] is not None
    assert left[0].fair is not None
    assert first == f" s  t  a  r  e   {left[0].left:>4} left ({left[0].fair:.0f})"
    assert second.startswith(" m [O][U][N][D]")
    assert third.startswith("[P][O][U][N][D]     1 left (")
    assert end == "solved in 3: POUND (reward 1)"


def test_a_game_shown_in_part_keeps_its_secret() -> None:
    view = view_of(game_record(LOST))
    assert "POUND" in game_text(view, PLAIN).plain
    for turns in range(len(view.turns)):
        assert "pound" not in game_text(view, PLAIN, turns=turns).plain.lower()
    assert "POUND" in game_text(view, PLAIN, turns=len(view.turns)).plain


def test_a_game_without_a_board_is_what_was_said(tmp_path: Path) -> None:
    files = game_files(other_run(tmp_path / "run"))
    text = game_text(Album(files=tuple(files), options={}).view(Place()), PLAIN).plain
    assert text.splitlines() == [
        "What is 2 + 2?",
        "> It is",
        "> ?[31m 4",
        "Right.",
        "solved in 1: m (reward 1, advantage +0.50)",
    ]
    assert summary(files[0]) == "step 3: 1 of 1 won, 1.00 guesses on wins, mean reward 1.00"


def test_keys_lead_from_game_to_game_and_stop_at_the_ends(album: Album) -> None:
    place = Place()
    seen = []
    for key in ("n", "\x1b[C", "\r", "n", "p", "\x1b[D", "p", "p"):
        place = press(key, place, album) or Place()
        seen.append((place.file, place.game))
    assert seen == [(0, 1), (1, 0), (1, 1), (1, 1), (1, 0), (0, 1), (0, 0), (0, 0)]


def test_keys_lead_from_step_to_step_at_the_same_game(album: Album) -> None:
    there = press("]", Place(game=1), album)
    assert there == Place(file=1, game=1)
    assert press("\x1b[B", there, album) == there
    assert press("[", there, album) == press("\x1b[A", there, album) == Place(game=1)


def test_a_step_with_fewer_games_shows_its_last(tmp_path: Path) -> None:
    run = train_run(tmp_path / "run")
    write_group(RunDir(run), 30, WON)
    album = Album(files=tuple(training_files(game_files(run))), options={})
    assert press("]", Place(file=1, game=1), album) == Place(file=2, game=0)


def test_space_shows_one_guess_more_each_time(album: Album) -> None:
    place = Place(game=1)
    shown = []
    for _ in range(4):
        place = press(" ", place, album) or Place()
        shown.append(place.turns)
    assert shown == [1, 2, None, 1]


def test_keys_that_leave_and_keys_that_mean_nothing(album: Album) -> None:
    for key in ("q", "\x1b", END):
        assert press(key, Place(), album) is None
    assert press("x", Place(game=1), album) == Place(game=1)
    assert len(KEYS) == 14


def test_browsing_draws_each_place_and_ends(album: Album) -> None:
    keys: Iterator[str] = iter(["n", " ", "q"])
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None)
    browse(album, console, PLAIN, lambda: next(keys))
    text = out.getvalue()
    assert text.count("game 2 of 2") == 2
    assert text.count("game 1 of 2") == 1
    assert text.count("solved in 3: POUND") == 1
    assert list(keys) == []


def test_games_of_one_secret(tmp_path: Path) -> None:
    run = train_run(tmp_path / "run")
    files = training_files(game_files(run))
    assert with_secret(files, " POUND ") == files
    with pytest.raises(ConfigError, match="no recorded game has the secret 'crane'; some that do"):
        with_secret(files, "crane")
    assert play("[stare]").task.secret == "pound"
