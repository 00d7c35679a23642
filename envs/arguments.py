"""Checks of a game's arguments: what is not allowed gives one clear line."""

from __future__ import annotations

from collections.abc import Collection

from wordle_rl.errors import ConfigError, unknown_name


def check_choice(kind: str, value: str, known: Collection[str]) -> None:
    """Raise ConfigError, with the nearest name, for a value that is not one of `known`."""
    if value not in known:
        raise unknown_name(kind, str(value), known)


def check_range(name: str, value: int, low: int, high: int) -> None:
    """Raise ConfigError for a value that is not a whole number from `low` to `high`."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ConfigError(f"{name} {value!r} is not a whole number from {low} to {high}")


def check_flag(name: str, value: bool) -> None:
    """Raise ConfigError for what is neither true nor false: "false" would count as true."""
    if not isinstance(value, bool):
        raise ConfigError(f"{name} {value!r} is neither true nor false")
