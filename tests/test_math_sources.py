"""Questions from elsewhere: files of JSON lines, and reasoning-gym where it is installed."""

import copy
import json
import pickle
import random
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wordle_rl.envs.base import CHARSET
from wordle_rl.envs.math_qa import MathQAEnv
from wordle_rl.envs.math_reasoning_gym import is_harmless
from wordle_rl.envs.math_sources import printable, read_problems
from wordle_rl.errors import ConfigError

ROWS = [
    {"question": f"Tom has {n} hats and buys {n} more. How many hats?", "answer": f"#### {2 * n}"}
    for n in range(1, 201)
]


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    return write(tmp_path, *map(json.dumps, ROWS))


def write(folder: Path, *lines: str) -> Path:
    path = folder / "questions.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


# --- files


def test_a_file_is_asked(questions: Path) -> None:
    env = MathQAEnv(source=f"gsm8k:{questions}")
    observation, _ = env.reset(options={"secret": "gsm8k:3"})
    assert observation.endswith("Problem: Tom has 3 hats and buys 3 more. How many hats?")
    assert env.step("3 + 3 = 6\n#### 6")[4]["solved"]
    env = MathQAEnv(source=f"gsm8k:{questions}", style="compact")
    assert env.reset(seed=0)[0].startswith("math Tom has ")


def test_a_files_splits_partition_it(questions: Path) -> None:
    found = {}
    for split in ("train", "val", "test"):
        env = MathQAEnv(source=f"gsm8k:{questions}", split=split)
        found[split] = {env.reset(seed=seed)[0] for seed in range(1000)}
    assert not found["train"] & found["test"]
    assert not found["train"] & found["val"]
    assert not found["val"] & found["test"]
    assert len(set.union(*found.values())) > 190
    shares = [p.split for p in read_problems(questions)]
    assert 140 < shares.count("train") < 180


def test_what_gsm8k_writes_is_read(tmp_path: Path) -> None:
    long_answer = "She sold 48/2 = <<48/2=24>>24 clips.\nSo 48+24 = <<48+24=72>>72.\n#### 1,072"
    path = write(
        tmp_path,
        json.dumps({"question": "How  many\nclips?", "answer": long_answer, "id": 7}),
        "",
        json.dumps({"question": "Caf\u00e9: \u00a33 \u2013 \u00a31?", "answer": "#### -$2.50"}),
        json.dumps({"question": "Half?", "answer": "1/2"}),
    )
    problems = read_problems(path)
    assert [p.id for p in problems] == ["gsm8k:1", "gsm8k:3", "gsm8k:4"]
    assert [p.answer_text for p in problems] == ["1072", "-5/2", "1/2"]
    assert problems[1].question == "Cafe: GBP 3 - GBP 1?"


GOOD = json.dumps(ROWS[0])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not a JSON object: write one a line"),
        ("[" * 100_000, "not a JSON object: write one a line"),
        ("[1]", "no text under 'question'"),
        ('{"question": "Why?"}', "no text under 'answer'"),
        ('{"question": 5, "answer": "#### 5"}', "no text under 'question'"),
        ('{"question": "Why?", "answer": "#### because"}', "the answer has to end with '#### NUM"),
        ('{"question": "Why?", "answer": "#### 1/0"}', "the answer has to end with '#### NUMBER'"),
        ('{"question": " ", "answer": "#### 5"}', "a question has 1 to 8000 characters"),
        (json.dumps({"question": "x" * 8001, "answer": "5"}), "a question has 1 to 8000 char"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path, GOOD, "", line, GOOD)
    with pytest.raises(ConfigError) as caught:
        MathQAEnv(source=f"gsm8k:{path}")
    assert str(caught.value).startswith(f"{path}:3: {message}")
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.jsonl: cannot be read \(No such file"):
        MathQAEnv(source=f"gsm8k:{tmp_path}/nothing.jsonl")
    with pytest.raises(ConfigError, match="no questions in it"):
        MathQAEnv(source=f"gsm8k:{write(tmp_path, '', ' ')}")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not a text file in UTF-8"):
        MathQAEnv(source=f"gsm8k:{tmp_path}/binary")
    one = write(tmp_path, GOOD)
    split = read_problems(one)[0].split
    other = "test" if split == "train" else "train"
    with pytest.raises(ConfigError, match=f"none of its 1 questions is in split '{other}'"):
        MathQAEnv(source=f"gsm8k:{one}", split=other)


@pytest.mark.parametrize("secret", ["gsm8k:0", "gsm8k:201", "3", 3, None, "1:add:1,2"])
def test_lines_that_are_not_there(questions: Path, secret: Any) -> None:
    with pytest.raises(ConfigError, match=r"is not a question of .*: write gsm8k:LINE"):
        MathQAEnv(source=f"gsm8k:{questions}").reset(options={"secret": secret})


def test_copies_share_the_questions(questions: Path) -> None:
    env = MathQAEnv(source=f"gsm8k:{questions}", max_attempts=2)
    env.reset(seed=4)
    twins = [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
    assert twins[0]._source is env._source
    assert len({str(game.step("7")) for game in (env, *twins)}) == 1


def test_printable() -> None:
    assert printable("\u2018a\u2019\t\u2212\u00bd \x1b[1m\r\n\u2588") == "'a'    -1/2  [1m\n\\u2588"
    assert set(printable("".join(map(chr, range(0x3000))))) <= set(CHARSET)


# --- reasoning-gym


def test_without_the_package_a_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(ConfigError) as caught:
        MathQAEnv(source="reasoning_gym:no_such_set")
    assert str(caught.value) == (
        "source 'reasoning_gym:no_such_set' needs the package reasoning-gym: "
        "pip install 'wordle-rl[reasoning-gym]'"
    )


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9",
        "(9**9)**9",
        "9 ** 999",
        "9**(99)**9",
        "9**x",
        "99999!",
        "(9)!",
        "f(1)",
        "prime (9)",
        "__import__('os')",
        "a.b.__class__",
        "exec('1')",
        "2**-100",
        "2**9.9e9",
    ],
)
def test_what_would_be_computed_is_refused(text: str) -> None:
    assert not is_harmless(text)


