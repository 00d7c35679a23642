"""Questions with one exact answer as a Gymnasium environment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any, Literal, get_args

from wordle_rl.envs.arguments import check_choice, check_flag, check_range
from wordle_rl.envs.base import History, Style
from wordle_rl.envs.guessing import Answer, GuessingGame, Reading
from wordle_rl.envs.math_answers import nearness
from wordle_rl.envs.math_problems import (
    Problem,
    TemplateSet,
    check_difficulty,
    default_templates,
    templates_of,
)
from wordle_rl.envs.math_sources import Puzzle, open_source
from wordle_rl.envs.math_text import VOICES, ChatVoice, Rules
from wordle_rl.envs.turns import MAX_TURNS
from wordle_rl.envs.words import Split
from wordle_rl.errors import ConfigError

Status = Literal[
    "start",
    "ok",
    "repeat",
    "no_answer",
    "bad_number",
    "bad_fraction",
    "bad_length",
    "bad_text",
]

NOTHING = Problem(
    id="",
    template="",
    difficulty=0,
    numbers=(),
    question="",
    compact="",
    answer=Fraction(0),
    key="",
)
"""What is asked before the first game."""


class MathQAEnv(GuessingGame[Rules]):
    r"""Answer a question with an exact number.

    ## Description
    A problem is drawn; the player answers. Problems are made by our own generators in five steps of
    difficulty: two terms; several terms with precedence and parentheses; fractions, one unknown,
    per cent and ratio; word problems of two steps; word problems of three or four. Answers are
    whole numbers or fractions, compared exactly. A file of questions or a set of reasoning-gym can
    take the generators' place.

    ## Action Space
    `Text`: anything. The answer is read by `math_answers.parse_answer`: the last `<answer>`,
    `\boxed{}`, `####` or `[42]` outside of `<think>`, or a bare number. `1,200`, `$18`, `25 %`,
    `0.75`, `3/4`, `x = 42` and `18 apples` are understood. No string raises, and nothing that an
    answer says is computed.

    ## Observation Space
    `Text` in printable ASCII. `style="chat"` is plain English; `style="compact"` is the question,
    `math 12+7*3`, and one mark an answer: `=` (right), `x` (wrong), with `hints` `>` (the answer is
    greater) or `<` (less), or `?number` for a refused action. With `history="last"` an observation
    is the reply to the last action, with `"full"` it is the opening and the replies to all of them.

    ## Rewards
    `reward` names a scheme of `rewards.REWARDS`, or a user's own as `package.module:name`. The
    credit of a wrong number is 0.1, 0.1 more with the right sign, and up to 0.3 for its size
    (`math_answers.nearness`), so below half of the right one's; of a wrong text it is 0.

    ## Starting State
    A problem drawn uniformly over the difficulties, then over their templates, then over the
    numbers; or one by its id: `reset(options={"secret": "1:add:12,7"})`, in any split. The id of a
    question from a file is `gsm8k:LINE`, from reasoning-gym `NAME:NUMBER`. The split of a problem
    is the hash of its numbers, in which the order of terms does not count.

    ## Episode End
    Terminated when the answer is right or the attempts are used up; a refused action uses one up.
    Never truncated. By default there is one attempt, so every game ends with its first step.

    ## Info
    * `turn`: attempts used.
    * `guess`: the answer that was understood in its usual form, such as `-3/4`; else empty.
    * `status`: `start`, `ok`, `repeat` (said before in this game); a refused action has
      `no_answer`, `bad_number` (not one number), `bad_fraction` (divided by zero), `bad_length`
      (too long), and with reasoning-gym `bad_text` (a text that would be computed).
    * `feedback`: `=`, `x`, `>` or `<`; empty where there is none.
    * `solved`: whether the answer is right.
    * `reward_parts`: what the action earned, by name.
    * `end_reason`: empty while the game runs, then `solved` or `out_of_guesses`.
    * `consistent`: whether the answer was legal and fitted all feedback before it.
    * `credit`: after the end, that of the best answer; 0 before, for it tells too much.
    * `secret`: after the end, the answer in its usual form.

    ## Arguments
    * `difficulty`: 1 to 5, or several of them. Read for generated problems alone.
    * `templates`: "train" draws no template that is held out, "held-out" no other, "all" any. By
      default "train" for the splits "train" and "val", else "all". Read for generated problems
      alone; templates are held out of difficulty 3 to 5.
    * `split`: "train", "val", "test" or "all": which problems are drawn.
    * `source`: "generated", "gsm8k:PATH.jsonl" or "reasoning_gym:NAME".
    * `max_attempts`: 1 to 100.
    * `hints`: say of a wrong number whether the answer is greater or less.
    * `reward`, `style`, `history`: as above.
    * `render_mode`: "ansi" returns the game as text, "human" prints what is new.

    ## Version History
    * v0: first version.
    """

    def __init__(
        self,
        *,
        difficulty: int | Collection[int] = 1,
        templates: TemplateSet | None = None,
        split: Split = "all",
        source: str = "generated",
        max_attempts: int = 1,
        hints: bool = False,
        reward: str = "binary",
        style: Style = "chat",
        history: History = "last",
        render_mode: str | None = None,
    ) -> None:
        """Open the source and resolve the names. Raises ConfigError for what is not allowed."""
        check_flag("hints", hints)
        check_range("max_attempts", max_attempts, 1, MAX_TURNS)
        check_choice("split", split, get_args(Split))
        self._difficulty = check_difficulty(difficulty)
        chosen = default_templates(split) if templates is None else templates
        for level in self._difficulty:
            templates_of(level, chosen)
        self._source_name = source
        self._source = open_source(
            source, difficulty=self._difficulty, split=split, templates=chosen
        )
        if hints and self._source.form == "text":
            raise ConfigError(f"hints are for numbers: the answers of {source!r} are texts")
        self._rules = Rules(
            max_guesses=max_attempts,
            invalid_policy="consume",
            max_invalid=1,
            hints=hints,
            form=self._source.form,
        )
        super().__init__(
            rules=self._rules,
            reward=reward,
            style=style,
            history=history,
            track_candidates=False,
            render_mode=render_mode,
        )
        self._style: Style = style
        self._puzzle: Puzzle = NOTHING
        self._clear("")

    def public(self) -> Mapping[str, Any]:
        """The rules, whatever the split and the style."""
        return {
            "game": "math",
            "source": self._source_name,
            "difficulty": self._difficulty,
            "max_attempts": self._rules.max_guesses,
            "hints": self._rules.hints,
        }

    def _clear(self, secret: str) -> None:
        """Begin a game with `self._puzzle`, whose answer is the secret."""
        super()._clear(secret)
        self._voice = VOICES[self._style](self._rules, self._history, self._puzzle)

    def _draw_secret(self) -> str:
        self._puzzle = self._source.draw(self.np_random)
        return self._puzzle.answer_text

    def _check_secret(self, secret: Any) -> str:
        self._puzzle = self._source.find(secret)
        return self._puzzle.answer_text

    def _read(self, action: str) -> Reading:
        parsed = self._puzzle.read(action)
        return Reading(parsed.status, parsed.text if parsed.status == "ok" else "")

    def _answer(self, guess: str) -> Answer:
        solved, answer = self._puzzle.is_solved_by(guess), self._puzzle.answer
        hint, credit = "x", 0.0
        fits = all(_fits(guess, event.guess, event.feedback) for event in self._events)
        if solved:
            hint, credit = "=", 1.0
        elif answer is not None:
            said = Fraction(guess)
            credit = nearness(said, answer)
            if self._rules.hints:
                hint = ">" if answer > said else "<"
        return Answer(hint, solved, credit, fits)

    def _for_people(self) -> ChatVoice:
        return ChatVoice(self._rules, self._history, self._puzzle)

    def _tell_more(self, info: dict[str, Any]) -> None:
        """During a game the credit of a number would give the answer away."""
        info["credit"] = self._best if self._end_reason else 0.0


def _fits(guess: str, earlier: str, feedback: str) -> bool:
    """Whether an answer can be right after the feedback to an earlier one."""
    if feedback in (">", "<"):
        return (Fraction(guess) > Fraction(earlier)) == (feedback == ">") and guess != earlier
    return not feedback or guess != earlier
