"""A person's statistics: what is counted, and that no file is lost."""

import multiprocessing
from datetime import date, datetime
from pathlib import Path

import pytest

from wordle_rl.play_stats import Book, PlayedGame, day_streak, stats_lines, stats_path, streaks

TODAY = date(2026, 11, 26)


def game(
    n_guesses: int = 3, *, solved: bool = True, day: int | None = None, on: int = 0, hints: int = 0
) -> PlayedGame:
    return PlayedGame(
        finished=datetime(2026, 11, on or day or 1, 12),
        day=None if day is None else date(2026, 11, day),
        solved=solved,
        n_guesses=n_guesses,
        hints=hints,
    )


LOST = game(6, solved=False)


def test_streaks() -> None:
    assert streaks([]) == (0, 0)
    assert streaks([game(), game(), LOST, game()]) == (1, 2)
    assert streaks([game(), LOST]) == (0, 1)


def test_a_daily_streak_ends_with_a_day_that_was_missed_or_lost() -> None:
    played = [game(day=22), game(day=24), game(day=25)]
    assert day_streak(played, TODAY) == 2
    assert day_streak([*played, game(day=26)], TODAY) == 3
    assert day_streak([*played, game(6, solved=False, day=26)], TODAY) == 0
    assert day_streak(played, date(2026, 11, 27)) == 0


def test_a_word_played_after_its_day_does_not_mend_a_streak() -> None:
    assert day_streak([game(day=24), game(day=25, on=26), game(day=26)], TODAY) == 1


def test_the_lines_have_rates_streaks_and_a_histogram() -> None:
    games = [game(2), game(3, hints=1), game(3), LOST]
    assert stats_lines(games, TODAY, bar="#") == [
        "Played 4, won 75 %, streak 0, best 3, with hints 1.",
        "1 0",
        "2 ############ 1",
        "3 ######################## 2",
        "4 0",
        "5 0",
        "6 0",
        "X ############ 1",
    ]
    assert "daily streak 1" in stats_lines([game(day=26)], TODAY)[0]
    assert stats_lines([], TODAY) == ["No finished games yet."]


# --- the file


def test_games_are_kept_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "new" / "games.json"
    assert Book(path).games() == ()
    assert Book(path).add(game(2))
    assert Book(path).add(LOST)
    assert Book(path).games() == (game(2), LOST)


def test_a_daily_word_counts_once(tmp_path: Path) -> None:
    book = Book(tmp_path / "games.json")
    assert not book.has_day(TODAY)
    assert book.add(game(5, day=26))
    assert not book.add(game(1, day=26))
    assert book.has_day(TODAY)
    assert book.games() == (game(5, day=26),)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"games": [{"solved": 1}]}', "\xff"])
def test_a_broken_file_is_kept_aside(tmp_path: Path, content: str) -> None:
    path = tmp_path / "games.json"
    for n in (1, 2):
        path.write_text(content, encoding="latin-1")
        book = Book(path)
        assert book.add(game())
        assert book.notice.count("\n") == 0
        assert f"games.broken-{n}.json" in book.notice
        assert (tmp_path / f"games.broken-{n}.json").read_text(encoding="latin-1") == content
        assert Book(path).games() == (game(),)


def add_many(path: Path) -> None:
    for _ in range(20):
        Book(path).add(game())


def test_two_programs_lose_no_game(tmp_path: Path) -> None:
    path = tmp_path / "games.json"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=add_many, args=(path,)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(Book(path).games()) == 60


def test_where_the_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert stats_path() == tmp_path / "wordle-rl" / "games.json"
    monkeypatch.setenv("HOME", "/home/someone")
    for useless in ("", "relative/folder"):
        monkeypatch.setenv("XDG_DATA_HOME", useless)
        assert stats_path() == Path("/home/someone/.local/share/wordle-rl/games.json")
