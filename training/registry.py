"""Look a function up by name: one of ours, or a user's own as `package.module:name`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from wordle_rl.envs.plugins import is_plugin, load_plugin
from wordle_rl.errors import ConfigError, unknown_name

F = TypeVar("F", bound=Callable[..., Any])


def resolve(kind: str, name: str, known: Mapping[str, F]) -> F:
    """The function of that name; `kind` says in an error what was looked for.

    Raises:
        ConfigError: no such name (the message has the nearest), or what it names is no function.

    >>> resolve("shout", "upper", {"upper": str.upper})("crane")
    'CRANE'
    """
    if name in known:
        return known[name]
    if not is_plugin(name):
        raise unknown_name(kind, name, known)
    found = load_plugin(kind, name)
    if not callable(found):
        raise ConfigError(f"{kind} {name!r} is not a function: it is a {type(found).__name__}")
    return cast("F", found)
