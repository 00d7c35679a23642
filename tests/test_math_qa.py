"""MathQA: how games end, what they say and pay, hints, and what is kept secret."""

import itertools
from collections import Counter
from typing import Any

import pytest

from wordle_rl.envs import make_env
from wordle_rl.envs.base import CHARSET
from wordle_rl.envs.math_problems import HELD_OUT, problem_of
from wordle_rl.envs.math_qa import MathQAEnv
from wordle_rl.envs.rewards import REWARDS, Outcome
from wordle_rl.errors import ConfigError

SUM = "2:add-multiply:12,7,3"
"""12+7*3 = 33."""
HONEST = sorted(set(REWARDS) - {"partial_credit_naive"})
REFUSED = {
    "no_answer": "I do not know",
    "bad_number": "[dunno]",
    "bad_fraction": "[1/0]",
    "bad_length": f"[{'9' * 100}]",
}


def start(problem: str = SUM, **kwargs: Any) -> MathQAEnv:
    env = MathQAEnv(**kwargs)
    env.reset(options={"secret": problem})
    return env


def infos_of(env: MathQAEnv, actions: list[str]) -> list[dict[str, Any]]:
    return [env.step(action)[4] for action in actions]


# --- how games end


@pytest.mark.parametrize(
    "action", ["33", "[33]", "\\boxed{33}", "<think>12?</think>12+21\n#### 33.0", "x = 66/2"]
)
def test_a_right_answer_solves_at_the_first_step(action: str) -> None:
    observation, reward, terminated, truncated, info = start().step(action)
    assert observation == "Answer 1/1: 33 is right."
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert info == {
        "turn": 1,
        "guess": "33",
        "status": "ok",
        "feedback": "=",
        "solved": True,
        "reward_parts": {"win": 1.0},
        "end_reason": "solved",
        "consistent": True,
        "credit": 1.0,
        "secret": "33",
    }


def test_a_wrong_answer_ends_the_only_attempt() -> None:
    observation, reward, terminated, truncated, info = start().step("57")
    assert observation == "Answer 1/1: 57 is wrong.\nThe answer was 33."
    assert (reward, terminated, truncated) == (0.0, True, False)
    assert (info["solved"], info["end_reason"]) == (False, "out_of_guesses")
    assert (info["feedback"], info["secret"]) == ("x", "33")


@pytest.mark.parametrize("status", REFUSED)
def test_a_refused_action_uses_an_attempt(status: str) -> None:
    _, reward, terminated, truncated, info = start().step(REFUSED[status])
    assert (info["status"], info["guess"], info["feedback"]) == (status, "", "")
    assert (reward, terminated, truncated, info["turn"]) == (0.0, True, False, 1)
    env = start(max_attempts=3)
    infos = infos_of(env, [REFUSED[status], "57", "33"])
    assert [i["turn"] for i in infos] == [1, 2, 3]
    assert [i["end_reason"] for i in infos] == ["", "", "solved"]
    assert all(("secret" in info) == (info is infos[-1]) for info in infos)


def test_attempts_run_out() -> None:
    env = start(max_attempts=3)
    steps = [env.step(a) for a in ("1", "?", "1.0")]
    assert [s[2] for s in steps] == [False, False, True]
    assert [s[4]["status"] for s in steps] == ["ok", "no_answer", "repeat"]
    assert steps[-1][4]["end_reason"] == "out_of_guesses"


def test_hints_narrow_what_is_consistent() -> None:
    env = start(max_attempts=9, hints=True)
    infos = infos_of(env, ["20", "40", "50", "30", "30", "10", "?", "61/2", "33"])
    assert [i["feedback"] for i in infos] == [">", "<", "<", ">", ">", ">", "", ">", "="]
    fits = [True, True, False, True, False, False, False, True, True]
    assert [i["consistent"] for i in infos] == fits


def test_without_hints_any_new_answer_is_consistent() -> None:
    infos = infos_of(start(max_attempts=4), ["20", "40", "50", "20"])
    assert [i["feedback"] for i in infos] == ["x"] * 4
    assert [i["consistent"] for i in infos] == [True, True, True, False]


# --- what is said


def test_compact_games() -> None:
    env = start(style="compact", max_attempts=6, hints=True)
    assert env.reset(options={"secret": SUM})[0] == "math 12+7*3"
    said = [env.step(a)[0] for a in ("57", "0", *REFUSED.values())]
    assert said == ["<", ">", "?none", "?number", "?fraction", "?length 33"]
    assert start(style="compact").step("33")[0] == "="
    assert start(style="compact").step("57")[0] == "x 33"


