"""What number guessing, Mastermind and Hangman share: refusals, ends, limits, and honest rewards.

The second half is a counter-test of the rewards: players that repeat, stall, say nothing or are
refused on purpose try to be paid more for losing than for winning. They must not succeed.
"""

import copy
import math
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from wordle_rl.envs import make_env
from wordle_rl.envs.base import MAX_OBSERVATION
from wordle_rl.envs.guessing import GuessingGame
from wordle_rl.envs.rewards import REWARDS
from wordle_rl.errors import ConfigError

HONEST = sorted(set(REWARDS) - {"partial_credit_naive"})


@dataclass(frozen=True)
class Case:
    """One game, with actions whose effect is known."""

    name: str
    secret: str
    wrong: tuple[str, ...]
    """Legal guesses that do not solve and that use something up."""
    near: tuple[str, ...]
    """Legal guesses that come close."""
    refused: dict[str, str]
    """Status -> an action that has it."""
    budget: str = "max_guesses"
    kwargs: dict[str, Any] = field(default_factory=dict)

    def start(self, **kwargs: Any) -> GuessingGame:
        env = make_env(self.name, **{**self.kwargs, **kwargs})
        assert isinstance(env, GuessingGame)
        env.reset(options={"secret": self.secret})
        return env


CASES = [
    Case(
        "guess-number",
        "73",
        wrong=("50", "60", "80", "1", "100", "90", "55"),
        near=("72", "74"),
        refused={"no_guess": "higher?", "bad_chars": "[5.5]", "out_of_range": "[101]"},
    ),
    Case(
        "mastermind",
        "abca",
        wrong=("dddd", "eeee", "ffff", "dedf", "ddee", "ddff", "eeff", "ffee", "edef", "fedd"),
        near=("abcb", "abac", "aabc"),
        refused={
            "no_guess": "no idea",
            "bad_chars": "[ab1a]",
            "bad_length": "[abc]",
            "unknown_colour": "[abcz]",
        },
    ),
    Case(
        "hangman",
        "crane",
        wrong=("z", "q", "x", "j", "crate", "v"),
        near=("a", "n", "e", "r"),
        refused={"no_guess": "the letter e", "bad_chars": "[e1]", "bad_length": "[ra]"},
        budget="lives",
    ),
]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def plain(case: Case, guess: str) -> str:
    return guess.strip("[]")


# --- how games end


@each_case
def test_solved_at_once(case: Case) -> None:
    env = case.start(reward="shaped")
    observation, reward, terminated, truncated, info = env.step(f"[{case.secret}]")
    assert (reward, terminated, truncated) == (2.0, True, False)
    assert (info["solved"], info["end_reason"], info["turn"]) == (True, "solved", 1)
    assert (info["secret"], info["guess"], info["consistent"]) == (case.secret, case.secret, True)
    assert info["credit"] == 1.0
    assert observation.endswith("\nSolved in 1.")


@each_case
def test_everything_used_up_is_terminated_and_tells_the_secret(case: Case) -> None:
    env = case.start(**{case.budget: 3})
    steps = [env.step(guess) for guess in case.wrong[:3]]
    assert [step[2] for step in steps] == [False, False, True]
    assert not any("secret" in step[4] for step in steps[:2])
    observation, reward, _, truncated, info = steps[-1]
    assert (reward, truncated, info["solved"]) == (0.0, False, False)
    assert info["end_reason"] == ("out_of_lives" if case.budget == "lives" else "out_of_guesses")
    assert info["secret"] == case.secret
    assert case.secret.upper() in observation.splitlines()[-1]


@each_case
def test_the_last_guess_can_solve(case: Case) -> None:
    env = case.start(**{case.budget: 3})
    assert not any(env.step(guess)[2] for guess in case.wrong[:2])
    info = env.step(case.secret)[4]
    assert (info["end_reason"], info["turn"]) == ("solved", 3)


# --- refused actions


@each_case
@pytest.mark.parametrize("policy", ["consume", "free", "terminate"])
def test_invalid_policies(case: Case, policy: Any) -> None:
    for status, action in case.refused.items():
        env = case.start(invalid_policy=policy, max_invalid=3)
        env.step(case.wrong[0])
        observation, reward, terminated, truncated, info = env.step(action)
        assert (info["status"], info["feedback"], info["consistent"]) == (status, "", False)
        assert (reward, truncated, info["solved"]) == (0.0, False, False)
        assert info["turn"] == (2 if policy == "consume" else 1)
        assert terminated == (policy == "terminate")
        assert info["end_reason"] == ("invalid" if terminated else "")
        assert (case.secret.upper() in observation) == terminated


