"""A name on the command line -> the agent it stands for.

    greedy-patterns, greedy-patterns:salet, ...   a baseline, with an opener after the colon
    tree:PATH                                     a decision tree that `wordle-rl solve` wrote
    nano, champion, seedling                      the built-in models
    runs/first                                    a run folder: its best checkpoint by validation
    models/mine                                   a model folder
    Qwen/Qwen3-0.6B                               a hub id: owner/name
    api:gpt-5-mini                                a model behind an OpenAI-compatible server

torch is imported for built-in models, folders and hub ids only.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from wordle_rl.agents import api_agent
from wordle_rl.agents.base import Agent
from wordle_rl.agents.baselines import BASELINES, load_baseline
from wordle_rl.agents.built_in import BUILT_IN
from wordle_rl.agents.tree_agent import PREFIX, TreeAgent
from wordle_rl.errors import ConfigError, ModelError, RunError, unknown_name
from wordle_rl.run_dir import is_run, model_of_run

if TYPE_CHECKING:
    from wordle_rl.agents.chat import ChatOptions
    from wordle_rl.agents.language import LanguageAgent

REWARD_HEAD = "reward_head.safetensors"
"""What a reward model has in its folder beside a language model's weights."""


def load_agent(
    name: str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    api: api_agent.ApiSettings | None = None,
) -> Agent:
    """The agent of a name.

    Args:
        name: a baseline, a tree, a built-in model, a run folder, a model folder, a hub id or
            `api:MODEL`.
        device: where a model runs; `auto` takes the best there is.
        dtype: the type a model computes in; `auto` takes what the device is good at.
        api: how the server of `api:MODEL` is asked.

    Raises:
        ConfigError: there is no such name.
        RunError: there is no such folder, or the run has no checkpoint yet.
        ModelError: the model cannot be loaded.
    """
    if name.partition(":")[0] in BASELINES:
        return load_baseline(name)
    if name.startswith(PREFIX):
        return TreeAgent(name)
    if name.startswith(api_agent.PREFIX):
        return api_agent.load_api_agent(name, api)
    return load_language_agent(name, device=device, dtype=dtype)


def load_language_agent(
    name: str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    max_new_tokens: int | None = None,
    chat: ChatOptions | None = None,
    bits: int | None = None,
) -> LanguageAgent:
    """The language model of a name: `load_agent` without the baselines, for training.

    `max_new_tokens` replaces the model's own limit on the length of an answer, `chat` the way it is
    spoken to; `bits` = 4 holds its weights in four bits.
    """
    path = model_path(name)  # before the slow import, so that a wrong name fails at once
    if (Path(path) / REWARD_HEAD).is_file():
        raise ModelError(
            f"{name!r} is a reward model, which scores games and plays none: set reward_model.path "
            "to it, and name the model that plays"
        )
    from wordle_rl.agents.language import LanguageAgent

    return LanguageAgent.load(
        path, device=device, dtype=dtype, max_new_tokens=max_new_tokens, chat=chat, bits=bits
    )


def model_path(name: str) -> str:
    """What the model loader is given for a name: a built-in one, a folder or a hub id.

    Raises:
        ConfigError: it is a baseline, or nothing.
        RunError: there is no such folder, or the run has no checkpoint yet.
    """
    if name in BUILT_IN:
        return name
    if name in BASELINES or name.startswith(api_agent.PREFIX):
        raise ConfigError(
            f"the agent {name!r} is no model to train: use 'nano', a folder or a hub id"
        )
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        return str(model_of_run(folder) if is_run(folder) else folder)
    if _looks_like_hub_id(name):
        return name
    if "/" in name or os.sep in name:
        raise RunError(f"no folder {name!r}: give a run folder, a model folder or a hub id")
    raise unknown_name("agent", name, [*BASELINES, *BUILT_IN])


def _looks_like_hub_id(name: str) -> bool:
    """`owner/name`; where a folder `owner` exists, the name is a path with a slip in it.

    So it is under `runs`, where runs go, even before the first one.
    """
    owner, _, rest = name.partition("/")
    is_pair = bool(owner and rest) and "/" not in rest
    return is_pair and owner != "runs" and not Path(owner).expanduser().is_dir()