def test_compact_with_full_history() -> None:
    env = start(style="compact", history="full", max_attempts=3)
    assert env.step("57")[0] == "math 12+7*3\n57 x"
    assert env.step("?")[0] == "math 12+7*3\n57 x\n?none"
    assert env.step("66/2")[0] == "math 12+7*3\n57 x\n?none\n33 ="


def test_chat_opening_says_what_to_do() -> None:
    assert MathQAEnv().reset(options={"secret": SUM})[0] == (
        "Solve the problem.\n"
        "Write the answer as a number in square brackets, for example [42] or [-3/4].\n"
        "Problem: What is 12 + 7 * 3?"
    )
    opening = MathQAEnv(max_attempts=3).reset(options={"secret": SUM})[0]
    assert "You have 3 attempts; one that cannot be read counts too." in opening
    assert "too low" not in opening
    assert "too low or too high" in MathQAEnv(max_attempts=3, hints=True).reset(seed=0)[0]


def test_chat_replies() -> None:
    env = start(max_attempts=6, hints=True)
    assert env.step("[57]")[0] == "Answer 1/6: 57 is too high."
    assert env.step("[-3/4]")[0] == "Answer 2/6: -3/4 is too low."
    replies = [env.step(action)[0] for action in REFUSED.values()]
    assert replies[0].startswith("Guess 3/6 was refused. No answer was found. Write")
    assert replies[1].startswith("Guess 4/6 was refused. The answer is not one number. Write")
    assert replies[2] == "Guess 5/6 was refused. Nothing can be divided by zero."
    assert replies[3].endswith("The answer is too long.\nThe answer was 33.")


def test_pictures() -> None:
    env = start(render_mode="ansi", style="compact", max_attempts=2)
    env.step("57")
    picture = env.render()
    assert picture is not None
    assert picture.endswith("Problem: What is 12 + 7 * 3?\nAnswer 1/2: 57 is wrong.")
    assert "33" not in picture


def test_everything_said_is_plain() -> None:
    env = MathQAEnv(difficulty=range(1, 6), max_attempts=3)
    for seed in range(200):
        said = [env.reset(seed=seed)[0], env.step("[\u0664]")[0], env.step("7")[0]]
        assert set("".join(said)) <= set(CHARSET)


# --- what is asked


def test_difficulties_are_mixed_evenly() -> None:
    env = MathQAEnv(difficulty=[2, 3, 5])
    counts: Counter[int] = Counter()
    env.reset(seed=0)
    for _ in range(900):
        env.reset()
        counts[problem_of(env._puzzle.id).difficulty] += 1
    assert set(counts) == {2, 3, 5}
    assert sum((n - 300) ** 2 / 300 for n in counts.values()) < 13.8  # 99.9 %, 2 degrees


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_split_asks_its_own_problems_alone(split: Any) -> None:
    env = MathQAEnv(difficulty=(3, 4), split=split)
    problems = [asked(env, seed) for seed in range(150)]
    assert {problem.split for problem in problems} == {split}
    held_out = {problem.template for problem in problems} & set(HELD_OUT)
    assert bool(held_out) == (split == "test")


def test_templates_can_be_chosen() -> None:
    env = MathQAEnv(difficulty=(3, 4, 5), split="train", templates="held-out")
    assert {asked(env, seed).template for seed in range(30)} <= set(HELD_OUT)
    env = MathQAEnv(difficulty=(3, 4, 5), split="test", templates="train")
    assert not {asked(env, seed).template for seed in range(60)} & set(HELD_OUT)


def asked(env: MathQAEnv, seed: int) -> Any:
    env.reset(seed=seed)
    return problem_of(env._puzzle.id)


def test_any_problem_can_be_asked_for_in_any_split() -> None:
    env = MathQAEnv(difficulty=1, split="test")
    observation, _ = env.reset(options={"secret": "5:ages:20,11,4,4,0"})
    assert "Eva is 11 years older than Iris." in observation
    assert env.step("[20]")[4]["solved"]


def test_public_is_the_same_in_every_split_and_style() -> None:
    train = MathQAEnv(difficulty=[2, 1], split="train", style="compact", reward="shaped")
    test = MathQAEnv(difficulty=range(1, 3), split="test", templates="train")
    assert train.public() == test.public()
    assert train.public() == {
        "game": "math",
        "source": "generated",
        "difficulty": (1, 2),
        "max_attempts": 1,
        "hints": False,
    }


