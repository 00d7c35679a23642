"""Games of TextArena for tests: made, played, and looked into."""

from typing import Any

from wordle_rl.envs.text_arena import TextArenaEnv

STRANGE = ["", "[", "]", "\ud800", "\x00[1]", "[" + "9" * 5000 + "]", "[1]" * 4000, "<think>[1]"]
"""Actions that no game understands, or that trip one up."""


def arena(game: str, **options: Any) -> TextArenaEnv:
    return TextArenaEnv(game=game, **options)


def play(env: TextArenaEnv, *actions: str, **reset: Any) -> list[Any]:
    """Reset and play to the end of the actions or of the game; everything that came back."""
    came: list[Any] = [env.reset(**reset)]
    for action in actions:
        came.append(env.step(action))
        if came[-1][2]:
            break
    return came


def last_info(env: TextArenaEnv, *actions: str, **reset: Any) -> dict[str, Any]:
    info: dict[str, Any] = play(env, *actions, **reset)[-1][-1]
    return info


def state(env: TextArenaEnv) -> Any:
    """TextArena's own state of the game."""
    return env.match.engine.env.state
