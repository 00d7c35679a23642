"""A person plays through the same interface as any agent."""

import io

import pytest

from wordle_rl.agents.base import Opening, View
from wordle_rl.agents.human import Hints, HumanAgent, HumanPlayer
from wordle_rl.envs import make_env
from wordle_rl.envs.feedback import feedback
from wordle_rl.records import Episode, StopReason, Task
from wordle_rl.rollout import play_games

CRANE = Task(env_id="wordle", task_id="crane", seed=0, options={"secret": "crane"})


def play(typed: str, *tasks: Task) -> tuple[list[Episode], str]:
    """Games played by what was typed, and what the person saw."""
    out = io.StringIO()
    episodes = play_games(
        HumanAgent(io.StringIO(typed), out),
        tasks,
        make_env=lambda _: make_env("wordle"),
        temperature=0,
        seeds=[0] * len(tasks),
    )
    return episodes, out.getvalue()


def player(typed: str, out: io.StringIO, *, tty: bool = False) -> HumanPlayer:
    lines = io.StringIO(typed)
    lines.isatty = lambda: tty  # type: ignore[method-assign]
    agent = HumanAgent(lines, out, prompt=lambda view: "> ", commands={"?": lambda: "a hint"})
    return agent.begin([opening()], temperature=0)


def opening() -> Opening:
    return Opening(observation="start", info={}, seed=0, public={})


def views(*games: int) -> dict[int, View]:
    return {game: View(observation="start", info={}) for game in games}


# --- through the rollout


def test_a_person_solves_a_game() -> None:
    (episode,), seen = play("slate\ncrane\n", CRANE)
    assert episode.solved
    assert [turn.action for turn in episode.turns] == ["slate", "crane"]
    assert "Guess 1/6: S L A T E -> X X G X G" in seen


@pytest.mark.parametrize("typed", ["", "slate\n", "slate\nquit\ncrane\n", "slate\nEXIT\n"])
def test_a_person_who_leaves_truncates_the_game(typed: str) -> None:
    (episode,), seen = play(typed, CRANE)
    assert episode.stop_reason is StopReason.TRUNCATED
    assert not episode.solved
    assert "crane" not in seen.lower().replace("[crane]", "").replace(" ", "")


def test_two_games_are_asked_in_turn_and_left_together() -> None:
    (first, second), _ = play("crane\nslate\nquit\n", CRANE, CRANE)
    assert first.solved
    assert [turn.action for turn in second.turns] == ["slate"]
    assert second.truncated


# --- lines


def test_last_line_needs_no_newline() -> None:
    out = io.StringIO()
    assert player("crane", out).act(views(0))[0].action == "crane"
    assert out.getvalue() == "> crane\n"


def test_blank_lines_are_asked_again() -> None:
    out = io.StringIO()
    assert player("\n  \n crane \n", out).act(views(0))[0].action == "crane"
    assert out.getvalue().count("> ") == 3


def test_a_command_is_answered_and_asked_again() -> None:
    out = io.StringIO()
    assert player("?\ncrane\n", out).act(views(0))[0].action == "crane"
    assert out.getvalue() == "> ?\na hint\n> crane\n"


def test_a_word_that_is_a_command_is_played_in_brackets() -> None:
    assert player("[quit]\n", io.StringIO()).act(views(0))[0].action == "[quit]"


def test_a_terminal_shows_what_is_typed_so_nothing_is_echoed() -> None:
    out = io.StringIO()
    player("crane\n", out, tty=True).act(views(0))
    assert out.getvalue() == "> "


def test_nothing_is_asked_after_leaving() -> None:
    out = io.StringIO()
    one = player("quit\ncrane\n", out)
    assert one.act(views(0, 1)) == {}
    assert one.act(views(0)) == {}
    assert out.getvalue() == "> quit\n"


# --- hints


def public() -> dict[str, tuple[str, ...]]:
    env = make_env("wordle")
    return {"answers": env.public()["answers"], "guesses": env.public()["guesses"]}


def test_first_hint_counts_the_words_that_fit() -> None:
    rows = [("slate", feedback("slate", "image"))]
    fitting = [w for w in public()["answers"] if feedback("slate", w) == rows[0][1]]
    assert 1 < len(fitting) < 100
    assert Hints(public(), rows, 0)() == (
        f"{len(fitting)} of the possible words fit. Type ? again for one of them."
    )


def test_second_hint_is_a_word_that_fits() -> None:
    rows = [("slate", feedback("slate", "image"))]
    for seed in range(5):
        hints = Hints(public(), rows, seed)
        hints()
        word = hints().removeprefix("Try ").removesuffix(".")
        assert word in public()["answers"]
        assert feedback("slate", word) == rows[0][1]


def test_a_new_turn_begins_with_a_count_again() -> None:
    rows: list[tuple[str, str]] = []
    hints = Hints(public(), rows, 0)
    assert hints().startswith(f"{len(public()['answers'])} of the possible words fit.")
    assert hints().startswith("Try ")
    rows.append(("image", "GGGGG"))
    assert hints() == "1 of the possible words fits. Type ? again for one of them."
    assert hints() == "Try image."


def test_a_secret_outside_of_the_answers_is_found_among_the_guesses() -> None:
    words = public()
    secret = next(w for w in words["guesses"] if w not in words["answers"])
    hints = Hints(words, [(secret, "GGGGG")], 0)
    assert hints() == "1 of the legal guesses fits. Type ? again for one of them."
    assert hints() == f"Try {secret}."
