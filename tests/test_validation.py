"""What a run is measured on: which suites a setting names, and how several become one number."""

from __future__ import annotations

import pytest

from tests.ten_words import taught_agent
from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.suites import load_suite
from wordle_rl.training.validation import chosen_suites, validator


def names(setting: str, env_id: str, options: dict[str, object], opponent: str = "") -> list[str]:
    return [suite.name for suite in chosen_suites(setting, env_id, options, "val", opponent)]


def test_a_setting_names_suites() -> None:
    assert names("", "wordle", {}) == []
    assert names("wordle-val, math-1", "wordle", {}) == ["wordle-val", "math-1"]
    with pytest.raises(ConfigError, match="did you mean 'wordle-val'"):
        names("wordle-va", "wordle", {})


def test_auto_is_every_game_of_the_run() -> None:
    assert names("auto", "wordle", {"max_guesses": 6}) == ["wordle-val"]
    mixed = {"guess-number": [{"hi": 1000}, {"hi": 100}, {"hi": 1000}]}
    found = names("auto", "wordle=3,guess-number", mixed)
    assert found == ["wordle-val", "guess-number-1000-val", "guess-number-100-val"]


def test_self_play_is_measured_against_players_who_do_not_learn() -> None:
    found = names("auto", "textarena:TicTacToe-v0", {}, "self")
    assert found == ["tictactoe-random-val", "tictactoe-perfect-val"]
    found = names("auto", "textarena:ConnectFour-v0", {}, "self")
    assert found == ["textarena:ConnectFour-v0(val)"]
    found = names("auto", "textarena:TicTacToe-v0", {}, "perfect")
    assert found == ["tictactoe-perfect-val"]


def test_a_game_without_validation_secrets_says_what_to_set() -> None:
    with pytest.raises(ConfigError, match="name other suites"):
        names("auto", "wordle", {"answers": ["crane", "slate"]})


def test_a_game_that_is_not_there_is_said_to_be_that_alone() -> None:
    with pytest.raises(ConfigError, match=r"^unknown game 'nope': (?!.*eval\.suite)"):
        chosen_suites("auto", "nope", {}, "val")


def test_several_suites_have_one_mean() -> None:
    suites = [load_suite("wordle-val").subset(4), load_suite("wordle-train").subset(4)]
    validate = validator(suites)
    assert validate is not None
    metrics = validate(taught_agent())
    each = [metrics[f"eval/{suite.name}/greedy_win_rate"] for suite in suites]
    assert metrics["eval/greedy_win_rate"] == sum(each) / 2
    assert validator([]) is None
