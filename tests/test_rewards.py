"""Reward schemes: worked numbers, exact sums, and a search for games that are paid too well."""

import math
from collections.abc import Iterator
from copy import copy
from itertools import combinations
from typing import Any

import pytest

from wordle_rl.envs.feedback import feedback, naive_tenths, tenths
from wordle_rl.envs.rewards import (
    REWARDS,
    Outcome,
    RewardParts,
    RewardScheme,
    counts,
    information_gain,
    needs_counts,
    partial_credit,
    partial_credit_naive,
    resolve_reward,
    shaped,
)
from wordle_rl.envs.wordle import WordleEnv
from wordle_rl.envs.words import load_words
from wordle_rl.errors import ConfigError

HONEST = sorted(set(REWARDS) - {"partial_credit_naive"})


def outcome(guess: str = "", secret: str = "crane", **changes: Any) -> Outcome:
    """A legal guess of Wordle on turn 1, or with `status` a refused action."""
    refused = changes.get("status", "ok") not in ("ok", "repeat")
    marks = "" if refused else changes.pop("feedback", feedback(guess, secret))
    fields: dict[str, Any] = {
        "secret": secret,
        "guess": guess,
        "status": "ok",
        "feedback": marks,
        "credit": tenths(marks) / 10,
        "full_credit": len(secret) / 5,
        "naive_credit": naive_tenths(guess, secret) / 10,
        "refusals": 0,
        "turn": 1,
        "spare": 1.0,
        "solved": guess == secret,
        "ended": guess == secret,
    }
    return Outcome(**{**fields, **changes})


def play(reward: str, secret: str, actions: list[str], **kwargs: Any) -> list[float]:
    """The reward of each action; every reward is checked against its parts."""
    env = WordleEnv(reward=reward, **kwargs)
    env.reset(options={"secret": secret})
    rewards = []
    for action in actions:
        _, reward_now, _, _, info = env.step(action)
        assert reward_now == sum(info["reward_parts"].values())
        assert set(map(type, info["reward_parts"].values())) == {float}
        rewards.append(reward_now)
    return rewards


# --- worked numbers


def test_binary_pays_the_win() -> None:
    assert play("binary", "crane", ["slate", "[nope]", "crane"]) == [0, 0, 1]


def test_partial_credit_pays_each_improvement_once() -> None:
    # slate XXGXG, trace XGGYG, slate again, moist XXXXX, crane GGGGG
    rewards = play("partial_credit", "crane", ["slate", "trace", "slate", "moist", "crane"])
    assert rewards == pytest.approx([0.4, 0.3, 0, 0, 0.3])
    assert sum(rewards) == 1.0


def test_naive_credit_pays_every_turn_and_every_copy() -> None:
    rewards = play("partial_credit_naive", "crane", ["slate", "slate", "eerie", "[zzzza]", "[x]"])
    # eerie: one green (last e), e and e and r occur in crane
    assert rewards == pytest.approx([0.4, 0.4, 0.5, 0.1, 0])
    assert tenths(feedback("eerie", "crane")) == 3


def test_shaped_numbers() -> None:
    actions = ["slate", "no guess", "[zzzzz]", "[cran]", "crane"]
    rewards = play("shaped", "crane", actions)
    # credit .5 * .4, three refusals, then win 1, speed .5 * (6 - 5) / 5, credit .5 * .6
    assert rewards == pytest.approx([0.2, -0.1, -0.1, -0.1, 1 + 0.1 + 0.3])


@pytest.mark.parametrize(
    ("status", "part"),
    [
        ("no_guess", "format"),
        ("bad_chars", "format"),
        ("bad_length", "format"),
        ("unknown_word", "invalid"),
        ("hard_mode", "invalid"),
    ],
)
def test_shaped_names_what_it_fines(status: str, part: str) -> None:
    for refusals, fine in ((0, -0.1), (4, -0.1), (5, 0.0)):
        parts = shaped(outcome(status=status, refusals=refusals))
        assert parts.pop(part) == pytest.approx(fine, abs=1e-15)
        assert set(parts.values()) == {0.0}


@pytest.mark.parametrize(
    ("max_guesses", "turn", "speed"), [(6, 1, 0.5), (6, 6, 0), (1, 1, 0), (3, 2, 0.25)]
)
def test_shaped_speed(max_guesses: int, turn: int, speed: float) -> None:
    env = WordleEnv(reward="shaped", max_guesses=max_guesses)
    env.reset(options={"secret": "crane"})
    infos = [env.step(word)[4] for word in ["slate"] * (turn - 1) + ["crane"]]
    assert infos[-1]["reward_parts"]["speed"] == speed