@each_case
def test_free_refusals_are_bounded_and_leave_the_guesses(case: Case) -> None:
    env = case.start(invalid_policy="free", max_invalid=3, **{case.budget: 2})
    refusal = next(iter(case.refused.values()))
    assert [env.step(a)[2] for a in (refusal, case.wrong[0], refusal, case.secret)][-1]
    env.reset(options={"secret": case.secret})
    assert [env.step(refusal)[4]["end_reason"] for _ in range(3)] == ["", "", "invalid"]


@each_case
def test_consumed_refusals_use_everything_up(case: Case) -> None:
    env = case.start(**{case.budget: 4})
    steps = [env.step("") for _ in range(4)]
    assert [step[2] for step in steps] == [False, False, False, True]
    assert steps[-1][4]["turn"] == 4


@each_case
def test_a_repeat_is_marked(case: Case) -> None:
    env = case.start()
    infos = [env.step(guess)[4] for guess in (case.wrong[0], f"[{case.wrong[0].upper()}]")]
    assert [info["status"] for info in infos] == ["ok", "repeat"]
    assert infos[0]["feedback"] == infos[1]["feedback"]
    assert [info["consistent"] for info in infos] == [True, False]


# --- info, arguments, copies


@each_case
def test_info_has_the_same_keys_and_types_all_game(case: Case) -> None:
    env = case.start(track_candidates=True)
    infos = [env.reset(options={"secret": case.secret})[1]]
    actions = [case.wrong[0], *case.refused.values(), case.near[0]][:5]
    infos += [env.step(action)[4] for action in actions]
    shapes = [{key: type(value) for key, value in info.items()} for info in infos]
    assert all(shape == shapes[0] for shape in shapes)
    first = {key: infos[0][key] for key in ("turn", "guess", "status", "feedback", "end_reason")}
    assert first == {"turn": 0, "guess": "", "status": "start", "feedback": "", "end_reason": ""}
    assert infos[0]["reward_parts"] == {}


@each_case
def test_candidates_are_told_where_they_are_asked_for(case: Case) -> None:
    assert "candidates_left" not in case.start().step(case.wrong[0])[4]
    env = case.start(track_candidates=True)
    left = [env.step(guess)[4]["candidates_left"] for guess in (*case.wrong[:2], case.near[0])]
    assert left == sorted(left, reverse=True)
    assert min(left) >= 1
    assert env.step(case.secret)[4]["candidates_left"] == 1


@each_case
def test_equal_beliefs_are_equal_knowledge(case: Case) -> None:
    """The same guesses in another order leave the same secrets possible."""
    guesses = (*case.wrong[:2], case.near[0])
    orders = (guesses, guesses[::-1])
    beliefs = []
    for order in orders:
        env = case.start(track_candidates=True)
        beliefs.append([env.step(guess)[4]["belief"] for guess in order])
        assert "belief" not in case.start().step(order[0])[4]
    assert beliefs[0][-1] == beliefs[1][-1]
    assert hash(beliefs[0][-1]) == hash(beliefs[1][-1])
    assert len(set(beliefs[0])) > 1


