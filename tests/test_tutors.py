"""The teacher on the policy's own states: whom it names, when it is silent, what is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from wordle_rl.agents.base import Move, Opening, Player, View
from wordle_rl.envs import make_env
from wordle_rl.envs.feedback import consistent
from wordle_rl.errors import ConfigError
from wordle_rl.records import Completion, Episode, EpisodeGroup, FinishReason, Task
from wordle_rl.rollout import play_games
from wordle_rl.training.symbols import ALPHABET, END
from wordle_rl.training.tutors import Said, find_tutor, taught

ANSWERS = ("abbey", "crane", "crate", "slate", "trace", "train")
WORDLE = {"answers": ANSWERS, "guesses": (*ANSWERS, "zzzzz")}
SAID = Said({100 + code: code for code in range(END + 1)})


class Script:
    """Says the same words in every game, a token a symbol."""

    name = "script"
    style = "compact"

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words

    def begin(self, openings: Sequence[Opening], *, temperature: float) -> Player:
        return _ScriptPlayer(self._words)


class _ScriptPlayer:
    def __init__(self, words: Sequence[str]) -> None:
        self._left = list(words)

    def act(self, views: dict[int, View]) -> dict[int, Move]:
        word = self._left.pop(0)
        return dict.fromkeys(views, Move(action=word, completion=spoken(word)))


def spoken(word: str) -> Completion:
    ids = (*(100 + ALPHABET.index(symbol) for symbol in word), 100 + END)
    return Completion(
        text=word,
        prompt_ids=(1,),
        token_ids=ids,
        logprobs=(0.0,) * len(ids),
        finish_reason=FinishReason.STOP,
    )


def play(env_id: str, words: Sequence[str], options: dict[str, Any], secret: str) -> EpisodeGroup:
    task = Task(
        env_id=env_id,
        env_options=options,
        task_id="one",
        seed=0,
        split="all",
        options={"secret": secret},
    )
    [episode] = play_games(
        Script(words),
        [task],
        make_env=lambda task: make_env(task.env_id, style="compact", **task.env_options),
        temperature=1.0,
        seeds=[0],
        max_turns=len(words),
    )
    return EpisodeGroup(task=task, episodes=(episode,))


def lessons(group: EpisodeGroup, teacher: str) -> Episode:
    return taught([group], teacher, SAID)[0].episodes[0]


def said_at(probs: np.ndarray, place: int) -> dict[str, float]:
    symbols = [*ALPHABET, "END"]
    return {symbols[i]: round(float(p), 3) for i, p in enumerate(probs[place]) if p}


def test_the_first_letter_is_that_of_any_answer() -> None:
    game = lessons(play("wordle", ["slate", "crane"], WORDLE, "crate"), "consistent")
    first = game.turns[0].teacher_probs
    assert said_at(first, 0) == {"a": 0.167, "c": 0.333, "s": 0.167, "t": 0.333}
    assert said_at(first, 1) == {"l": 1.0}
    assert said_at(first, 5) == {"END": 1.0}


def test_later_letters_are_of_answers_that_fit() -> None:
    game = lessons(play("wordle", ["slate", "crane"], WORDLE, "crate"), "consistent")
    fitting = [w for w in ANSWERS if consistent(w, [("slate", game.turns[0].info["feedback"])])]
    assert fitting == ["crate"]
    second = game.turns[1].teacher_probs
    assert [said_at(second, place) for place in range(4)] == [
        {"c": 1.0},
        {"r": 1.0},
        {"a": 1.0},
        {"t": 1.0},
    ]
    assert not second[4:].any(), "the policy said n: no answer that fits begins so"


def test_a_refused_guess_tells_the_teacher_nothing() -> None:
    game = lessons(play("wordle", ["qqqqq", "slate"], WORDLE, "crate"), "consistent")
    assert not game.turns[0].teacher_probs[1:].any()
    assert said_at(game.turns[1].teacher_probs, 0) == said_at(game.turns[0].teacher_probs, 0)


def test_a_secret_that_is_no_answer_leaves_none_in_the_end() -> None:
    game = lessons(play("wordle", ["abbey", "slate"], WORDLE, "zzzzz"), "consistent")
    assert said_at(game.turns[1].teacher_probs, 0) == {}


def test_an_opening_is_known_to_the_teacher() -> None:
    group = play("wordle", ["crane"], WORDLE, "crate")
    opened = Task(
        env_id="wordle",
        env_options=WORDLE,
        task_id="one",
        seed=0,
        split="all",
        options={"secret": "crate", "opening": ("slate",)},
    )
    [episode] = group.episodes
    turns = tuple(
        type(turn)(
            **{f: getattr(turn, f) for f in turn.__slots__}
            | {"info": {**turn.info, "secret": "crate"}}
        )
        for turn in episode.turns
    )
    moved = Episode(
        **{f: getattr(episode, f) for f in episode.__slots__} | {"task": opened, "turns": turns}
    )
    game = lessons(EpisodeGroup(task=opened, episodes=(moved,)), "consistent")
    assert said_at(game.turns[0].teacher_probs, 3) == {"t": 1.0}


def test_the_sharp_teacher_prefers_words_that_tell_more() -> None:
    group = play("wordle", ["crane"], WORDLE, "slate")
    even = lessons(group, "consistent").turns[0].teacher_probs
    sharp = lessons(group, "sharp").turns[0].teacher_probs
    planner = find_tutor("sharp", group.task).planner
    counts = {w: len(set(planner.patterns[planner.row_of[w]])) for w in ANSWERS}
    best = {w for w in ANSWERS if counts[w] == max(counts.values())}
    favoured = sum(sharp[0, ALPHABET.index(c)] for c in {w[0] for w in best})
    assert favoured > sum(even[0, ALPHABET.index(c)] for c in {w[0] for w in best})
    weights = {w: np.exp(float(counts[w] - max(counts.values()))) for w in ANSWERS}
    expected = sum(v for w, v in weights.items() if w[0] == "c") / sum(weights.values())
    assert sharp[0, ALPHABET.index("c")] == pytest.approx(expected, rel=1e-5)


def test_number_guessing_is_taught_the_middle() -> None:
    game = lessons(play("guess-number", ["512", "250"], {"hi": 1000}, "3"), "solver")
    assert said_at(game.turns[0].teacher_probs, 0) == {"5": 1.0}
    assert said_at(game.turns[0].teacher_probs, 1) == {"0": 1.0}
    assert not game.turns[0].teacher_probs[2:].any(), "the middle is 500, and 51 was said"
    assert said_at(game.turns[1].teacher_probs, 0) == {"2": 1.0}


def test_math_is_taught_the_answer() -> None:
    game = lessons(play("math", ["7"], {"difficulty": 1}, "1:add:3,4"), "consistent")
    assert said_at(game.turns[0].teacher_probs, 0) == {"7": 1.0}
    assert said_at(game.turns[0].teacher_probs, 1) == {"END": 1.0}


def test_an_unknown_teacher_is_refused_by_name() -> None:
    group = play("wordle", ["crane"], WORDLE, "slate")
    with pytest.raises(ConfigError, match="consistent"):
        taught([group], "consistant", SAID)
