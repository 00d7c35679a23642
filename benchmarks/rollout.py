"""Our rollout against one batched `transformers.generate` a turn: games per second, in one run.

    python benchmarks/rollout.py [--games 512] [--rounds 3] [--model nano] [--json]

Both play the same Wordle tasks with the same weights, dtype, temperature and batch, through one
`rollout`. The peer renders each running game's whole conversation, left-pads and generates with
the cache on, as a turn-by-turn trainer does. Rounds alternate between the two, so a noisy machine
hits both. `outside` is the share of wall time not spent in the model's forward.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import click
import torch

from wordle_rl.agents.base import Agent, Move, Opening, View
from wordle_rl.agents.chat import Ids
from wordle_rl.agents.device import without_gradient
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.loading import load_language_agent
from wordle_rl.envs import make_env
from wordle_rl.envs.base import Style
from wordle_rl.records import Completion, FinishReason, Task
from wordle_rl.rollout import rollout

Answers = Callable[[list[Ids]], list[list[int]]]
"""Contexts of all running games -> an answer to each, its stop token included."""


class GenerateAgent:
    """The peer: the same model, one `generate` call a turn over all running games."""

    def __init__(self, agent: LanguageAgent, style: Style, answers: Answers | None = None) -> None:
        self.agent = agent
        self.style: Style = style
        self.name = "generate"
        self._answers = answers or self._generate

    def begin(self, openings: Sequence[Opening], *, temperature: float) -> GeneratePlayer:
        """Start the games."""
        torch.manual_seed(openings[0].seed)
        self._temperature = temperature
        return GeneratePlayer(self.agent, len(openings), self._answers)

    def _generate(self, contexts: list[Ids]) -> list[list[int]]:
        agent = self.agent
        width = max(map(len, contexts))
        rows = [[agent.pad_id] * (width - len(ids)) + list(ids) for ids in contexts]
        mask = [[0] * (width - len(ids)) + [1] * len(ids) for ids in contexts]
        with without_gradient(agent.device, agent.compute_dtype):
            generate = cast(Callable[..., torch.Tensor], agent.model.generate)
            out = generate(
                input_ids=torch.tensor(rows, device=agent.device),
                attention_mask=torch.tensor(mask, device=agent.device),
                do_sample=True,
                temperature=self._temperature,
                top_k=0,
                top_p=1.0,
                max_new_tokens=agent.max_new_tokens,
                eos_token_id=list(agent.stop_ids),
                pad_token_id=agent.pad_id,
                use_cache=True,
            )
        answers: list[list[int]] = out[:, width:].tolist()
        return [self._until_stop(answer) for answer in answers]

    def _until_stop(self, answer: list[int]) -> list[int]:
        stops = (k for k, token in enumerate(answer) if token in self.agent.stop_ids)
        return answer[: next(stops, len(answer) - 1) + 1]


class GeneratePlayer:
    """Keeps every game's tokens and prefills them again each turn."""

    def __init__(self, agent: LanguageAgent, games: int, answers: Answers) -> None:
        self.agent = agent
        self.answers = answers
        self.context: list[Ids] = [()] * games

    def act(self, views: Mapping[int, View]) -> Mapping[int, Move]:
        """Answer every running game with one call."""
        chat = self.agent.chat
        for i, view in views.items():
            seen = self.context[i]
            more = chat.between(seen, view.observation) if seen else chat.opening(view.observation)
            self.context[i] = (*seen, *more)
        answers = self.answers([self.context[i] for i in views])
        return {i: self._move(i, tuple(said)) for i, said in zip(views, answers, strict=True)}

    def _move(self, i: int, said: Ids) -> Move:
        prompt = self.context[i]
        self.context[i] = (*prompt, *said)
        stopped = said[-1] in self.agent.stop_ids
        text = str(self.agent.tokenizer.decode(list(said[:-1] if stopped else said)))
        completion = Completion(
            text=text,
            prompt_ids=prompt,
            token_ids=said,
            logprobs=(0.0,) * len(said),  # `generate` tells none
            finish_reason=FinishReason.STOP if stopped else FinishReason.LENGTH,
        )
        return Move(action=text, completion=completion)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One style."""

    style: str
    games: int
    ours_games_per_s: float
    generate_games_per_s: float
    ratio: float
    ours_outside_model: float
    generate_outside_model: float


class ForwardTimer:
    """Adds up the seconds spent in a model's forward."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.seconds = 0.0
        self._began = 0.0
        model.register_forward_pre_hook(self._before)
        model.register_forward_hook(self._after)

    def _before(self, *_: Any) -> None:
        self._began = time.perf_counter()

    def _after(self, *_: Any) -> None:
        self.seconds += time.perf_counter() - self._began


def measure(agent: LanguageAgent, style: Style, games: int, rounds: int) -> Result:
    """Alternate both players and take medians over rounds."""
    agent._style = style
    timer = ForwardTimer(agent.model)
    tasks = [Task(env_id="wordle", task_id=str(p), seed=p) for p in range(max(games // 16, 1))]
    players: dict[str, Agent] = {"ours": agent, "generate": GenerateAgent(agent, style)}
    speed: dict[str, list[float]] = {name: [] for name in players}
    outside: dict[str, list[float]] = {name: [] for name in players}
    for round_number in range(rounds + 1):  # the first one warms up
        for name, player in players.items():
            timer.seconds, began = 0.0, time.perf_counter()
            rollout(
                player,
                tasks,
                16,
                make_env=lambda task: make_env(
                    "wordle", style=style, history="last", split="train"
                ),
                temperature=1.0,
                seed=round_number,
            )
            elapsed = time.perf_counter() - began
            if round_number:
                speed[name].append(len(tasks) * 16 / elapsed)
                outside[name].append(1 - timer.seconds / elapsed)
    median = {name: statistics.median(values) for name, values in speed.items()}
    return Result(
        style=style,
        games=len(tasks) * 16,
        ours_games_per_s=median["ours"],
        generate_games_per_s=median["generate"],
        ratio=median["ours"] / median["generate"],
        ours_outside_model=statistics.median(outside["ours"]),
        generate_outside_model=statistics.median(outside["generate"]),
    )


@click.command()
@click.option("--games", default=512, show_default=True, help="Games at once.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--model", default="nano", show_default=True)
@click.option("--style", "styles", multiple=True, default=("compact", "chat"))
@click.option("--json", "as_json", is_flag=True)
def main(games: int, rounds: int, model: str, styles: tuple[Style, ...], as_json: bool) -> None:
    """Compare games per second of our rollout and of one generate call a turn."""
    for style in styles:
        result = measure(load_language_agent(model), style, games, rounds)
        if as_json:
            click.echo(json.dumps(asdict(result)))
            continue
        click.echo(
            f"{result.style:8} {result.games} games: ours {result.ours_games_per_s:.1f}/s "
            f"({result.ours_outside_model:.0%} outside the model), "
            f"generate {result.generate_games_per_s:.1f}/s "
            f"({result.generate_outside_model:.0%} outside): {result.ratio:.1f}x"
        )


if __name__ == "__main__":
    main()
