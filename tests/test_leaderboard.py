"""Boards: who is above whom, who is tied, and what is left out."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from tests.stored import Plan, ends, game, result
from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.board_text import board_markdown, board_note, boards_json
from wordle_rl.evaluation.leaderboard import (
    Board,
    check_played,
    leaderboard,
    newest,
    suites_played,
)
from wordle_rl.evaluation.metrics import play_report
from wordle_rl.evaluation.paired import paired
from wordle_rl.evaluation.results import Result, installed_suite, result_id
from wordle_rl.evaluation.store import Store

SUITE = "wordle-val[40]"


def board_of(tmp_path: Path, *results: Result, suite: str = SUITE, mode: str = "greedy") -> Board:
    with Store(tmp_path / "results.db") as store:
        for one in results:
            store.add(one)
        return leaderboard(store, suite, mode)


def on(agent: str, plan: Plan, **more: object) -> Result:
    return result(agent, plan, suite=SUITE, **more)


def test_the_best_score_is_first_and_a_sure_difference_is_a_rank(tmp_path: Path) -> None:
    board = board_of(
        tmp_path,
        on("slow", lambda i, _: 5),
        on("fast", lambda i, _: 3),
        on("loser", lambda i, _: None),
    )
    assert [(e.rank, e.agent, e.score.value) for e in board.entries] == [
        (1, "fast", 3.0),
        (2, "slow", 5.0),
        (3, "loser", 7.0),
    ]
    assert all(entry.tied_with == () for entry in board.entries)


def test_agents_that_cannot_be_told_apart_are_tied(tmp_path: Path) -> None:
    one = on("one", lambda i, _: 3 + i % 2)
    other = on("other", lambda i, _: 4 - i % 2 if i else 3)
    board = board_of(tmp_path, one, other, on("worse", lambda i, _: 6))
    assert [(e.rank, e.agent) for e in board.entries] == [(1, "other"), (1, "one"), (3, "worse")]
    assert [e.tied_with for e in board.entries] == [("one",), ("other",), ()]


@pytest.mark.parametrize(("shift", "surely"), [(0, False), (2, False), (4, False), (12, True)])
def test_a_tie_is_what_the_paired_test_says(tmp_path: Path, shift: int, surely: bool) -> None:
    """Some secrets are a guess slower: the more, the surer."""
    a = on("a", lambda i, _: 4)
    b = on("b", lambda i, _: 5 if i < shift else (3 if i == 39 else 4))
    limit = installed_suite(SUITE).protocol.max_guesses
    low, _, high = ends(paired(a.games, b.games, max_guesses=limit).score)
    assert (high < 0 or low > 0) is surely
    board = board_of(tmp_path, a, b)
    assert bool(board.entries[0].tied_with) is not surely
    assert [entry.rank for entry in board.entries] == ([1, 2] if surely else [1, 1])


def test_the_newest_result_of_an_agent_counts(tmp_path: Path) -> None:
    old = on("mine", lambda i, _: 5, created="2026-01-01T00:00:00+00:00")
    new = on("mine", lambda i, _: 4, created="2026-02-01T00:00:00+00:00")
    board = board_of(tmp_path, new, old)
    assert [entry.score.value for entry in board.entries] == [4.0]


def test_models_of_one_name_are_two_entries(tmp_path: Path) -> None:
    first = on("mine", lambda i, _: 5, fingerprint="aaaaaaaaaa")
    second = on("mine", lambda i, _: 4, fingerprint="bbbbbbbbbb")
    both = [replace(one, id=result_id(one)) for one in (first, second)]
    board = board_of(tmp_path, *both)
    assert [entry.label for entry in board.entries] == ["mine #bbbbbb", "mine #aaaaaa"]


def test_modes_are_boards_of_their_own(tmp_path: Path) -> None:
    both, greedy = on("both", lambda i, _: 4, samples=2), on("greedy", lambda i, _: 3)
    assert len(board_of(tmp_path, both, greedy).entries) == 2
    sampled = board_of(tmp_path, mode="sampled")
    assert [(entry.agent, entry.n) for entry in sampled.entries] == [("both", 80)]


def test_results_of_another_version_of_the_suite_are_counted_and_left_out(tmp_path: Path) -> None:
    with Store(tmp_path / "results.db") as store:
        store.add(on("mine", lambda i, _: 4))
        old = replace(on("old", lambda i, _: 3), suite_hash="0" * 64)
        store._insert(old)
        board = leaderboard(store, SUITE)
    assert [entry.agent for entry in board.entries] == ["mine"]
    assert board.outdated == 1
    assert "1 results of other versions" in board_note(board)


def test_suites_with_results(tmp_path: Path) -> None:
    with Store(tmp_path / "results.db") as store:
        with pytest.raises(ConfigError, match="wordle-rl evaluate AGENT"):
            check_played(store, ["wordle-val"])
        store.add(on("mine", lambda i, _: 4))
        store._insert(replace(on("x", lambda i, _: 3), suite="gone", id="gone"))
        assert suites_played(store) == [SUITE]
        with pytest.raises(ConfigError, match="did you mean"):
            check_played(store, [SUITE, "wordle-val[4]"])


def test_what_an_agent_is_called_does_not_break_a_table(tmp_path: Path) -> None:
    name = "a|b\n| c | <script>alert(1)</script>"
    text = board_markdown(board_of(tmp_path, on(name, lambda i, _: 4)))
    assert "| 1 | a\\|b \\| c \\| &lt;script>alert(1)&lt;/script> | 40 |" in text
    assert len(text.splitlines()) == 5


def test_plain_data_has_the_boards_and_marks_what_is_not_ours(tmp_path: Path) -> None:
    plain = boards_json([board_of(tmp_path, on("mine", lambda i, _: 4))])
    assert plain["boards"][0]["entries"][0]["agent"] == "mine"
    assert plain["boards"][0]["entries"][0]["win_rate"]["value"] == 1.0
    assert all(p["source"] and p["protocol"] for p in plain["published_under_other_protocols"])
    assert len(plain["published_under_other_protocols"]) >= 5


def duel(agent: str, suite: str, wins: int, draws: int) -> Result:
    """A result in a game for two: so many games won, so many drawn, the rest lost."""
    tasks = installed_suite(suite)
    games = [
        {
            **game("crane", 1 if i < wins else None),
            "secret": secret,
            "drawn": wins <= i < wins + draws,
        }
        for i, secret in enumerate(tasks.secrets)
    ]
    report = play_report(games, max_guesses=1)
    made = replace(
        result(agent),
        suite=suite,
        suite_hash=tasks.suite_hash,
        games=tuple(games),
        greedy=asdict(report),
    )
    return replace(made, id=result_id(made))


def test_games_for_two_are_rated_over_all_opponents(tmp_path: Path) -> None:
    pytest.importorskip("choix")
    board = board_of(
        tmp_path,
        duel("strong", "tictactoe-random", 180, 20),
        duel("strong", "tictactoe-perfect", 0, 150),
        duel("weak", "tictactoe-random", 80, 20),
        duel("twin", "tictactoe-random", 82, 17),
        suite="tictactoe-random",
    )
    assert board.for_two
    assert [(e.rank, e.agent) for e in board.entries] == [(1, "strong"), (2, "twin"), (2, "weak")]
    assert board.entries[1].tied_with == ("weak",)
    assert set(board.opponents) == {"random", "perfect"}
    assert ends(board.opponents["perfect"])[0] > ends(board.opponents["random"])[2]
    ratings = [entry.rating.value for entry in board.entries]
    assert np.all(np.diff(ratings) < 0)
    assert "rating" in board_markdown(board)


def test_newest_keeps_one_for_each_agent_weights_and_suite() -> None:
    a, b = on("a", lambda i, _: 4), on("b", lambda i, _: 4)
    assert newest([a, b, replace(a, hardware="older")]) == [a, b]


def test_a_lost_game_of_the_helper_is_lost() -> None:
    assert game("crane", None)["n_guesses"] == 6