@pytest.mark.parametrize(
    "text",
    [
        "7",
        "-3/4",
        "x**2/2 + C",
        "2*x**12",
        "sin(x) + exp(2*x)",
        "5 + (3 * 2)",
        "Hello!",
        "yes",
        "\u2588",
    ],
)
def test_ordinary_answers_are_harmless(text: str) -> None:
    assert is_harmless(text)


@pytest.fixture
def gym() -> Any:
    return pytest.importorskip("reasoning_gym")


NUMBERS = ["leg_counting", "chain_sum", "gcd", "simple_equations", "number_sequence"]


@pytest.mark.parametrize("name", [*NUMBERS, "letter_counting", "spell_backward"])
def test_a_set_is_asked_and_its_answers_are_right(gym: Any, name: str) -> None:
    env = MathQAEnv(source=f"reasoning_gym:{name}", split="test", max_attempts=2)
    dataset = gym.create_dataset(name, seed=0, size=10_000)
    for seed in range(5):
        opening, _ = env.reset(seed=seed)
        entry = dataset[int(env._puzzle.id.partition(":")[2])]
        assert opening.endswith(f"Problem: {printable(entry['question'])}")
        assert set(opening) <= set(CHARSET)
        first = env.step("<answer>zzz</answer>")
        assert (first[1], first[4]["feedback"], first[4]["solved"]) == (0.0, "x", False)
        _, reward, ended, _, info = env.step(f"<answer>{entry['answer']}</answer>")
        assert (reward, ended, info["solved"]) == (1.0, True, True)


def test_part_of_a_point_is_nothing(gym: Any) -> None:
    dataset = gym.create_dataset("leg_counting", seed=0, size=10_000)
    sentence = f"The answer is {dataset[3]['answer']}"
    assert 0 < dataset.score_answer(answer=sentence, entry=dataset[3]) < 1
    for reward in ("binary", "partial_credit", "shaped"):
        env = MathQAEnv(source="reasoning_gym:leg_counting", reward=reward)
        env.reset(options={"secret": "leg_counting:3"})
        assert env.step(f"<answer>{sentence}</answer>")[1] == 0.0


def test_sets_with_many_right_answers(gym: Any) -> None:
    """There the set's own answer is None, which nobody may give."""
    env = MathQAEnv(source="reasoning_gym:graph_color")
    env.reset(seed=1)
    info = env.step("<answer>None</answer>")[4]
    assert (info["solved"], info["secret"]) == (False, "(several are right)")


def test_junk_neither_hurts_nor_pays(gym: Any) -> None:
    junk = ["9**9**9", "99999999!", "prime(10**9)", "__import__('os').abort()", "9" * 5000]
    junk += ["", "]", "<answer></answer>", "\x00", "\ud800", "[]", "(((((", "1/0", "nan", "1e309"]
    for name in ("countdown", "simple_equations", "prime_factorization"):
        env = MathQAEnv(source=f"reasoning_gym:{name}", max_attempts=2 * len(junk))
        env.reset(seed=2)
        begin = time.process_time()
        for action in with_and_without_marks(junk):
            observation, reward, _, _, info = env.step(action)
            assert (reward, info["solved"]) == (0.0, False)
            assert observation in env.observation_space
        assert time.process_time() - begin < 5


def with_and_without_marks(texts: list[str]) -> list[str]:
    return [said for text in texts for said in (text, f"<answer>{text}</answer>")]


def test_sets_leave_global_randomness_alone_and_are_repeatable(gym: Any) -> None:
    before = random.getstate(), pickle.dumps(np.random.get_state())
    said = []
    for _ in range(2):
        env = MathQAEnv(source="reasoning_gym:list_functions", style="compact")
        said.append([env.reset(seed=5), env.step("7")])
        random.random()
        random.setstate(before[0])
    assert said[0] == said[1]
    assert (random.getstate(), pickle.dumps(np.random.get_state())) == before


def test_sets_split_and_copy(gym: Any) -> None:
    openings = {}
    for split in ("train", "test"):
        env = MathQAEnv(source="reasoning_gym:gcd", split=split, max_attempts=2)
        openings[split] = {env.reset(seed=seed)[0] for seed in range(50)}
        twins = [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
        assert len({str(game.step("7")) for game in (env, *twins)}) == 1
    assert not openings["train"] & openings["test"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("leg_countin", "unknown set of reasoning-gym 'leg_countin': did you mean 'leg_counting'"),
        ("composite", "reasoning-gym cannot make its set 'composite': Must specify"),
    ],
)
def test_sets_that_are_not_there(gym: Any, name: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        MathQAEnv(source=f"reasoning_gym:{name}")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_sets_have_no_hints_and_know_their_ids(gym: Any) -> None:
    with pytest.raises(ConfigError, match="hints are for numbers"):
        MathQAEnv(source="reasoning_gym:gcd", hints=True)
    env = MathQAEnv(source="reasoning_gym:gcd")
    for secret in ("gcd:10000", "gcd:-1", "gcd", "lcm:1", 5):
        with pytest.raises(ConfigError, match="is not a question of gcd: write gcd:NUMBER"):
            env.reset(options={"secret": secret})
