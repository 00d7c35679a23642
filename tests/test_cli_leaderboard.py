"""The command `leaderboard`, and that `evaluate` records what it plays."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.chat_server import ChatServer, Request, Response, completion
from tests.stored import result
from wordle_rl.cli_evaluate import evaluate, paired
from wordle_rl.cli_leaderboard import leaderboard
from wordle_rl.errors import ConfigError, StoreError
from wordle_rl.evaluation.store import Store


def run(store: Path, *arguments: str) -> Result:
    return CliRunner().invoke(leaderboard, ["--store", str(store), *arguments])


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "results.db"
    with Store(path) as opened:
        opened.add(result("fast", lambda i, _: 3, samples=1))
        opened.add(result("slow", lambda i, _: 5))
    return path


def test_an_evaluation_is_recorded_with_where_it_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "results.db"
    arguments = ["random", "--suite", "wordle-heldout", "--limit", "4", "--samples", "1"]
    done = CliRunner().invoke(evaluate, [*arguments, "--store", str(path), "--json"])
    assert done.exit_code == 0
    with Store(path) as opened:
        found = opened.results()
        assert sorted(r.suite for r in found) == ["wordle-heldout[4]", "wordle-train[4]"]
        held_out = next(r for r in found if r.suite == "wordle-heldout[4]")
        assert opened.count(held_out.id) == 8
    assert (held_out.agent, held_out.samples, held_out.seed) == ("random", 1, 0)
    assert held_out.greedy == json.loads(done.stdout)["greedy"]
    assert held_out.versions["wordle-rl"]
    assert held_out.hardware
    CliRunner().invoke(evaluate, [*arguments, "--store", str(path)])
    with Store(path) as opened:
        assert len(opened.results()) == 2, "the same evaluation is the same result"


def test_a_pair_is_recorded_too_and_no_store_means_none(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    arguments = ["random", "random:crane", "--limit", "3", "--samples", "0"]
    assert CliRunner().invoke(paired, [*arguments, "--store", str(path)]).exit_code == 0
    with Store(path) as opened:
        assert {r.agent for r in opened.results()} == {"random", "random:crane"}
    other = tmp_path / "none.db"
    CliRunner().invoke(paired, [*arguments, "--store", str(other), "--no-store"])
    assert not other.exists()


def test_a_suite_of_ones_own_lists_is_played_and_not_recorded(tmp_path: Path) -> None:
    words, path = tmp_path / "words.txt", tmp_path / "results.db"
    words.write_text("crane\nslate\n")
    arguments = ["random", "--suite", "wordle-all", "--answers", str(words), "--samples", "0"]
    done = CliRunner().invoke(evaluate, [*arguments, "--store", str(path), "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["greedy"]["n"] == 2
    assert "not recorded" in done.stderr
    with Store(path) as opened:
        assert opened.results() == []


def test_games_at_another_temperature_than_the_suites_are_not_recorded(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    arguments = ["random", "--suite", "wordle-val", "--limit", "2", "--no-train-split"]
    arguments += ["--temperature", "0.5"]
    done = CliRunner().invoke(evaluate, [*arguments, "--store", str(path), "--json"])
    assert json.loads(done.stdout)["sampled"]["n"] == 8, "as many a secret as the suite says"
    assert "not recorded: sampled games of wordle-val[2] are played at T = 1" in done.stderr
    CliRunner().invoke(evaluate, [*arguments, "--samples", "0", "--store", str(path)])
    with Store(path) as opened:
        (greedy,) = opened.results()
    assert greedy.sampled is None


def test_a_store_that_cannot_be_used_says_so_before_anything_is_played(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    path.write_text("no database " * 100)
    done = CliRunner().invoke(evaluate, ["random", "--limit", "2", "--store", str(path)])
    assert isinstance(done.exception, StoreError)
    assert done.stdout == ""


def test_a_table_for_people(store: Path) -> None:
    done = run(store)
    assert done.exit_code == 0
    assert done.stdout.index("fast") < done.stdout.index("slow")
    assert "wordle-val[6]" in done.stdout


def test_json_is_all_that_is_printed(store: Path) -> None:
    plain = json.loads(run(store, "--json", "--suite", "wordle-val[6]").stdout)
    (board,) = plain["boards"]
    assert [(e["rank"], e["agent"]) for e in board["entries"]] == [(1, "fast"), (2, "slow")]
    sampled = json.loads(run(store, "--json", "--mode", "sampled").stdout)
    assert [e["agent"] for e in sampled["boards"][0]["entries"]] == ["fast"]


def test_markdown_marks_what_is_not_ours(store: Path) -> None:
    text = run(store, "--markdown").stdout
    assert "| 1 | fast | 6 | 100.0 % [61.0, 100.0] |" in text
    assert text.index("Other people's protocols") > text.index("slow")


def test_an_empty_store_says_how_to_fill_it(tmp_path: Path) -> None:
    assert "wordle-rl evaluate AGENT" in run(tmp_path / "new.db").stdout
    wrong = run(tmp_path / "new.db", "--suite", "wordle-val")
    assert isinstance(wrong.exception, ConfigError)


def test_a_suite_without_results_names_the_nearest(store: Path) -> None:
    wrong = run(store, "--suite", "wordle-val[7]")
    assert isinstance(wrong.exception, ConfigError)
    assert "did you mean 'wordle-val[6]'" in str(wrong.exception)


def test_out_and_in_again(store: Path, tmp_path: Path) -> None:
    out, other = tmp_path / "out.jsonl", tmp_path / "other.db"
    assert run(store, "--export", str(out)).exit_code == 0
    first = run(other, "--import", str(out))
    assert (first.exit_code, first.stdout) == (0, "")
    assert "2 new results, 0 known, 0 refused" in first.stderr
    assert "0 new results, 2 known" in run(other, "--import", str(store)).stderr
    assert run(other, "--json").stdout == run(store, "--json").stdout


def test_what_is_refused_is_named_and_fails(store: Path, tmp_path: Path) -> None:
    entry = {**result("x").to_json(), "suite_hash": "0" * 64}
    entry["id"] = "wrong"
    (tmp_path / "in.jsonl").write_text(json.dumps(entry) + "\n")
    done = run(store, "--import", str(tmp_path / "in.jsonl"))
    assert done.exit_code == 1
    assert "refused: " in done.stderr
    assert "in.jsonl:1: the result is not what its id says" in done.stderr


def test_a_page_that_needs_nothing_else(store: Path, tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    with Store(store) as opened:
        opened.add(result(hostile, lambda i, _: 4))
    page = tmp_path / "sub" / "board.html"
    assert run(store, "--html", str(page)).exit_code == 0
    text = page.read_text()
    assert hostile not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "default-src 'none'" in text
    for link in ("http://", "https://", "src=", "href=", "@import", "url("):
        assert link not in text, link


def test_a_model_behind_a_server_is_on_the_board_after_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server breaks down in the middle; what was paid before and after is both kept."""
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    path, out, served = tmp_path / "results.db", tmp_path / "games", 0

    def breaks_down(request: Request) -> Response:
        nonlocal served
        served += 1
        if served == 9:
            return Response({"error": "down"}, status=503)
        return Response(completion("[crane]"))

    with ChatServer(breaks_down) as server:
        arguments = ["api:m", "--api", f"base_url={server.url}", "--api", "retries=0"]
        arguments += ["--api", "concurrency=1", "--api", "price_in=1", "--api", "price_out=10"]
        arguments += ["--suite", "wordle-val", "--limit", "3", "--samples", "0", "--no-train-split"]
        arguments += ["--store", str(path), "--out", str(out), "--json"]
        stopped = CliRunner().invoke(evaluate, arguments)
        assert "answered 503: down" in str(stopped.exception)
        with Store(path) as opened:
            assert opened.results() == [], "half an evaluation is no result"
        paid = served - 1
        done = CliRunner().invoke(evaluate, arguments)
    assert done.exit_code == 0, done.output
    used = [json.loads(line) for line in (out / "usage.jsonl").read_text().splitlines()]
    assert [line["requests"] for line in used] == [paid, served - 1 - paid]
    for line in used:  # the server says 100 and 7 tokens of every answer
        assert line["prompt_tokens"] == 100 * line["requests"]
        assert line["completion_tokens"] == 7 * line["requests"]
        assert line["cost"] == pytest.approx(line["requests"] * (100 + 70) / 1e6)
    with Store(path) as opened:
        (found,) = opened.results()
    assert (found.agent, found.suite) == ("api:m", "wordle-val[3]")
    assert found.greedy == json.loads(done.stdout)["greedy"]
    assert "api:m" in run(path, "--suite", "wordle-val[3]").output
