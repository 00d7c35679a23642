"""wordle-rl: train language-model agents to play multi-turn text games with reinforcement learning.

Importing the package registers its games with Gymnasium and loads nothing heavy: a public name
imports its module when it is first used, so torch is loaded by what needs torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from wordle_rl.envs import make_env

if TYPE_CHECKING:
    from wordle_rl.envs.base import TextEnv
    from wordle_rl.envs.feedback import feedback
    from wordle_rl.envs.wordle import WordleEnv
    from wordle_rl.errors import ConfigError, WordleRLError
    from wordle_rl.records import (
        Completion,
        Episode,
        EpisodeGroup,
        EvalReport,
        Sample,
        Task,
        Turn,
    )
    from wordle_rl.rollout import play_games

__version__ = "0.1.0"

__all__ = [
    "Completion",
    "ConfigError",
    "Episode",
    "EpisodeGroup",
    "EvalReport",
    "Sample",
    "Task",
    "TextEnv",
    "Turn",
    "WordleEnv",
    "WordleRLError",
    "__version__",
    "feedback",
    "make_env",
    "play_games",
]

_MODULES = {
    "Completion": "wordle_rl.records",
    "ConfigError": "wordle_rl.errors",
    "Episode": "wordle_rl.records",
    "EpisodeGroup": "wordle_rl.records",
    "EvalReport": "wordle_rl.records",
    "Sample": "wordle_rl.records",
    "Task": "wordle_rl.records",
    "TextEnv": "wordle_rl.envs.base",
    "Turn": "wordle_rl.records",
    "WordleEnv": "wordle_rl.envs.wordle",
    "WordleRLError": "wordle_rl.errors",
    "feedback": "wordle_rl.envs.feedback",
    "play_games": "wordle_rl.rollout",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
