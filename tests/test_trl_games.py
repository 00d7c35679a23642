"""Our games inside TRL: what it is given, and whole runs of its trainer where it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import get_json_schema

from tests.families import family_agent, save_family
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.logprobs import token_logprobs
from wordle_rl.config import EnvSection
from wordle_rl.errors import ModelError
from wordle_rl.training.trl_games import earned, rollouts, task_row, tool_game

ROOT = Path(__file__).resolve().parents[1]
LENGTH = {"length": {"weight": 1.0, "free_chars": 0, "max_chars": 40}}
ENV = EnvSection(id="guess-number", rewards=LENGTH)


def extra(name: str) -> Any:
    """A module that comes with an extra; without it the test is skipped."""
    return pytest.importorskip(name, reason="trl is an extra: pip install 'wordle-rl[trl]'")


def trainer_of(agent: LanguageAgent, step: int = 0) -> Any:
    """What a rollout function sees of a trainer."""
    return SimpleNamespace(
        accelerator=SimpleNamespace(unwrap_model=lambda model: model, process_index=0),
        model=agent.model,
        processing_class=agent.tokenizer,
        temperature=1.0,
        state=SimpleNamespace(global_step=step),
        args=SimpleNamespace(seed=3, bf16=False),
    )


PROMPTS = [task_row(number)["prompt"] for number in (4, 4, 9)]


def test_a_rollout_is_whole_games_with_the_models_own_tokens_marked() -> None:
    agent = family_agent("qwen2.5")
    agent.model.train()
    found = rollouts(ENV, max_new_tokens=6, max_turns=3)(PROMPTS, trainer_of(agent))
    assert agent.model.training, "the model is handed back as it was"
    agent.model.eval()
    assert found["prompt_ids"][0] == found["prompt_ids"][1]
    assert found["completion_ids"][0] != found["completion_ids"][1], "games of a group differ"
    assert len(set(found["game_reward"])) > 1
    assert earned(PROMPTS, None, found["game_reward"]) == found["game_reward"]
    for i in range(3):
        ids = found["prompt_ids"][i] + found["completion_ids"][i]
        mask = [0] * len(found["prompt_ids"][i]) + found["env_mask"][i]
        assert mask.count(1) <= 3 * 6
        assert mask[len(found["prompt_ids"][i])] == 1
        with torch.no_grad():
            ours, _ = token_logprobs(agent.model, torch.tensor([ids]), torch.tensor([mask]).bool())
        expected = [0.0] * len(found["prompt_ids"][i]) + found["logprobs"][i]
        assert ours[0].tolist() == pytest.approx(expected, abs=1e-4)


def test_games_depend_on_the_step() -> None:
    agent = family_agent("qwen2.5")
    play = rollouts(ENV, max_new_tokens=6, max_turns=2)
    first, again, later = (play(PROMPTS, trainer_of(agent, step)) for step in (0, 0, 1))
    assert first == again
    assert first["prompt_ids"] == later["prompt_ids"], "the secret and the opening are the task's"
    assert first["completion_ids"] != later["completion_ids"]


def test_a_template_that_rewrites_turns_is_refused() -> None:
    with pytest.raises(ModelError, match="rewrites earlier turns"):
        rollouts(ENV)(PROMPTS, trainer_of(family_agent("qwen3")))


def test_a_prompt_that_names_no_task() -> None:
    with pytest.raises(ValueError, match="names no task"):
        rollouts(ENV)([[{"role": "user", "content": "hello"}]], trainer_of(family_agent("qwen2.5")))


def test_a_game_as_a_tool() -> None:
    game = tool_game(EnvSection(id="wordle", reward="shaped"))()
    with pytest.raises(ValueError, match="call reset"):
        game.answer("[crane]")
    told = game.reset(**task_row(5))
    assert "Find the secret" in told
    assert game.answer("[crane]").startswith("Guess 1/6: C R A N E -> ")
    for _ in range(5):
        game.answer("no word")
    assert game.answer("[crane]") == "The game is over."
    lost = game.get_reward()
    secret = game._env._secret  # type: ignore[union-attr]
    game.reset(**task_row(5))
    assert "Solved in 1" in game.answer(f"[{secret}]")
    assert game.get_reward() > lost
    schema = get_json_schema(game.answer)["function"]
    assert schema["name"] == "answer"
    assert schema["parameters"]["required"] == ["answer"]


def settings(tmp_path: Path) -> Any:
    return extra("trl").GRPOConfig(
        output_dir=str(tmp_path),
        per_device_train_batch_size=4,
        num_generations=2,
        max_completion_length=16,
        max_steps=2,
        learning_rate=1e-2,
        logging_steps=1,
        report_to="none",
        save_strategy="no",
        use_cpu=True,
        bf16=False,
        seed=3,
    )


@pytest.mark.filterwarnings("default")
def test_trl_trains_on_our_games(tmp_path: Path) -> None:
    agent = family_agent("qwen2.5")
    before = {name: p.clone() for name, p in agent.model.named_parameters()}
    trainer = extra("trl").GRPOTrainer(
        model=agent.model,
        args=settings(tmp_path),
        train_dataset=extra("datasets").Dataset.from_list([task_row(i) for i in range(8)]),
        processing_class=agent.tokenizer,
        rollout_func=rollouts(ENV, max_new_tokens=6, max_turns=2),
        reward_funcs=earned,
    )
    trainer.train()
    logged = [row for row in trainer.state.log_history if "reward" in row]
    assert len(logged) == 2
    assert all(0 < row["reward"] <= 2 for row in logged)
    assert all(row["grad_norm"] > 0 for row in logged)
    assert any(not torch.equal(p, before[name]) for name, p in agent.model.named_parameters())


def model_with_tools(folder: Path) -> Path:
    """A tiny model whose chat template is the published one of Qwen 3, as TRL has it."""
    save_family("qwen3", folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    utils = extra("trl.chat_template_utils").__file__
    template = Path(utils).parent / "chat_templates" / "qwen3.jinja"
    tokenizer.chat_template = template.read_text(encoding="utf-8")
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.filterwarnings("default")
def test_trl_plays_our_games_as_tools(tmp_path: Path) -> None:
    """A random model never calls a tool, so every game earns nothing, and TRL is told so."""
    folder = model_with_tools(tmp_path / "model")
    trainer = extra("trl").GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(folder),
        args=settings(tmp_path),
        train_dataset=extra("datasets").Dataset.from_list([task_row(i) for i in range(8)]),
        processing_class=AutoTokenizer.from_pretrained(folder),
        environment_factory=tool_game(EnvSection(id="wordle", reward="shaped")),
    )
    trainer.train()
    logged = [row for row in trainer.state.log_history if "reward" in row]
    assert [row["reward"] for row in logged] == [0.0, 0.0]
    assert all(row["tools/call_frequency"] == 0.0 for row in logged)


def run_example(name: str, model: Path, folder: Path, steps: int) -> list[str]:
    """What an example of that name prints of its steps, run as a program of its own."""
    extra("trl")
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), str(model), str(steps)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [line for line in done.stdout.splitlines() if line.startswith("step ")]


def test_the_example_of_a_rollout_function_runs(tmp_path: Path) -> None:
    model = save_family("qwen2.5", tmp_path / "model")
    lines = run_example("trl_grpo.py", model, tmp_path, 2)
    assert [line.split(":")[0] for line in lines] == ["step 1", "step 2"]
    assert all("reward" in line for line in lines)


def test_the_example_of_an_environment_factory_runs(tmp_path: Path) -> None:
    lines = run_example("trl_tools.py", model_with_tools(tmp_path / "model"), tmp_path, 2)
    assert lines == [f"step {n}: reward 0.000, 0.00 calls a game" for n in (1, 2)]
