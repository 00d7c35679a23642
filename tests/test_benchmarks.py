"""The arithmetic of benchmarks: what is counted, what a ratio is, a fit that finds its model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import torch

from benchmarks import step_sides, step_vs_trl, tictactoe
from benchmarks.random_model import write_random
from benchmarks.scaling import FITTED, POINTS, PREDICTED, Cost, Counts, Point, fit, predict, terms
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.nano import byte_tokenizer, new_model
from wordle_rl.records import StepRecord


def test_warm_up_steps_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 9.0, 10.0, 12.0, 13.0])
    monkeypatch.setattr(step_sides.time, "perf_counter", lambda: next(clock))
    meter = step_sides.Meter(warm_up=1)
    for _ in range(4):
        meter.step()
    assert meter.result()["wall_s"] == 1.0, "of 1, 2 and 1; the first took 9"


def test_shares_of_what_a_device_could_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_sides, "memory_speed", lambda *_, **__: 1e6)
    monkeypatch.setattr(step_sides, "product_speed", lambda *_, **__: 1e9)
    agent = LanguageAgent(
        new_model(layers=1, width=32), byte_tokenizer(), name="nano", device="cpu", dtype="float32"
    )
    roofs = step_sides.Roofs(step_sides.Meter(warm_up=1), agent, warm_up=1)
    for passes, tokens in ((9, 9), (3, 20)):
        for _ in range(passes):
            with torch.no_grad():
                agent.model(input_ids=torch.zeros(2, 4, dtype=torch.long))
        agent.model(input_ids=torch.zeros(tokens // 5, 5, dtype=torch.long))
        times = {"rollout/reward": 0.0, "time/rollout_s": 0.5, "time/update_s": 0.25}
        roofs.step(StepRecord(step=1, metrics=times))
    weights = sum(p.numel() for p in agent.model.parameters())
    layers = weights - 261 * 32
    assert roofs.shares() == pytest.approx(
        {
            "decode_share": 3 * 4 * weights / 0.5 / 1e6,
            "update_share": 6 * layers * 20 / 0.25 / 1e9,
        }
    )


def test_a_model_of_random_weights_has_updates_where_a_lottery_pays(tmp_path: Path) -> None:
    write_random("small", tmp_path)
    work = step_sides.Work(
        model=str(tmp_path),
        device="cpu",
        style="compact",
        reward="lottery",
        games=16,
        steps=2,
        warm_up=1,
        seed=0,
    )
    found = step_sides.run_ours(work)
    assert len(set(found["rewards"])) == 2
    assert found["cpu_s"] > 0
    with pytest.raises(click.ClickException, match="--reward lottery"):
        step_sides.run_ours(replace(work, reward="wins"))


def test_a_ratio_is_that_of_the_medians() -> None:
    def row(seconds: float) -> dict[str, Any]:
        return dict.fromkeys(step_vs_trl.NAMES, seconds) | {"rewards": [0.25] * 6}

    text = step_vs_trl.table({"ours": [row(1), row(2), row(9)], "trl": [row(5), row(6), row(4)]})
    assert "| processor seconds a step | 2 (1 to 9) | 5 (4 to 6) | 2.50 |" in text
    assert "| reward of the last 5 steps | 0.250 | 0.250 | |" in text


def cost_of(point: Point) -> Cost:
    """A step of the sizes of a point, its costs still unknown."""
    games = point.tasks * point.group
    return Cost(
        play_s=0.0,
        update_s=0.0,
        peak_mb=0.0,
        parameters=12 * point.layers * point.width**2,
        counts=Counts(
            sampled_tokens=games * point.turns * 6,
            trained_tokens=games * point.turns * 13,
            game_turns=games * point.turns,
            longest_row=point.turns * 13,
        ),
    )


def test_a_fit_finds_the_model_and_predicts_the_point_left_out() -> None:
    model = {"play_s": [0.02, 3.0, 1e-4], "update_s": [0.01, 5.0], "peak_mb": [400, 16, 0.0]}
    costs = [
        replace(sizes, **{k: float(np.dot(model[k], v)) for k, v in terms(point, sizes).items()})
        for point, sizes in ((point, cost_of(point)) for point in POINTS)
    ]
    fitted = fit(list(FITTED), costs[: len(FITTED)])
    for name, coefficients in model.items():
        assert fitted[name] == pytest.approx(coefficients, rel=1e-6, abs=1e-6)
    for point, cost in zip(PREDICTED, costs[len(FITTED) :], strict=True):
        guessed = predict(fitted, point, cost)
        assert guessed["play_s"] == pytest.approx(cost.play_s)
        assert guessed["update_s"] == pytest.approx(cost.update_s)


def test_two_processes_share_what_has_games_in_it() -> None:
    alone = Point(tasks=8, group=16, layers=4, width=256)
    one, two = (terms(p, cost_of(p)) for p in (alone, replace(alone, processes=2)))
    assert two["play_s"] == [one["play_s"][0], *(value / 2 for value in one["play_s"][1:])]
    assert two["update_s"] == [1.0, one["update_s"][1] / 2]
    assert two["peak_mb"][1] == one["peak_mb"][1]


def test_the_points_that_are_predicted_are_outside_of_those_fitted() -> None:
    largest = PREDICTED[0]
    assert all(p.width < largest.width and p.tasks * p.group < 192 for p in FITTED)
    assert largest.tasks * largest.group == 192
    assert all(p.processes == 1 for p in FITTED)
    assert {p.processes for p in PREDICTED[1:]} == {2}


def test_questions_of_tic_tac_toe() -> None:
    assert tictactoe.completing("OO XX    ", "O") == {2}
    assert tictactoe.winning("OO XX    ") == {2}
    assert tictactoe.blocking("OO X     ") == {2}
    assert tictactoe.blocking("OO XX    ") == set(), "it has a win of its own"
    assert len(tictactoe.positions()) == 4520


def test_a_player_who_knows_the_answers_of_tic_tac_toe() -> None:
    sure = torch.zeros(4520, 9)
    for row, board in zip(sure, tictactoe.positions(), strict=True):
        row[min(tictactoe.deciding(board))] = 1.0
    count, best, mass = tictactoe.answer(sure, tictactoe.deciding)
    assert (best, mass) == (1.0, 1.0)
    assert 0 < count < 4520
    even = torch.full((4520, 9), 1 / 9)
    assert tictactoe.answer(even, tictactoe.blocking)[2] == pytest.approx(1 / 9)
