"""The commands `evaluate` and `paired`, on baselines."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from wordle_rl.cli_evaluate import evaluate, paired
from wordle_rl.errors import ConfigError, RunError, WordleRLError


def run_evaluate(*arguments: str) -> Result:
    return CliRunner().invoke(evaluate, [*arguments, "--samples", "1", "--limit", "6"])


def run_paired(*arguments: str) -> Result:
    return CliRunner().invoke(paired, [*arguments, "--samples", "1", "--limit", "6"])


def test_json_is_all_that_is_printed() -> None:
    done = run_evaluate("random", "--json")
    assert done.exit_code == 0
    plain = json.loads(done.stdout)
    keys = ["agent", "suite", "suite_hash", "greedy", "sampled", "protocol", "train", "gap"]
    assert list(plain) == keys
    assert (plain["agent"], plain["suite"]) == ("random", "wordle-val[6]")
    assert plain["greedy"]["n"] == plain["sampled"]["n"] == 6


def test_as_many_training_secrets_stand_beside_a_held_out_suite() -> None:
    train = json.loads(run_evaluate("random", "--suite", "wordle-heldout", "--json").stdout)[
        "train"
    ]
    assert train["suite"] == "wordle-train[6]"
    assert train["greedy"]["n"] == 6


@pytest.mark.parametrize("option", [["--no-train-split"], ["--split", "train"], ["--split", "all"]])
def test_no_training_secrets_where_there_is_no_gap_to_show(option: list[str]) -> None:
    assert json.loads(run_evaluate("random", "--json", *option).stdout)["train"] is None


def test_a_table_for_people() -> None:
    done = run_evaluate("random-consistent")
    assert done.exit_code == 0
    for text in ("val[6]", "train[6]", "greedy", "sampled", "intervals 95 %"):
        assert text in done.stdout


def test_games_are_kept_and_found_again(tmp_path: Path) -> None:
    first = run_evaluate("random", "--out", str(tmp_path), "--json")
    names = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    assert names == ["games.jsonl", "summary.json", "train/games.jsonl", "train/summary.json"]
    games = (tmp_path / "games.jsonl").read_bytes()
    assert run_evaluate("random", "--out", str(tmp_path), "--json").stdout == first.stdout
    assert (tmp_path / "games.jsonl").read_bytes() == games


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (["randon"], ConfigError, "did you mean 'random'"),
        (["random", "--suite", "wordle-vla"], ConfigError, "did you mean 'wordle-val'"),
        (["random", "--split", "tset"], ConfigError, "did you mean 'test'"),
        (["runs/no/such"], RunError, "no folder"),
    ],
)
def test_a_wrong_name_is_an_error_of_ours(
    arguments: list[str], kind: type[WordleRLError], message: str
) -> None:
    done = run_evaluate(*arguments)
    assert isinstance(done.exception, kind)
    assert message in str(done.exception)


@pytest.mark.parametrize("option", [["--samples", "-1"], ["--limit", "0"], ["--temperature", "-1"]])
def test_numbers_out_of_range_are_wrong_usage(option: list[str]) -> None:
    assert CliRunner().invoke(evaluate, ["random", *option]).exit_code == 2


def test_a_pair_as_json() -> None:
    plain = json.loads(run_paired("greedy-patterns:salet", "random", "--json").stdout)
    assert (plain["a"], plain["b"], plain["suite"]) == (
        "greedy-patterns:salet",
        "random",
        "wordle-val[6]",
    )
    assert plain["greedy"]["win_rate"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert plain["greedy"]["mcnemar"] == {"only_a": 6, "only_b": 0, "p_value": 2 / 2**6}
    assert plain["sampled"]["secrets"] == 6


def test_a_pair_for_people(tmp_path: Path) -> None:
    done = run_paired("random", "random", "--out", str(tmp_path))
    assert done.exit_code == 0
    assert "A random minus B random on wordle-val[6]" in done.stdout
    assert "+0.0 %" in done.stdout
    assert (tmp_path / "a" / "games.jsonl").exists()
    assert (tmp_path / "b" / "games.jsonl").exists()


def test_fewer_games_at_once_are_the_same_games() -> None:
    flags = ["random", "--limit", "7", "--samples", "1", "--no-store", "--json"]
    told = [
        json.loads(CliRunner().invoke(evaluate, [*flags, *more]).stdout)
        for more in ([], ["--batch-games", "2"])
    ]
    assert told[0] == told[1]
    assert CliRunner().invoke(evaluate, [*flags, "--batch-games", "0"]).exit_code == 2
