"""The errors a user can meet, one small tree.

    WordleRLError
    ├── ConfigError        a setting, flag, name or word list is wrong   (exit code 2)
    ├── RunError           a run folder cannot be used, started or resumed (exit code 1)
    │   └── CheckpointError    a checkpoint is missing, half-written or damaged
    ├── StoreError         a store of results, or a row for it, cannot be used  (exit code 1)
    ├── ModelError         a model or tokenizer cannot be loaded or used (exit code 1)
    ├── OpponentError      the other player of a game has no move        (exit code 1)
    └── SampleError        trained tokens would differ from sampled ones: a bug (exit code 1)

A message says what failed, the value with `!r`, and what to do about it. The command line prints
it as one line; the traceback appears with `--debug`.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class WordleRLError(Exception):
    """Base of every error raised on purpose. `exit_code` is what the command line exits with."""

    exit_code = 1


class ConfigError(WordleRLError, ValueError):
    """A setting, flag, name or word list is wrong; nothing has been started."""

    exit_code = 2


class RunError(WordleRLError):
    """A run folder cannot be used, started or resumed."""


class CheckpointError(RunError):
    """A checkpoint is missing, half-written or damaged."""


class StoreError(WordleRLError):
    """A store of results cannot be used, or a row does not belong into it."""


class ModelError(WordleRLError):
    """A model or tokenizer cannot be loaded, or cannot do what is asked of it."""


class OpponentError(WordleRLError, RuntimeError):
    """The other player of a game for two has no move; in a rollout that game has failed."""


class SampleError(WordleRLError):
    """Tokens about to be trained are not the tokens that were sampled."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> ConfigError:
    """An error for a name that does not exist, with the nearest one that does.

    >>> str(unknown_name("preset", "defualt", ["default", "course"]))
    "unknown preset 'defualt': did you mean 'default'? Known: course, default"
    """
    options = sorted(known)
    near = get_close_matches(name, options, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return ConfigError(f"unknown {kind} {name!r}: {hint}Known: {', '.join(options)}")
