"""Exports: the structure that the viewers of other tools read, inside of the folder alone."""

import json
from pathlib import Path

import pytest

from tests.stored import result
from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.exports import EXPORTS, export, file_name
from wordle_rl.evaluation.store import Store

MINE = result("mine", lambda i, _: None if i < 2 else 3, samples=2)


def test_json_lines_come_back(tmp_path: Path) -> None:
    assert export([MINE, result("b")], tmp_path / "out.jsonl", "jsonl") == 2
    with Store(tmp_path / "results.db") as store:
        assert store.merge(tmp_path / "out.jsonl") == (2, 0, [])
        assert store.result(MINE.id) == MINE


def test_lm_eval_has_a_table_of_results_and_a_sample_a_game(tmp_path: Path) -> None:
    export([MINE], tmp_path, "lm-eval")
    (results,) = tmp_path.glob("mine/results_*.json")
    content = json.loads(results.read_text())
    measured = content["results"][MINE.suite]
    assert measured["win_rate,greedy"] == pytest.approx(4 / 6)
    assert measured["win_rate_stderr,greedy"] == pytest.approx((4 / 6 * 2 / 6 / 5) ** 0.5)
    assert measured["score,sampled"] == pytest.approx((2 * 7 + 4 * 3) / 6)
    assert content["higher_is_better"][MINE.suite] == {"win_rate": True, "score": False}
    assert content["task_hashes"][MINE.suite] == MINE.suite_hash
    (samples,) = tmp_path.glob("mine/samples_*.jsonl")
    lines = [json.loads(line) for line in samples.read_text().splitlines()]
    assert len(lines) == 18
    assert {line["filter"] for line in lines} == {"greedy", "sampled"}
    assert lines[2]["resps"] == [["[crane]", "[crane]", f"[{lines[2]['target']}]"]]
    assert sum(line["win_rate"] for line in lines if line["filter"] == "greedy") == 4


def test_inspect_has_a_log_for_each_way_of_decoding(tmp_path: Path) -> None:
    export([MINE], tmp_path, "inspect")
    logs = [json.loads(file.read_text()) for file in sorted(tmp_path.glob("*.json"))]
    assert [log["eval"]["task"] for log in logs] == [
        f"{MINE.suite}-{m}" for m in ("greedy", "sampled")
    ]
    greedy, sampled = logs
    assert greedy["eval"]["model_generate_config"]["temperature"] == 0
    assert (greedy["eval"]["config"]["epochs"], sampled["eval"]["config"]["epochs"]) == (1, 2)
    assert greedy["results"]["scores"][0]["metrics"]["win_rate"]["value"] == pytest.approx(4 / 6)
    assert len(greedy["samples"]) == 6
    assert len(sampled["samples"]) == 12
    first = greedy["samples"][2]
    assert [m["role"] for m in first["messages"]] == ["user", "assistant"] * 3
    assert first["scores"]["solved"]["value"] == "C"
    assert {(s["id"], s["epoch"]) for s in sampled["samples"]} == {
        (game["secret"], game["sample"] + 1) for game in MINE.games if game["mode"] == "sampled"
    }


def test_inspect_itself_reads_the_logs(tmp_path: Path) -> None:
    theirs = pytest.importorskip("inspect_ai.log", reason="inspect-ai is not installed")
    export([MINE], tmp_path, "inspect")
    logs = [theirs.read_eval_log(found) for found in theirs.list_eval_logs(str(tmp_path))]
    assert sorted(len(log.samples) for log in logs) == [6, 12]
    for log in logs:
        assert log.status == "success"
        assert log.results.scores[0].metrics["win_rate"].value == pytest.approx(4 / 6)
        assert log.samples[2].messages[1].text == "[crane]"


def test_lm_eval_itself_makes_its_table(tmp_path: Path) -> None:
    theirs = pytest.importorskip("lm_eval.utils", reason="lm-eval is not installed")
    export([MINE], tmp_path, "lm-eval")
    files = [str(path) for path in tmp_path.rglob("*") if path.is_file()]
    (results,) = theirs.get_results_filenames(files)
    assert len(theirs.get_sample_results_filenames(files)) == 1
    table = theirs.make_table(json.loads(Path(results).read_text()))
    rows = [[cell.strip() for cell in line.split("|")] for line in table.splitlines()]
    found = [row for row in rows if "win_rate" in row]
    assert [row[3] for row in found] == ["greedy", "sampled"]
    assert all("0.6667" in row for row in found)


@pytest.mark.parametrize("form", ["lm-eval", "inspect"])
@pytest.mark.parametrize("name", ["..", ".", "../../x", "/etc/x", "a\nb", "x" * 500, ""])
def test_no_name_leads_out_of_the_folder(form: str, name: str, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    export([result(name)], inside, form)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert all(path.is_relative_to(inside) for path in files)


def test_names_of_files() -> None:
    assert file_name("Qwen/Qwen3-0.6B") == "Qwen__Qwen3-0.6B"
    assert file_name("") == "_"


def test_a_form_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'inspect'"):
        export([], tmp_path, "inspekt")
    assert list(EXPORTS) == ["jsonl", "lm-eval", "inspect"]
