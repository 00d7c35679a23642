"""A recorded game as something to look at."""

from pathlib import Path

from tests.played import LOST, OTHER_GAME, WON
from wordle_rl.envs.feedback import consistent
from wordle_rl.envs.words import load_words
from wordle_rl.evaluation.game_view import view_of
from wordle_rl.evaluation.games import GameRecord, game_record


def test_rows_have_the_words_that_were_left() -> None:
    view = view_of(game_record(WON))
    assert view.on_board
    assert (view.secret, view.result, view.earned) == ("pound", "solved in 3", "reward 1")
    assert [(t.guess, t.marks) for t in view.turns] == [
        ("stare", "XXXXX"),
        ("mound", "XGGGG"),
        ("pound", "GGGGG"),
    ]
    rows = [(t.guess, t.marks) for t in view.turns]
    fits = [sum(consistent(w, rows[:n]) for w in load_words("answers")) for n in (1, 2, 3)]
    assert [t.left.left for t in view.turns if t.left] == fits


def test_what_was_said_is_shown_where_it_is_more_than_the_guess() -> None:
    said = [turn.said for turn in view_of(game_record(LOST)).turns]
    assert said[0] == said[3] == ""
    assert said[1] == ""
    assert said[2] == "I say?[2J [stare]"


def test_another_game_is_what_was_seen_and_said() -> None:
    view = view_of(game_record(OTHER_GAME))
    assert not view.on_board
    assert view.opening == "What is 2 + 2?"
    assert [(t.said, t.answer, t.left) for t in view.turns] == [
        ("It is\n?[31m 4", "Right.", None),
    ]


def test_a_record_without_what_was_said_is_a_game_too() -> None:
    record = game_record(WON)
    bare: GameRecord = {k: v for k, v in record.items() if k in GameRecord.__required_keys__}  # type: ignore[assignment]
    view = view_of(bare)
    assert (view.secret, view.earned, len(view.turns)) == ("pound", "", 3)


def test_the_word_lists_of_a_run_are_read_from_its_settings(tmp_path: Path) -> None:
    record = game_record(WON)
    (tmp_path / "words.txt").write_text("pound\nround\nstare\nmound\n")
    few = str(tmp_path / "words.txt")
    left = [t.left.left for t in view_of(record, {"answers": few, "other": 1}).turns if t.left]
    assert left == [2, 1, 1]
    gone = view_of(record, {"answers": str(tmp_path / "gone.txt")})
    assert [t.left for t in gone.turns] == [None, None, None]


def test_guesses_that_were_given_count_in_the_words_left() -> None:
    record = game_record(WON)
    rest: GameRecord = {
        **record,
        "opening": [["stare", "XXXXX"]],
        "guesses": record["guesses"][1:],
        "feedback": record["feedback"][1:],
        "actions": [turn.action for turn in WON.turns[1:]],
        "observations": [*(turn.observation for turn in WON.turns[1:]), WON.final_observation],
    }
    assert view_of(rest).turns == view_of(record).turns[1:]


def test_how_games_end() -> None:
    lost = game_record(LOST)
    assert view_of(lost).result == "not solved"
    assert view_of({**lost, "error": "boom\x1b[2J"}).result == "error: boom?[2J"
    assert view_of({**lost, "drawn": True}).result == "a draw"
    assert view_of({**lost, "advantage": -0.5}).earned == "reward 0, advantage -0.50"
