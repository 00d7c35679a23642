"""The store: what goes in comes out, from many processes, whole or not at all."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.stored import game, result
from wordle_rl.errors import StoreError
from wordle_rl.evaluation import store as store_module
from wordle_rl.evaluation.results import Result, result_id
from wordle_rl.evaluation.store import Store, whole_results
from wordle_rl.evaluation.store_schema import MIGRATIONS

WRITER = """
import sys
from dataclasses import replace
from tests.stored import result
from wordle_rl.evaluation.results import result_id
from wordle_rl.evaluation.store import Store
path, writer, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
model = result(f"writer-{writer}", suite="wordle-val[2]")
with Store(path) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    for i in range(n):
        one = replace(model, seed=i)
        one = replace(one, id=result_id(one))
        store.add(one)
        print(one.id, flush=True)
"""


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    mine = result("mine", lambda i, _: None if i == 0 else 3, samples=2)
    with Store(tmp_path / "results.db") as store:
        assert store.add(mine)
        assert store.result(mine.id) == mine
        assert store.results() == [replace(mine, games=())]
        assert store.results("wordle-heldout") == []
        assert store.result("nothing") is None


def test_the_same_evaluation_is_one_result(tmp_path: Path) -> None:
    mine = result()
    later = replace(mine, created="2099-01-01T00:00:00+00:00", hardware="another machine")
    assert result_id(later) == mine.id
    with Store(tmp_path / "results.db") as store:
        assert [store.add(mine), store.add(later)] == [True, False]
        assert store.results() == [replace(mine, games=())]
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == 1


def test_other_games_are_another_result() -> None:
    assert result(plan=lambda i, _: 3).id != result(plan=lambda i, _: 4).id
    assert result(fingerprint="a").id == result().id, "the id is computed before the change"
    assert result_id(result(fingerprint="a")) != result().id


def test_games_by_page_and_by_choice(tmp_path: Path) -> None:
    mine = result(plan=lambda i, _: None if i % 3 == 0 else 4, samples=1)
    with Store(tmp_path / "results.db") as store:
        store.add(mine)
        assert store.count(mine.id) == 12
        assert store.count(mine.id, mode="greedy", outcome="lost") == 2
        pages = [store.games(mine.id, offset=at, limit=5) for at in (0, 5, 10, 15)]
        assert [len(page) for page in pages] == [5, 5, 2, 0]
        found = [stored for page in pages for stored in page]
        assert [stored.record for stored in found] == list(mine.games)
        assert store.game(found[7].id) == found[7]
        assert store.game(10_000) is None
        (one,) = store.games(mine.id, mode="greedy", secret=mine.games[1]["secret"])
        assert one.record == mine.games[1]


REFUSED = {
    "another version of the suite": ({"suite_hash": "0" * 64}, "evaluate the agent again"),
    "no such suite": ({"suite": "wordle-vla"}, "did you mean 'wordle-val'"),
    "a secret is missing": ({"games": result().games[1:]}, "are not on the secrets"),
    "a game twice": ({"games": result().games + result().games[:1]}, "is there twice"),
    "a stranger": ({"games": (*result().games[1:], game("zzzzz", 2))}, "are not on the secrets"),
    "other figures": ({"greedy": result(plan=lambda i, _: None).greedy}, "won 6 of 6"),
    "another temperature": (
        {"sampled": result(samples=1).sampled, "temperature": 0.5},
        "sampled at T = 1, not 0.5",
    ),
    "no figures": ({"greedy": None}, "are not those of its games"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_row_that_does_not_belong_is_refused(name: str, tmp_path: Path) -> None:
    changes, message = REFUSED[name]
    with Store(tmp_path / "results.db") as store:
        with pytest.raises(StoreError, match=message) as refused:
            store.add(replace(result(), **changes))
        assert store.results() == []
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "results.jsonl").exists()


def test_a_row_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(path: Path, line: str) -> None:
        raise KeyboardInterrupt

    with Store(tmp_path / "results.db") as store:
        with monkeypatch.context() as patch:
            patch.setattr(store_module, "_append", fails)
            with pytest.raises(KeyboardInterrupt):
                store.add(result())
        assert store.results() == []
        assert store.add(result())


def test_half_a_line_of_a_dead_writer_is_cut_off(tmp_path: Path) -> None:
    record = tmp_path / "results.jsonl"
    first, second = result("first"), result("second")
    with Store(tmp_path / "results.db") as store:
        store.add(first)
        with record.open("a") as file:
            file.write('{"half')
        store.add(second)
    assert [json.loads(line)["agent"] for line in record.read_text().splitlines()] == [
        "first",
        "second",
    ]


def test_the_record_makes_the_store_again(tmp_path: Path) -> None:
    with Store(tmp_path / "results.db") as store:
        store.add(result("a"))
        store.add(result("b", samples=1))
        before = list(whole_results(store))
    with Store(tmp_path / "again.db") as again:
        assert again.merge(tmp_path / "results.jsonl") == (2, 0, [])
        assert list(whole_results(again)) == before


def test_merging_stores_is_idempotent(tmp_path: Path) -> None:
    with Store(tmp_path / "one.db") as one, Store(tmp_path / "two.db") as two:
        one.add(result("shared"))
        one.add(result("only one"))
        two.add(result("shared"))
        two.add(result("only two"))
        assert one.merge(two.path) == (1, 1, [])
        assert one.merge(two.path) == (0, 2, [])
        assert two.merge(one.path) == (1, 2, [])
        assert {r.id for r in one.results()} == {r.id for r in two.results()}
        assert len(one.results()) == 3


def test_a_damaged_line_is_named_and_the_others_come_in(tmp_path: Path) -> None:
    good, bad = result("good").to_json(), result("bad").to_json()
    bad["games"][0]["n_guesses"] = 1
    lines = [json.dumps(good), json.dumps(bad), '{"half', json.dumps({"agent": "x"}), "7"]
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")
    with Store(tmp_path / "results.db") as store:
        new, known, refused = store.merge(tmp_path / "in.jsonl")
        assert (new, known, len(refused)) == (1, 0, 4)
        assert [line.partition(": ")[0][-1] for line in refused] == ["2", "3", "4", "5"]
        assert [found.agent for found in store.results()] == ["good"]


def test_what_is_no_store_is_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "results.db"
    text.write_text("not a database, but long enough to be mistaken for one" * 40)
    before = text.read_bytes()
    with pytest.raises(StoreError, match="name another file with --store"):
        Store(text)
    assert text.read_bytes() == before
    with pytest.raises(StoreError, match="name another file with --store"):
        Store(tmp_path)


def test_a_newer_schema_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    Store(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StoreError, match="newer version of wordle-rl"):
        Store(path)


def test_an_older_schema_is_brought_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.db"
    with Store(path) as store:
        store.add(result())
    more = (*MIGRATIONS, ("ALTER TABLE results ADD COLUMN note TEXT NOT NULL DEFAULT 'x'",))
    monkeypatch.setattr(store_module, "MIGRATIONS", more)
    with Store(path) as store:
        assert [found.agent for found in store.results()] == ["mine"]
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT note FROM results").fetchall() == [("x",)]
        assert db.execute("PRAGMA user_version").fetchone() == (2,)


def test_the_settings_of_the_file(tmp_path: Path) -> None:
    with Store(tmp_path / "results.db") as store:
        pragma = {
            name: store._db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        }
    assert pragma == {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "busy_timeout": 120_000,
        "synchronous": 2,
    }


def test_many_writers_at_once(tmp_path: Path) -> None:
    write_at_once(tmp_path, writers=3, each=25, kill=True)


@pytest.mark.slow
def test_eight_writers_of_ten_thousand_results(tmp_path: Path) -> None:
    write_at_once(tmp_path, writers=8, each=1250, kill=True)


def write_at_once(tmp_path: Path, *, writers: int, each: int, kill: bool) -> None:
    """Let processes write one store, kill one of them, and count what is there."""
    path = tmp_path / "results.db"
    running = [start(path, number, each) for number in range(writers)]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    told: list[list[str]] = [[] for _ in running]
    victim = random.randrange(writers) if kill else None
    if victim is not None:
        told[victim] = kill_midway(running[victim], each)
    for number, process in enumerate(running):
        if number != victim:
            told[number] = process.communicate()[0].split()
            assert process.returncode == 0
            assert len(told[number]) == each
    check(path, told, victim, each)


def start(path: Path, number: int, each: int) -> "subprocess.Popen[str]":
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(number), str(each)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )


def kill_midway(process: "subprocess.Popen[str]", each: int) -> list[str]:
    """The results that a process said were recorded before it was killed."""
    assert process.stdout is not None
    told = [process.stdout.readline().strip() for _ in range(random.randint(1, each // 2))]
    time.sleep(random.random() / 50)
    process.send_signal(signal.SIGKILL)
    return told + process.communicate()[0].split()


def check(path: Path, told: list[list[str]], victim: int | None, each: int) -> None:
    """Nothing that was said to be there is missing, and nothing is there by half."""
    lines = [json.loads(line) for line in path.with_suffix(".jsonl").read_text().splitlines()]
    with Store(path) as store:
        assert store._db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert store._db.execute("PRAGMA foreign_key_check").fetchall() == []
        ids = {found.id for found in store.results()}
        games = dict(store._db.execute("SELECT result_id, count(*) FROM games GROUP BY result_id"))
    assert {name for names in told for name in names} <= ids
    assert games == dict.fromkeys(ids, 2)
    # The one that was killed may have recorded one result without living to say so.
    unsaid = len(ids) - sum(map(len, told))
    assert unsaid in ({0} if victim is None else {0, 1})
    assert ids <= {Result.from_json(line, "record").id for line in lines}
    assert len(lines) - len(ids) in (0, 1)
    if victim is not None:
        assert len(told[victim]) <= each