def test_information_gain_is_the_bits_of_a_guess() -> None:
    step = outcome("slate", candidates_before=2048, candidates_after=64)
    assert information_gain(step) == {"win": 0.0, "information": 5.0}
    assert information_gain(step, gamma=0.5)["information"] == 11 - 0.5 * 6
    lost = outcome("slate", candidates_before=8, candidates_after=4, ended=True)
    assert information_gain(lost) == {"win": 0.0, "information": 3.0}


@pytest.mark.parametrize("name", sorted(REWARDS))
def test_parts_have_the_same_names_on_every_turn(name: str) -> None:
    words: dict[str, Any] = {"candidates_before": 4, "candidates_after": 2}
    scheme = REWARDS[name]
    legal, won = scheme(outcome("slate", **words)), scheme(outcome("crane", **words))
    refused = scheme(outcome(status="no_guess", **words))
    assert list(legal) == list(won) == list(refused)


# --- exact sums


@pytest.mark.parametrize("length", [2, 4, 5, 6, 8, 10])
def test_credit_is_the_same_to_the_last_bit_however_it_was_reached(length: int) -> None:
    """Every way of improving: .2 + .2 + .2 is the .6 of one guess, in any order of summation."""
    for best in combinations(range(2 * length + 1), 3):
        marks = [green_tenths(n, length) for n in best]
        paid = [
            partial_credit(outcome("a" * length, "b" * length, feedback=m, best_credit=before / 10))
            for before, m in zip((0, *best), marks, strict=False)
        ]
        at_once = partial_credit(outcome("a" * length, "b" * length, feedback=marks[-1]))["credit"]
        rewards = [p["credit"] for p in paid]
        assert sum(rewards) == sum(reversed(rewards)) == math.fsum(rewards) == at_once
        assert at_once == pytest.approx(best[-1] / 10, abs=1e-15)


