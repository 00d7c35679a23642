"""A user's own code by name: `package.module:name`, as it is given on the command line."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from wordle_rl.errors import ConfigError, unknown_name


def is_plugin(name: str) -> bool:
    """Whether a name has the form `package.module:name`.

    >>> is_plugin("my_games.chess:ChessEnv"), is_plugin("wordle")
    (True, False)
    """
    module, colon, attribute = name.partition(":")
    return bool(colon) and all(part.isidentifier() for part in (*module.split("."), attribute))


def load_plugin(kind: str, name: str) -> Any:
    """Import what `package.module:name` names; `kind` says in an error what was looked for.

    Raises:
        ConfigError: there is no such module, or nothing of that name in it.

    >>> load_plugin("reward", "math:hypot")(3, 4)
    5.0
    """
    module_name, _, attribute = name.partition(":")
    try:
        module = import_module(module_name)
    except ImportError as error:
        raise ConfigError(f"cannot import {kind} {name!r}: {error}") from error
    if not hasattr(module, attribute):
        public = [known for known in vars(module) if not known.startswith("_")]
        raise unknown_name(f"{kind} in {module_name}", attribute, public)
    return getattr(module, attribute)
