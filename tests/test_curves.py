"""The learning curve, as a picture and as drawings for a page."""

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from numpy.typing import NDArray

from wordle_rl.errors import RunError
from wordle_rl.evaluation.curves import plot_curve, svg_curves


def steps(*, validated: bool = True) -> list[dict[str, float]]:
    lines: list[dict[str, float]] = []
    for step in range(1, 41):
        line = {"step": step, "rollout/win_rate": 0.3 + step / 100, "rollout/reward": step / 40}
        if validated and step % 10 == 0:
            rate = 0.5 + step / 200
            line |= {"eval/greedy_win_rate": rate, "eval/greedy_low": rate - 0.1}
            line |= {"eval/greedy_high": rate + 0.1, "eval/greedy_n": 205}
        lines.append(line)
    return lines


def pixels_of(image: NDArray[np.float32], colour: tuple[int, int, int]) -> int:
    return int((np.abs(image[:, :, :3] * 255 - colour).max(axis=2) < 8).sum())


BLUE, ORANGE, GREEN = (31, 119, 180), (255, 127, 14), (44, 160, 44)


def test_a_curve_shows_training_validation_and_reward(tmp_path: Path) -> None:
    plot_curve(steps(), tmp_path / "curve.png")
    image = imread(tmp_path / "curve.png")
    assert image.shape[0] > 500
    assert image.shape[1] > 800
    for colour in (BLUE, ORANGE, GREEN):
        assert pixels_of(image, colour) > 500


def test_a_curve_without_validation(tmp_path: Path) -> None:
    plot_curve(steps(validated=False), tmp_path / "curve.png")
    image = imread(tmp_path / "curve.png")
    assert pixels_of(image, BLUE) > 500
    assert pixels_of(image, ORANGE) == 0


@pytest.mark.parametrize(
    ("more", "what"),
    [({}, "95 % interval"), ({"eval/greedy_draw_rate": 0.9}, "a draw counts half")],
)
def test_a_curve_says_what_a_draw_counts(
    more: dict[str, float], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, _: drawn.append(figure))
    lines = [line | more if "eval/greedy_n" in line else line for line in steps()]
    plot_curve(lines, tmp_path / "curve.png")
    labels = drawn[0].axes[0].get_legend_handles_labels()[1]
    assert labels[1] == f"validation secrets, greedy, {what}, n = 205"


def test_a_curve_is_the_same_twice(tmp_path: Path) -> None:
    plot_curve(steps(), tmp_path / "a.png")
    plot_curve(steps(), tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_steps_are_whole_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, _: drawn.append(figure))
    plot_curve([{"step": n, "rollout/reward": 0.5} for n in range(1, 21)], tmp_path / "curve.png")
    ticks = drawn[0].axes[1].get_xticks()
    assert len(ticks) > 2
    assert [tick % 1 for tick in ticks] == [0.0] * len(ticks)


def test_a_curve_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no steps to draw"):
        plot_curve([], tmp_path / "curve.png")
    assert not (tmp_path / "curve.png").exists()


def test_drawings_are_of_what_was_logged() -> None:
    drawings = dict(svg_curves(steps()))
    assert list(drawings) == ["Games won", "Reward a game"]
    assert list(dict(svg_curves([{"step": 1, "train/loss": 2.0}]))) == ["Loss"]
    assert list(svg_curves([])) == []


def test_a_drawing_has_the_colours_of_its_page_and_asks_for_nothing() -> None:
    for title, svg in svg_curves(steps()):
        assert svg.startswith("<svg")
        assert f'aria-label="{title}"' in svg
        assert not re.search(r"#0[123]0[123]0[123]", svg)
        assert {"currentColor", "var(--first)"} <= set(
            re.findall(r"currentColor|var\(--\w+\)", svg)
        )
        links = re.findall(r'(?:href|src)="([^"]*)"', svg)
        assert all(link.startswith("#") for link in links)
        assert "width=" not in svg.partition(">")[0]


def test_the_validation_of_a_run_without_games_is_drawn() -> None:
    (_, svg), *_ = svg_curves([{"step": 1, "train/loss": 2.0, "eval/greedy_win_rate": 0.5}])
    assert "validation secrets" not in svg
    assert "var(--second)" in svg


def test_runs_of_an_experiment_share_a_picture(tmp_path: Path) -> None:
    from wordle_rl.evaluation.curves import plot_runs

    def run(level: float, steps: int = 6) -> list[dict[str, float]]:
        rows = [{"step": float(s), "rollout/win_rate": level + s / 20} for s in range(1, steps + 1)]
        rows[-1]["eval/greedy_win_rate"] = level
        return rows

    one, two = tmp_path / "one.png", tmp_path / "two.png"
    plot_runs({"a": [run(0.1)]}, one)
    plot_runs({"a": [run(0.1)], "b": [run(0.4), run(0.5, steps=3), []]}, two)
    assert one.read_bytes()[:8] == two.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert one.read_bytes() != two.read_bytes()
    with pytest.raises(RunError, match="no steps to draw"):
        plot_runs({"a": [[]]}, one)
