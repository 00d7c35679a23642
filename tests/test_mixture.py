"""Several games in one run: how they are written, and which task plays which."""

import pytest

from wordle_rl.errors import ConfigError
from wordle_rl.training.mixture import allot, mixture


def test_one_game_has_all_tasks_and_flat_options() -> None:
    [game] = mixture(" wordle ", {"hard_mode": True})
    assert (game.env_id, game.share, game.options) == ("wordle", 1.0, {"hard_mode": True})


def test_games_have_shares_and_options_of_their_own() -> None:
    games = mixture("wordle=2, math , guess-number=1", {"math": {"difficulty": 2}})
    assert [g.env_id for g in games] == ["wordle", "math", "guess-number"]
    assert [g.share for g in games] == [0.5, 0.25, 0.25]
    assert [g.options for g in games] == [{}, {"difficulty": 2}, {}]


def test_variants_share_the_tasks_of_their_game() -> None:
    games = mixture("math,wordle", {"math": [{"difficulty": 1}, {"difficulty": 2}]})
    assert [(g.env_id, g.share) for g in games] == [("math", 0.25), ("math", 0.25), ("wordle", 0.5)]
    assert [dict(g.options) for g in games] == [{"difficulty": 1}, {"difficulty": 2}, {}]


@pytest.mark.parametrize(
    ("text", "options", "line"),
    [
        ("", {}, "'' is no name"),
        ("wordle,", {}, "'' is no name"),
        ("wordle,wordle", {}, "'wordle' is twice there"),
        ("wordle=0,math", {}, "weight '0' is not a positive number"),
        ("wordle=x,math", {}, "weight 'x' is not a positive number"),
        ("wordle=inf,math", {}, "weight 'inf' is not a positive number"),
        ("wordle=nan,math", {}, "weight 'nan' is not a positive number"),
        ("wordle,math", {"maths": {}}, "game in the options: 'maths'.*math"),
        ("wordle,math", {"math": 3}, "options of 'math' are 3"),
        ("wordle,math", {"math": [{}, 3]}, "options of 'math' are"),
    ],
)
def test_what_is_no_mixture_is_refused(text: str, options: dict[str, object], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        mixture(text, options)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 32, 100])
def test_tasks_are_allotted_in_proportion(count: int) -> None:
    games = mixture("a=5,b=3,c=2", {})
    names = [game.env_id for game in allot(games, count)]
    assert names == sorted(names)
    for game in games:
        assert abs(names.count(game.env_id) - game.share * count) < 1


def test_shares_that_do_not_sum_to_one_in_floats_allot_every_task() -> None:
    games = mixture(",".join(f"g{i}" for i in range(49)), {})
    assert len({game.env_id for game in allot(games, 49)}) == 49
