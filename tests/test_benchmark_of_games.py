"""Our games against others' (`benchmarks/envs.py`): equal games, honest rows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import envs

CONTESTS = {contest.name: contest for contest in envs.CONTESTS}


@pytest.mark.parametrize("name", CONTESTS)
def test_every_guess_is_played_and_none_twice(name: str) -> None:
    contest = CONTESTS[name]
    env_id, options = contest.ours
    env = gymnasium.make(env_id, **options)
    for seed in range(20):
        guesses = contest.guesses(np.random.default_rng(seed))
        env.reset(seed=seed)
        for guess in guesses:
            _, _, terminated, _, info = env.step(f"[{guess}]")
            assert info["status"] == "ok"
            if terminated:
                break
        assert terminated, "as many guesses as the limit allows"


def test_both_sides_play_the_same_guesses(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: dict[str, list[str]] = {"ours": [], "gem": []}

    class Deaf:
        def __init__(self, name: str) -> None:
            self.heard = heard[name]

        def reset(self, seed: int) -> None:
            self.heard.append(f"{seed}!")

        def step(self, action: str) -> tuple[Any, ...]:
            self.heard.append("".join(re.findall(r"\w", action.replace("boxed", ""))))
            return "", 0.0, False, False, {}

    monkeypatch.setattr(envs.gymnasium, "make", lambda *_, **__: Deaf("ours"))
    monkeypatch.setattr(envs, "import_module", lambda _: type("Gem", (), {"make": _gem(Deaf)}))
    for contest in envs.CONTESTS:
        games = [contest.guesses(np.random.default_rng(seed)) for seed in range(3)]
        for heard_by in heard.values():
            heard_by.clear()
        assert envs.ours(contest)(games) == envs.gem(contest)(games) == sum(map(len, games))
        as_digits = [h.translate(str.maketrans("abcdef", "123456")) for h in heard["ours"]]
        assert heard["gem"] == (as_digits if contest.spaced else heard["ours"])


def _gem(deaf: type) -> Any:
    return staticmethod(lambda *_, **__: deaf("gem"))


def test_a_library_that_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_: str) -> Any:
        raise ImportError

    monkeypatch.setattr(envs, "import_module", nothing)
    rows = envs.compare(CONTESTS["guess-number"], games=2, rounds=1)
    assert [row.get("missing") for row in rows] == [
        None,
        "not installed: pip install textarena",
        "not installed: pip install gem-llm",
    ]
    assert rows[0]["ours_is_faster_by"] == 1.0
    assert rows[0]["steps_per_s"] > rows[0]["games_per_s"] > 0


def test_the_stand_in_is_what_nltk_reads(tmp_path: Path) -> None:
    envs.write_stand_in(tmp_path)
    listed = (tmp_path / "corpora" / "words" / "en").read_text().split()
    assert listed == list(envs.load_words("answers"))


def test_the_script_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envs, "CONTESTS", [CONTESTS["guess-number"]])
    run = CliRunner().invoke(envs.main, ["--games", "2", "--rounds", "1"])
    assert run.exit_code == 0, run.output
    assert re.search(r"guess-number\s+wordle-rl .* steps/s .* games/s\s+ours 1\.0x", run.output)
    assert "textarena 0." in run.output
    run = CliRunner().invoke(envs.main, ["--games", "2", "--rounds", "1", "--without", "textarena"])
    assert run.exit_code == 0, run.output
    assert "textarena" not in run.output
