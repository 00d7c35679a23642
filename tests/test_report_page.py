"""The page of a run: what is on it, and what it can never do."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.played import WON, play
from tests.recorded_run import other_run, pretrain_run, train_run, write_group
from wordle_rl.config import TrainConfig, to_toml
from wordle_rl.errors import RunError
from wordle_rl.evaluation.report_page import report_html
from wordle_rl.run_dir import RunDir

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


class Page(HTMLParser):
    """The tags, attributes and text of a page; raises where a tag is closed that is not open."""

    VOID = ("meta", "br", "img", "link", "input", "hr")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.text += f"{data} "


def words(html: str) -> str:
    return " ".join(Page(html).text.split())


def test_the_page_of_a_run(tmp_path: Path) -> None:
    html = report_html(train_run(tmp_path / "run"))
    page, text = Page(html), words(html)
    assert "20 of 200, not finished" in text
    assert "66.7 % at step 20" in text
    assert page.tags.count("svg") == 2
    for part in ("Games won", "Reward a game", "Before and after on wordle-heldout"):
        assert part in text
    assert "greedy before 1 0.0 % [0.0, 79.3]" in text
    assert "greedy after 1 100.0 % [20.7, 100.0]" in text
    assert "+100.0 %" in text
    assert "wordle-heldout, greedy, after 1 0.0 % 0 2 0.0 % 0 3 100.0 % 1" in text
    assert "wordle-heldout after, greedy parsed 100.0 % [20.7, 100.0] legal 100.0 % [20.7" in text
    assert "step 5" in text
    assert "step 20" in text
    assert text.count("solved in 3") == 3
    assert 'aria-label="mound, X G G G G"' in html
    assert 'algo = "dr_grpo"' in text
    assert "2026-11-26T10:00:00+00:00" in text


def test_a_page_asks_nobody_for_anything(tmp_path: Path) -> None:
    page = Page(report_html(train_run(tmp_path / "run")))
    assert set(page.tags).isdisjoint({"script", "link", "img", "iframe", "object", "form", "base"})
    for name, value in page.attributes:
        assert not name.startswith("on")
        if name in ("href", "src", "xlink:href", "action", "srcset"):
            assert (value or "").startswith("#")
        if name == "style":
            assert "url(" not in (value or "").replace("url(#", "")
    policy = dict(page.attributes)["content"]
    assert ("http-equiv", "Content-Security-Policy") in page.attributes
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_what_models_and_people_write_is_text(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "a<b>&")
    settings = TrainConfig()
    hostile = settings.model_copy(
        update={"model": settings.model.model_copy(update={"path": HOSTILE})}
    )
    run.create(to_toml(hostile), {"command": ["wordle-rl", HOSTILE]})
    game = play(f"[stare] {HOSTILE}", "[pound]")
    write_group(run, 1, game, replace(WON, error=HOSTILE))
    html = report_html(run.path)
    page = Page(html)
    assert set(page.tags).isdisjoint({"script", "img", "b"})
    assert "<script" not in html
    assert page.text.count("alert(1)") >= 3


def test_a_game_without_a_board_is_a_transcript(tmp_path: Path) -> None:
    text = words(report_html(other_run(tmp_path / "run")))
    assert "What is 2 + 2?" in text
    assert "Right." in text
    assert "step 3 parsed 100.0 % [20.7, 100.0]" in text


def test_an_imitation_has_a_page(tmp_path: Path) -> None:
    text = words(report_html(pretrain_run(tmp_path / "run")))
    assert "imitation" in text
    assert "1 of 600, not finished" in text
    assert "Loss" in text
    assert "Games, early and late" not in text


def test_a_run_that_has_just_begun_has_a_page(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    run.create(to_toml(TrainConfig()), {})
    text = words(report_html(run.path))
    assert "0 of 200, not finished" in text
    assert "No step has been logged yet." in text


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no run in .*: name a folder made by train or pretrain"):
        report_html(tmp_path)
    run = train_run(tmp_path / "run")
    (run / "meta.json").write_text("{")
    with pytest.raises(RunError, match=r"meta\.json' cannot be read"):
        report_html(run)


def test_colours_are_not_the_only_sign(tmp_path: Path) -> None:
    html = report_html(train_run(tmp_path / "run"))
    assert re.search(r'class="tile X">m<', html)
    assert re.search(r'class="tile G">O<', html)
