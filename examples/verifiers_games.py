"""Our games in verifiers: a taskset of secrets, an environment in which the game is the user.

    pip install 'wordle-rl[verifiers]'
    cd examples
    python verifiers_games.py MODEL BASE_URL [SUITE] [TASKS]
    vf-eval verifiers_games --env.taskset.suite wordle-val -n 20 -r 4 --no-push \
        -m MODEL --client.base-url http://localhost:8000/v1

MODEL is the name that an OpenAI-compatible server at BASE_URL has for it. verifiers finds this
file by its name, so it has to be importable: run from this folder, or put it on PYTHONPATH.
"""

import asyncio
import sys
from collections.abc import Iterator
from typing import Any, Literal

import verifiers.v1 as vf
from openai import AsyncOpenAI
from pydantic import Field
from verifiers.v1.dialects.chat import message_to_wire

from wordle_rl.config import EnvSection
from wordle_rl.training.verifiers_games import Games, play

__all__ = ["GameEnv", "GameHarness", "GameTaskset"]


class GameConfig(vf.TasksetConfig):
    game: str = "wordle"
    reward: str = "binary"
    rewards: dict[str, Any] = Field(default_factory=dict)
    split: Literal["train", "val", "test", "all"] = "train"
    options: dict[str, Any] = Field(default_factory=dict)
    suite: str = ""
    style: Literal["chat", "compact"] = "chat"


class GameData(vf.TaskData):
    number: int
    """Which of the taskset's games; the secret is told to nobody."""


class GameTask(vf.Task[GameData, vf.State, vf.TaskConfig]):
    pass


class GameTaskset(vf.Taskset[GameTask, GameConfig]):
    def __init__(self, config: GameConfig) -> None:
        super().__init__(config)
        self.INFINITE = not config.suite
        env = EnvSection(
            id=config.game,
            reward=config.reward,
            rewards=config.rewards,
            split=config.split,
            options=config.options,
        )
        self.games = Games(env=env, suite=config.suite, style=config.style)

    def load(self) -> Iterator[GameTask]:
        for number, task in enumerate(self.games.tasks()):
            _, opening = self.games.begin(task)
            data = GameData(number=number, name=task.task_id.split("/")[0], prompt=opening)
            yield GameTask(data, self.config.task)


class GameHarness(vf.Harness[vf.HarnessConfig]):
    """One chat completion a turn, asked for in this process: no tools and no sandbox."""

    APPENDS_SYSTEM_PROMPT = True
    SUPPORTS_RESUME = True
    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    async def launch(
        self, ctx, trace, runtime, endpoint, secret, mcp_urls, data
    ) -> vf.ProgramResult:
        system, prompt = self.resolve_prompt(data)
        said = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        messages = [m if isinstance(m, dict) else message_to_wire(m) for m in said]
        if system is not None:
            messages = [{"role": "system", "content": system}, *messages]
        async with AsyncOpenAI(base_url=endpoint, api_key=secret) as client:
            await client.chat.completions.create(model=ctx.model, messages=messages)
        return vf.ProgramResult(exit_code=0, stdout="", stderr="")


class GameEnvConfig(vf.EnvConfig):
    player: vf.AgentConfig = vf.AgentConfig(runtime=vf.SubprocessConfig(), max_turns=64)


class GameEnv(vf.Env[GameEnvConfig]):
    async def run(self, task: GameTask, agents: vf.Agents) -> None:
        games = self.taskset.games
        game, _ = games.begin(games.task(task.data.number))
        async with agents.player.interaction(task) as interaction:
            score = await play(game, interaction)
        interaction.trace.record_reward("game", score.reward)
        interaction.trace.record_metrics(score.metrics)


async def evaluate(
    config: dict[str, Any], model: str, base_url: str, *, tasks: int, rollouts: int = 1, **sampling
) -> list[vf.Episode]:
    """Play the first tasks of a taskset, each so many times."""
    env = GameEnv(GameEnvConfig.model_validate({"taskset": {"id": "verifiers_games", **config}}))
    client = vf.EvalClientConfig(base_url=base_url, api_key_var="OPENAI_API_KEY")
    ctx = vf.ModelContext(model=model, client=client, sampling=vf.SamplingConfig(**sampling))
    at_once = asyncio.Semaphore(8)
    async with env.serving():
        slots = [slot for task in env.taskset.take(tasks) for slot in env.slots(task, rollouts)]
        return list(await asyncio.gather(*(env.run_slot(slot, ctx, at_once) for slot in slots)))


def main(model: str, base_url: str, suite: str = "wordle-val", tasks: str = "20") -> None:
    asked = evaluate({"suite": suite}, model, base_url, tasks=int(tasks), temperature=1.0)
    traces = [trace for episode in asyncio.run(asked) for trace in episode.traces]
    won = sum(trace.metrics.get("solved", 0.0) for trace in traces)
    failed = sum(not trace.ok for trace in traces)
    print(f"{suite}: {won:.0f} of {len(traces)} games won, {failed} failed")


if __name__ == "__main__":
    main(*sys.argv[1:])
