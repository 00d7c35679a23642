"""The commands `solve` and `suggest`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from wordle_rl.cli_evaluate import evaluate
from wordle_rl.cli_solve import solve, suggest
from wordle_rl.envs.words import load_words
from wordle_rl.errors import ConfigError

WORDS = load_words("answers", 5)[::60]


def run_suggest(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(suggest, arguments, input=typed)


def word_file(folder: Path, *words: str) -> Path:
    path = folder / "words.txt"
    path.write_text("\n".join(words), encoding="utf-8")
    return path


def test_suggestions_for_people() -> None:
    done = run_suggest("crane:XXYGX", "--words", "3", "--top", "2")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "18 answers fit, and 59 rarer legal words"
    assert lines[1] == "aging agony along ..."
    assert " ".join(lines[2].split()) == "next guess can be it bits words left guesses to go"
    assert len(lines) == 5


def test_suggestions_as_json() -> None:
    plain = json.loads(run_suggest("crane:XXYGX", "--json", "--top", "4").stdout)
    assert len(plain["left"]) == 18
    assert len(plain["suggestions"]) == 4
    assert set(plain["suggestions"][0]) == {"word", "fits", "bits", "expected_left", "guesses"}


def test_rows_are_read_from_standard_input() -> None:
    done = run_suggest("-i", "--json", typed="crane:XXYGX\nmoist:nonsense\n\ntousy XYXYX\n")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [len(answer["left"]) for answer in answers][:2] == [len(load_words("answers")), 18]
    assert len(answers) == 3
    assert 0 < len(answers[2]["left"]) < 18
    assert "Error: row 'moist:nonsense'" in done.stderr
    assert done.exit_code == 0


def test_a_contradiction_is_a_line() -> None:
    done = run_suggest("crane:GGGGY")
    assert isinstance(done.exception, ConfigError)
    assert "\n" not in str(done.exception)


def test_a_puzzle_on_other_lists(tmp_path: Path) -> None:
    path = word_file(tmp_path, "barn", "darn", "yarn", "bowl")
    done = run_suggest("barn:XGGG", "--answers", str(path), "--guesses", str(path), "--json")
    assert json.loads(done.stdout)["left"] == ["darn", "yarn"]


@pytest.mark.parametrize("hard", [(), ("--hard",)])
def test_a_tree_is_written_and_can_be_measured(tmp_path: Path, hard: tuple[str, ...]) -> None:
    words, out = word_file(tmp_path, *WORDS), tmp_path / "trees" / "mine.txt"
    lists = ("--answers", str(words), "--guesses", str(words))
    effort = ("--openers", "6", "--finalists", "2", "--width", "6")
    done = CliRunner().invoke(solve, [*lists, *hard, *effort, "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert f"{len(WORDS)} words, " in done.stdout
    assert "every word was played through the game" in done.stdout
    suite = "wordle-hard-all" if hard else "wordle-all"
    measured = CliRunner().invoke(
        evaluate, [f"tree:{out}", "--suite", suite, *lists, "--samples", "0", "--json"]
    )
    plain = json.loads(measured.stdout)
    assert plain["suite"] == f"{suite}(words.txt)"
    assert plain["greedy"]["n"] == len(WORDS)
    assert f", {plain['greedy']['score']['value']:.4f} on average" in done.stdout
    assert plain["greedy"]["invalid_rate"] == 0
    assert out.read_text(encoding="utf-8").startswith("# wordle-rl tree 1\n")


@pytest.mark.parametrize("option", [["--split", "val"], ["--suite", "math-1"]])
def test_lists_of_ones_own_are_for_all_of_wordle(tmp_path: Path, option: list[str]) -> None:
    words = word_file(tmp_path, *WORDS)
    done = CliRunner().invoke(evaluate, ["random", "--answers", str(words), *option])
    assert isinstance(done.exception, ConfigError)
    assert "are for every word of Wordle" in str(done.exception)