def test_wrong_questions_leave_no_game() -> None:
    env = MathQAEnv()
    with pytest.raises(ConfigError, match="unknown template 'ad': did you mean 'add'"):
        env.reset(options={"secret": "1:ad:1,2"})
    with pytest.raises(ConfigError, match="unknown reset option 'problem'"):
        env.reset(options={"problem": SUM})


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"difficulty": 0}, "difficulty 0 is not a whole number from 1 to 5"),
        ({"difficulty": [1, 6]}, "difficulty 6 is not a whole number from 1 to 5"),
        ({"difficulty": []}, "difficulty () is empty"),
        ({"max_attempts": 0}, "max_attempts 0 is not a whole number from 1 to 100"),
        ({"split": "tests"}, "unknown split 'tests': did you mean 'test'"),
        ({"templates": "trian"}, "unknown templates 'trian': did you mean 'train'"),
        ({"templates": "held-out"}, "no templates 'held-out' of difficulty 1"),
        ({"style": "chatty"}, "unknown style 'chatty': did you mean 'chat'"),
        ({"history": "fulls"}, "unknown history 'fulls': did you mean 'full'"),
        ({"reward": "shape"}, "unknown reward 'shape': did you mean 'shaped'"),
        ({"source": "generatd"}, "unknown source 'generatd': did you mean 'generated'"),
        ({"source": "gsm8k"}, "unknown source 'gsm8k': did you mean 'gsm8k:PATH'"),
        ({"source": "generated:1"}, "unknown source 'generated:1'"),
    ],
)
def test_wrong_arguments_are_explained_in_a_line(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        MathQAEnv(**kwargs)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


# --- rewards

ACTIONS = ["32", "32.99", "-33", "0", "1000000", *REFUSED.values(), "33"]


def play(reward: str, actions: list[str], problem: str = SUM, **kwargs: Any) -> list[float]:
    """The rewards of a game; each is checked against its parts."""
    env = start(problem, reward=reward, max_attempts=len(actions), **kwargs)
    rewards = []
    for action in actions:
        _, earned, ended, _, info = env.step(action)
        assert earned == sum(info["reward_parts"].values())
        rewards.append(earned)
        if ended:
            break
    return rewards


@pytest.mark.parametrize("reward", HONEST)
@pytest.mark.parametrize(("length", "actions"), [(1, ACTIONS), (3, ["32.99", "-33", "?", "33"])])
def test_every_loss_is_below_every_win(reward: str, length: int, actions: list[str]) -> None:
    games = itertools.product(actions, repeat=length)
    returns: dict[bool, list[float]] = {True: [], False: []}
    for game in games:
        returns["33" in game].append(sum(play(reward, list(game))))
    assert max(returns[False]) <= min(returns[True]) - 0.4


@pytest.mark.parametrize("reward", HONEST)
def test_stalling_pays_nothing(reward: str) -> None:
    rewards = play(reward, ["32", "32", "[]", "31", "32", "?"])
    assert max(rewards[1:]) <= 0
    assert sum(play(reward, ["32", "33"])) <= sum(play(reward, ["33", "32"]))


def test_worked_rewards() -> None:
    assert play("binary", ["32", "33"]) == [0, 1]
    credit = 0.2 + 0.3 * (1 - 1 / 65)
    assert play("partial_credit", ["-5", "32", "-5", "33"]) == pytest.approx(
        [0.1, credit - 0.1, 0, 1 - credit]
    )
    assert sum(play("partial_credit", ["-5", "32", "33"])) == 1.0
    assert play("shaped", ["33"]) == [1.5]  # with one attempt there is no speed
    assert play("shaped", ["?", "32", "33"]) == pytest.approx([-0.1, credit / 2, 1.5 - credit / 2])
    assert play("shaped", ["33", "?", "?"]) == [2.0]


def test_junk_is_never_paid() -> None:
    for action in ("nan", "[inf]", "[1e309]", "[9**9**9]", "[33 or 34]", "33 33", "[32+1]", ""):
        for reward in HONEST:
            assert sum(play(reward, [action])) <= 0


def kind_words(outcome: Outcome) -> dict[str, float]:
    """A user's own scheme."""
    return {"win": float(outcome.solved), "legal": 0.1 * bool(outcome.feedback)}


def test_a_users_own_scheme_and_composed_rewards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REWARDS, "kind", kind_words)
    assert play("kind", ["32", "?", "33"]) == [0.1, 0, 1.1]
    env = make_env("math", rewards={"correct": 1.0, "format": 0.1, "partial_credit": 0.5})
    env.reset(options={"secret": SUM})
    _, reward, _, _, info = env.step("dunno")
    assert (reward, info["reward_parts"]["format"]) == (0, 0)
    env.reset(options={"secret": SUM})
    _, reward, _, _, info = env.step("[32]")
    assert info["reward_parts"]["format"] == pytest.approx(0.1)
    assert info["reward_parts"]["partial_credit"] == pytest.approx(0.1 + 0.15 * 64 / 65)


def test_credit_is_told_at_the_end_alone() -> None:
    credits = [info["credit"] for info in infos_of(start(max_attempts=3), ["32", "?", "31"])]
    assert credits == [0.0, 0.0, pytest.approx(0.2 + 0.3 * 64 / 65)]
