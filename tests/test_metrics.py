"""Numbers from games, by hand."""

import pytest

from wordle_rl.evaluation.games import GameRecord
from wordle_rl.evaluation.metrics import play_report
from wordle_rl.evaluation.statistics import wilson
from wordle_rl.evaluation.yardstick import Yardstick
from wordle_rl.records import NOTHING, Estimate, SecretRecord


def game(
    secret: str,
    n_guesses: int,
    *,
    solved: bool = True,
    sample: int = 0,
    statuses: list[str] | None = None,
    consistent: list[bool] | None = None,
    truncated: list[bool] | None = None,
    error: str | None = None,
) -> GameRecord:
    statuses = ["ok"] * n_guesses if statuses is None else statuses
    turns = len(statuses)
    return GameRecord(
        mode="greedy",
        sample=sample,
        secret=secret,
        guesses=["crane"] * turns,
        statuses=statuses,
        feedback=["XXXXX" if status in ("ok", "repeat") else "" for status in statuses],
        consistent=consistent or [True] * turns,
        truncated=truncated or [False] * turns,
        solved=solved,
        drawn=False,
        n_guesses=n_guesses,
        stop_reason="terminated" if error is None else "error",
        error=error,
    )


def lost(secret: str, sample: int = 0) -> GameRecord:
    return game(secret, 6, solved=False, sample=sample)


def bounds(estimate: Estimate) -> tuple[float, float]:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high


def test_a_small_suite_by_hand() -> None:
    report = play_report(
        [game("aback", 2), game("abase", 3), game("abate", 6), lost("abbey")], max_guesses=6
    )
    assert (report.n, report.secrets) == (4, 4)
    assert report.win_rate == wilson(3, 4)
    assert report.score.value == (2 + 3 + 6 + 7) / 4
    assert report.mean_guesses.value == (2 + 3 + 6) / 3
    assert report.histogram == {"1": 0, "2": 1, "3": 1, "4": 0, "5": 0, "6": 1, "lost": 1}


def test_a_loss_scores_one_more_than_the_rules_allow() -> None:
    assert play_report([lost("aback")], max_guesses=8).score.value == 9


def test_without_a_win_there_is_no_mean_of_wins() -> None:
    report = play_report([lost("aback"), lost("abase")], max_guesses=6)
    assert report.mean_guesses == Estimate(value=None, low=None, high=None)
    assert report.score == Estimate(value=7.0, low=7.0, high=7.0)


def test_rates_are_of_actions_and_of_legal_guesses() -> None:
    report = play_report(
        [
            game(
                "aback",
                4,
                statuses=["ok", "unknown_word", "repeat", "ok"],
                consistent=[True, False, False, True],
            ),
            game(
                "abase",
                4,
                statuses=["ok", "no_guess", "unknown_word", "ok"],
                consistent=[True, False, False, False],
                truncated=[False, True, False, False],
            ),
        ],
        max_guesses=6,
    )
    assert report.invalid_rate == 3 / 8
    assert report.invalid_by_kind == {"no_guess": 1 / 8, "unknown_word": 2 / 8}
    assert report.repeat_rate == 1 / 5
    assert report.consistency_rate == 3 / 5
    assert report.truncated_rate == 1 / 8


def test_a_failed_game_is_a_loss_and_counted() -> None:
    report = play_report(
        [game("aback", 0, solved=False, error="RuntimeError: broke"), game("abase", 1)],
        max_guesses=6,
    )
    assert report.errors == 1
    assert report.win_rate.value == 0.5
    assert report.score.value == (7 + 1) / 2


def test_several_games_a_secret_are_not_independent() -> None:
    # Half of the secrets are always won, half are never: 4 games a secret say no more than one.
    rows = [(f"word{i:02}", k) for i in range(40) for k in range(4)]
    games = [
        game(secret, 3, sample=k) if secret < "word20" else lost(secret, k) for secret, k in rows
    ]
    report = play_report(games, max_guesses=6)
    assert (report.n, report.secrets) == (160, 40)
    low, high = bounds(report.win_rate)
    as_clusters, as_games = (2 * 1.96 * (0.25 / n) ** 0.5 for n in (40, 160))
    assert high - low == pytest.approx(as_clusters, rel=0.06)
    assert high - low > 1.8 * as_games


@pytest.mark.parametrize("solved", [True, False])
def test_sure_results_keep_their_doubt(solved: bool) -> None:
    games = [game(f"word{i}", 6, solved=solved, sample=k) for i in range(20) for k in range(4)]
    rate = play_report(games, max_guesses=6).win_rate
    assert rate == wilson(20 if solved else 0, 20)


def test_the_order_of_the_games_changes_nothing() -> None:
    games = [game(f"word{i}", 1 + (i * k) % 6, sample=k) for i in range(30) for k in range(3)]
    assert play_report(games, max_guesses=6) == play_report(games[::-1], max_guesses=6)


def test_the_funnel_counts_actions_and_games() -> None:
    report = play_report(
        [
            game("aback", 3, statuses=["no_guess", "unknown_word", "ok"], consistent=[False] * 3),
            game("abase", 2, statuses=["ok", "ok"]),
            lost("abate"),
        ],
        max_guesses=6,
    )
    shares = {name: share.value for name, share in report.funnel.items()}
    assert shares == {"parsed": 10 / 11, "legal": 9 / 11, "consistent": 8 / 11, "won": 2 / 3}
    assert list(shares) == ["parsed", "legal", "consistent", "won"]


def test_a_funnel_that_nothing_fell_through_keeps_its_doubt() -> None:
    report = play_report([game(f"word{i}", 3) for i in range(20)], max_guesses=6)
    assert report.funnel["legal"] == wilson(20, 20)


def test_regret_is_against_the_best_known_play() -> None:
    best = Yardstick(best_known={"aback": 2, "abase": 3})
    games = [game("aback", 4), lost("abase"), game("rarer", 1)]
    report = play_report(games, max_guesses=6, held_against=best)
    assert report.regret.value == ((4 - 2) + (7 - 3)) / 2
    assert play_report(games, max_guesses=6).regret == NOTHING


def test_pass_at_k_is_of_secrets_with_as_many_games() -> None:
    games = [game("aback", 3, sample=0), lost("aback", 1), lost("abase", 0), lost("abase", 1)]
    passed = play_report(games, max_guesses=6).pass_at_k
    assert {k: rate.value for k, rate in passed.items()} == {"1": 0.25, "2": 0.5}
    assert play_report(games[:3], max_guesses=6).pass_at_k == {}


def test_one_game_a_secret_has_no_pass_at_k() -> None:
    assert play_report([game("aback", 3), lost("abase")], max_guesses=6).pass_at_k == {}


def test_the_hardest_secrets_come_first() -> None:
    games = [game("aback", 3), lost("abase"), game("abate", 5), game("abbey", 5)]
    report = play_report(games, max_guesses=6, held_against=Yardstick(best_known={"abase": 4}))
    assert [record.secret for record in report.hardest] == ["abase", "abate", "abbey", "aback"]
    assert report.hardest[0] == SecretRecord(secret="abase", n=1, wins=0, score=7.0, best_known=4)


def test_what_a_result_can_detect_is_told_beside_it() -> None:
    report = play_report([game(f"word{i}", 2 + i % 4) for i in range(100)], max_guesses=6)
    assert report.detectable["score"] == pytest.approx(2.8 * 2**0.5 * 1.118 / 10, rel=0.03)