@each_case
@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"max_invalid": 0}, "max_invalid 0 is not a whole number from 1 to 100"),
        ({"split": "tests"}, "unknown split 'tests': did you mean 'test'"),
        ({"style": "chatty"}, "unknown style 'chatty': did you mean 'chat'"),
        ({"history": "fulls"}, "unknown history 'fulls': did you mean 'full'"),
        ({"invalid_policy": "fre"}, "unknown invalid_policy 'fre': did you mean 'free'"),
        ({"reward": "shape"}, "unknown reward 'shape': did you mean 'shaped'"),
    ],
)
def test_wrong_arguments_are_explained_in_a_line(
    case: Case, kwargs: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        make_env(case.name, **kwargs)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@each_case
@pytest.mark.parametrize("value", [0, 101, "5", True, 2.0])
def test_a_budget_is_a_whole_number(case: Case, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"{case.budget} .* is not a whole number from 1 to"):
        make_env(case.name, **{case.budget: value})


@each_case
def test_a_reset_takes_a_secret_alone(case: Case) -> None:
    with pytest.raises(ConfigError, match="unknown reset option 'secrte': did you mean 'secret'"):
        make_env(case.name).reset(options={"secrte": case.secret})


@each_case
@pytest.mark.parametrize(
    "fork", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_a_fork_goes_on_as_the_game_would(
    case: Case, fork: Callable[[GuessingGame], GuessingGame]
) -> None:
    env = case.start(reward="information_gain", history="full", track_candidates=True)
    env.step(case.wrong[0])
    twin = fork(env)
    actions = [case.near[0], "", case.wrong[1], case.secret]
    first = [env.step(action) for action in actions]
    assert [twin.step(action) for action in actions] == first


@each_case
@pytest.mark.parametrize("style", ["chat", "compact"])
def test_the_longest_game_fits_in_an_observation(case: Case, style: Any) -> None:
    kwargs: dict[str, Any] = {
        "guess-number": {"lo": -(10**9), "hi": 10**9, "max_guesses": 100},
        "mastermind": {"length": 8, "colours": 3, "max_guesses": 100},
        "hangman": {"lives": 26, "max_repeats": 50, "word_length": 8},
    }[case.name]
    longest = {
        "guess-number": ["-999999999"] * 99,
        "mastermind": ["cccccccc"] * 99,
        "hangman": [
            *"bcdfghjkmpqrvwxyz",
            *(f"zzzzzz{c}{d}" for c in "zx" for d in "zxqv"),
            *"c" * 49,
        ],
    }[case.name]
    for refusal in case.refused.values():
        env = make_env(
            case.name,
            style=style,
            history="full",
            invalid_policy="free",
            max_invalid=100,
            split="all",
            **kwargs,
        )
        secret = {"guess-number": "-1000000000", "mastermind": "ababbaba", "hangman": "absentee"}
        observation, _ = env.reset(options={"secret": secret[case.name]})
        actions = [*longest, *[refusal.replace("101", "1" * 18)] * 100]
        for action in actions:
            observation, _, ended, _, _ = env.step(action)
            assert len(observation) <= MAX_OBSERVATION
            assert observation in env.observation_space
            if ended:
                break
        assert ended
        assert len(observation.splitlines()) > 150


# --- rewards: worked numbers


def rewards_of(case: Case, reward: str, actions: list[str], **kwargs: Any) -> list[float]:
    env = case.start(reward=reward, **kwargs)
    rewards = []
    for action in actions:
        _, now, _, _, info = env.step(action)
        assert now == sum(info["reward_parts"].values())
        rewards.append(now)
    return rewards


def test_credit_of_numbers_is_what_is_known_of_the_interval() -> None:
    # of 100 numbers 50 are left, then 12 (73 lies between 62 and 74)
    rewards = rewards_of(CASES[0], "partial_credit", ["50", "75", "61", "61", "73"])
    known = [1 - math.log(m + 1) / math.log(101) for m in (50, 24, 13, 13)]
    steps = [known[0], known[1] - known[0], known[2] - known[1], 0.0, 1 - known[2]]
    assert rewards == pytest.approx(steps)
    assert sum(rewards) == 1.0


def test_credit_of_codes_is_the_pegs() -> None:
    # dddd ----, abac BBWW, aabc BWWW, abca
    rewards = rewards_of(CASES[1], "partial_credit", ["dddd", "abac", "aabc", "abca"])
    assert rewards == [0.0, 0.75, 0.0, 0.25]


def test_credit_of_words_is_the_share_of_letters() -> None:
    rewards = rewards_of(CASES[2], "partial_credit", ["e", "z", "e", "a", "crane"])
    assert rewards == pytest.approx([0.2, 0, 0, 0.2, 0.6])


@pytest.mark.parametrize(
    ("case", "actions", "total"),
    [
        # speed .5 * (7 - 2) / 6; one refusal
        (CASES[0], ["", "73"], 1 + 0.5 * 5 / 6 + 0.5 - 0.1),
        # speed .5 * (10 - 3) / 9
        (CASES[1], ["dddd", "[abcz]", "abca"], 1 + 0.5 * 7 / 9 + 0.5 - 0.1),
        # speed .5 * (6 - 1 - 2) / 5: letters that hit and repeats cost no speed
        (CASES[2], ["e", "e", "z", "z", "", "crane"], 1 + 0.5 * 3 / 5 + 0.5 - 0.1),
    ],
)
def test_shaped_numbers(case: Case, actions: list[str], total: float) -> None:
    assert sum(rewards_of(case, "shaped", actions)) == pytest.approx(total)


@each_case
def test_information_of_a_game_is_the_same_whatever_is_played(case: Case) -> None:
    budget = {case.budget: 3}
    games = [["", "", ""], [*case.wrong[:3]], [case.wrong[3], "", case.wrong[0]]]
    totals = {sum(rewards_of(case, "information_gain", game, **budget)) for game in games}
    assert len(totals) == 1
    _, info = case.start(track_candidates=True).reset(options={"secret": case.secret})
    bits = math.log2(info["candidates_left"])
    assert totals.pop() == pytest.approx(bits, abs=1e-12)
    won = rewards_of(case, "information_gain", [case.secret])
    assert sum(won) == pytest.approx(bits + 1)


# --- rewards: can a lost game be worth more than a won one?

RULES: list[dict[str, Any]] = [
    {},
    {"budget": 1},
    {"budget": 3},
    {"invalid_policy": "free", "max_invalid": 3, "budget": 2},
    {"invalid_policy": "free", "max_invalid": 25, "budget": 2},
    {"invalid_policy": "terminate"},
]


def all_returns(env: GuessingGame, actions: list[str]) -> Iterator[tuple[bool, int, float]]:
    """Whether solved, turns and the return of every game that the actions can make.

    Of states that differ in nothing that pays, now or later, one is played on. A shallow copy is a
    fork because the state of a game is never changed in place.
    """
    seen = set()
    frontier = [(env, 0.0)]
    while frontier:
        before, earned = frontier.pop()
        for action in actions:
            after = copy.copy(before)
            _, reward, ended, _, info = after.step(action)
            total = earned + reward
            if ended:
                yield info["solved"], info["turn"], total
                continue
            played = frozenset(e.guess for e in after._events if e.feedback)
            repeats = sum(e.status == "repeat" for e in after._events)
            state = (after._spent, after._turn, after._refusals, played, repeats, round(total, 9))
            if state not in seen:
                seen.add(state)
                frontier.append((after, total))


@each_case
@pytest.mark.parametrize("reward", HONEST)
@pytest.mark.parametrize("rules", RULES, ids=str)
def test_every_loss_is_below_every_win(case: Case, reward: str, rules: dict[str, Any]) -> None:
    kwargs = {case.budget if key == "budget" else key: value for key, value in rules.items()}
    if case.name == "hangman":
        kwargs |= {"max_repeats": 2}
    kwargs.setdefault(case.budget, 4)
    env = case.start(reward=reward, **kwargs)
    actions = [*case.near[:2], case.wrong[0], "", case.secret]
    games = list(all_returns(env, actions))
    worst_win = min(total for solved, _, total in games if solved)
    best_loss = max(total for solved, _, total in games if not solved)
    assert best_loss < worst_win - 0.1


@each_case
@pytest.mark.parametrize("reward", sorted({*HONEST} - {"information_gain"}))
def test_stalling_pays_nothing_and_winning_later_never_more(case: Case, reward: str) -> None:
    at_once = sum(rewards_of(case, reward, [case.secret]))
    for stall in ([case.near[0]] * 4, [""] * 4, [*case.refused.values()][:3]):
        rewards = rewards_of(case, reward, [*stall, case.secret])
        assert max(rewards[1:-1]) <= 0
        assert sum(rewards) <= at_once
        if reward == "shaped" and stall[0] != case.near[0]:
            assert sum(rewards) < at_once
    late = rewards_of(case, reward, [*case.wrong[:3], case.secret])
    assert sum(late) < at_once if reward == "shaped" else sum(late) == at_once


@each_case
def test_refusals_never_beat_playing(case: Case) -> None:
    env = case.start(reward="shaped", invalid_policy="free", max_invalid=20)
    spam = [total for _, _, total in all_returns(env, ["", next(iter(case.refused.values()))])]
    assert -0.51 < min(spam) <= max(spam) < -0.49


@each_case
def test_the_naive_scheme_is_exploited(case: Case) -> None:
    """Repeating a near miss pays more than solving at once: why the scheme is a warning."""
    kwargs = {"lives": 2} if case.name == "hangman" else {}
    moves = [*case.near[:3], *[case.near[0]] * 3]
    stalled = sum(rewards_of(case, "partial_credit_naive", moves, **kwargs))
    assert stalled > sum(rewards_of(case, "partial_credit_naive", [case.secret], **kwargs))