def green_tenths(n: int, length: int) -> str:
    """Feedback worth `n` tenths."""
    return ("G" * (n // 2) + "Y" * (n % 2)).ljust(length, "X")


def test_three_steps_of_point_two_are_point_six() -> None:
    # robot, and words with its first, second and third letter in place
    words = {"guesses": ["rxxxx", "roxxx", "robxx"], "answers": ["robot"]}
    steps = play("partial_credit", "robot", ["rxxxx", "roxxx", "robxx"], **words)
    jump = play("partial_credit", "robot", ["robxx", "rxxxx", "roxxx"], **words)
    assert sum(steps) == sum(jump) == 0.6


def test_information_of_a_game_is_the_same_whatever_is_played() -> None:
    kwargs: dict[str, Any] = {"split": "val", "max_guesses": 4}
    start = math.log2(len(WordleEnv(**kwargs).answers))
    assert "alley" in WordleEnv(**kwargs).answers
    games = (["crane", "slate", "fuzzy", "[]"], ["[]"] * 4, ["adieu", "story", "adieu", "adieu"])
    totals = {sum(play("information_gain", "alley", game, **kwargs)) for game in games}
    assert len(totals) == 1
    assert totals.pop() == pytest.approx(start, abs=1e-12)
    assert play("information_gain", "alley", ["alley"], **kwargs)[0] == pytest.approx(start + 1)


# --- the search: can a lost game be worth more than a won one?

SECRETS = ["eerie", "skill"]
RULES: list[dict[str, Any]] = [
    {},
    {"hard_mode": True},
    {"max_guesses": 1},
    {"max_guesses": 9},
    {"invalid_policy": "free", "max_invalid": 3},
    {"invalid_policy": "free", "max_invalid": 25, "max_guesses": 2},
    {"invalid_policy": "terminate"},
]


def adversarial_actions(secret: str) -> list[str]:
    """The nearest miss, the most yellows, no colour, `eeeee`, both kinds of refusal, the secret."""
    words = [w for w in load_words("guesses")[::3] if w != secret]
    nearest = max(words, key=lambda w: tenths(feedback(w, secret)))
    yellow = max(words, key=lambda w: feedback(w, secret).count("Y"))
    blank = min(words, key=lambda w: tenths(feedback(w, secret)))
    return [nearest, yellow, blank, "eeeee", "no guess", "[qqqqq]", secret]


def all_returns(env: WordleEnv, actions: list[str]) -> Iterator[tuple[bool, float]]:
    """Whether solved and the return of every game that the actions can make.

    Of states that differ in nothing that pays, now or later, one is played on. A shallow copy is a
    fork because the state of a game is never changed in place.
    """
    seen = set()
    frontier = [(env, 0.0)]
    while frontier:
        before, earned = frontier.pop()
        for action in actions:
            after = copy(before)
            _, reward, ended, _, info = after.step(action)
            total = earned + reward
            if ended:
                yield info["solved"], total
                continue
            best = max((tenths(marks) for _, marks in after._board), default=0)
            board = frozenset(after._board) if after._rules.hard_mode else len(after._possible)
            state = (after._turn, after._refusals, best, board, round(total, 9))
            if state not in seen:
                seen.add(state)
                frontier.append((after, total))


@pytest.mark.parametrize("reward", HONEST)
@pytest.mark.parametrize("rules", RULES, ids=str)
def test_every_loss_is_below_every_win(reward: str, rules: dict[str, Any]) -> None:
    for secret in SECRETS[:1] if reward == "information_gain" else SECRETS:
        actions = adversarial_actions(secret)
        words = [*actions[:4], secret]
        env = WordleEnv(reward=reward, answers=words, guesses=words, **rules)
        env.reset(options={"secret": secret})
        games = list(all_returns(env, actions))
        worst_win = min(total for solved, total in games if solved)
        best_loss = max(total for solved, total in games if not solved)
        assert best_loss < worst_win - 0.19


def test_the_naive_scheme_is_exploited() -> None:
    env = WordleEnv(reward="partial_credit_naive")
    env.reset(options={"secret": "skill"})
    games = list(all_returns(env, ["still", "skill"]))
    best_loss = max(total for solved, total in games if not solved)
    best_win = max(total for solved, total in games if solved)
    quickest_win = sum(play("partial_credit_naive", "skill", ["skill"]))
    assert (best_loss, quickest_win) == pytest.approx((6 * 0.8, 1))
    assert best_win == pytest.approx(5 * 0.8 + 1)  # stalling before the win pays as well


def test_eeeee_beats_honest_openers_only_in_the_naive_scheme() -> None:
    answers = load_words("answers")

    def mean(scheme: RewardScheme, guess: str) -> float:
        return sum(scheme(outcome(guess, secret))["credit"] for secret in answers) / len(answers)

    openers = ("slate", "crane", "salet", "raise")
    assert all(mean(partial_credit_naive, "eeeee") > mean(partial_credit_naive, o) for o in openers)
    assert all(mean(partial_credit, "eeeee") < mean(partial_credit, o) / 1.5 for o in openers)


@pytest.mark.parametrize("reward", sorted({*HONEST} - {"information_gain"}))
def test_stalling_pays_nothing(reward: str) -> None:
    rewards = play(reward, "skill", ["still", "still", "still", "[]", "still", "still"])
    assert max(rewards[1:]) <= 0


@pytest.mark.parametrize("rules", RULES, ids=str)
def test_refusals_never_beat_playing(rules: dict[str, Any]) -> None:
    env = WordleEnv(reward="shaped", **rules)
    env.reset(options={"secret": "crane"})
    spam = [total for _, total in all_returns(env, ["", "[qqqqq]"])]
    assert spam
    assert max(spam) < -0.09
    assert min(spam) > -0.51


# --- names


def always_seven(outcome: Outcome) -> RewardParts:
    """A user's own scheme."""
    return {"seven": 7.0}


NOT_A_SCHEME = 7


def test_names_resolve() -> None:
    for name, scheme in REWARDS.items():
        assert resolve_reward(name) is scheme
        assert scheme.__doc__
        assert name == scheme.__name__


def test_a_users_own_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_reward("wordle_rl.envs.rewards:shaped") is shaped
    monkeypatch.setitem(REWARDS, "seven", always_seven)
    assert play("seven", "crane", ["slate", "[]"]) == [7.0, 7.0]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("partial", "unknown reward 'partial': did you mean 'partial_credit'"),
        ("no_such_module:scheme", "cannot import reward 'no_such_module:scheme': No module named"),
        ("math:hypo", "unknown reward in math 'hypo': did you mean 'hypot'"),
        ("math:pi", "reward 'math:pi' is not a function: it is a float"),
        ("math:", "unknown reward 'math:'"),
    ],
)
def test_wrong_names_are_explained_in_a_line(name: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_reward(name)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_only_schemes_that_ask_for_it_have_words_counted() -> None:
    assert [name for name in REWARDS if needs_counts(REWARDS[name])] == ["information_gain"]

    @counts
    def mine(outcome: Outcome) -> RewardParts:
        return {"left": float(outcome.candidates_after)}

    assert needs_counts(mine)
