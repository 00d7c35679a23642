"""Where guesses fall away."""

from tests.played import LOST, OTHER_GAME, WON
from wordle_rl.evaluation.funnel import funnel
from wordle_rl.evaluation.games import GameRecord, game_record


def shares(*games: GameRecord) -> dict[str, tuple[int, int]]:
    return {stage.name: (stage.count, stage.of) for stage in funnel(games)}


def test_stages_are_counted_over_guesses_and_games() -> None:
    won, lost = game_record(WON), game_record(LOST)
    assert lost["statuses"][:3] == ["ok", "unknown_word", "repeat"]
    legal = 3 + sum(status in ("ok", "repeat") for status in lost["statuses"])
    consistent = sum(won["consistent"]) + sum(lost["consistent"])
    assert shares(won, lost) == {
        "understood": (9, 9),
        "legal": (legal, 9),
        "consistent": (consistent, 9),
        "games won": (1, 2),
    }
    assert legal < 9
    assert consistent < legal


def test_an_answer_without_a_guess_is_not_understood() -> None:
    record = game_record(LOST)
    for refusal in ("no_guess", "bad_length"):
        game: GameRecord = {**record, "statuses": [refusal, *record["statuses"][1:]]}
        assert shares(game)["understood"] == (5, 6)


def test_other_games_and_none_at_all() -> None:
    assert shares(game_record(OTHER_GAME))["games won"] == (1, 1)
    assert [stage.share for stage in funnel([])] == [0, 0, 0, 0]
