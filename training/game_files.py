"""Whole games of a step, as readable text for people and as JSON lines for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from wordle_rl.evaluation.games import game_record, reward_parts, told_secret
from wordle_rl.evaluation.replay import PLAIN, has_board, printable, record_of, row_text
from wordle_rl.records import Episode, EpisodeGroup
from wordle_rl.run_dir import write_atomically


class _Kept(NamedTuple):
    """A game with its place in its group."""

    group: EpisodeGroup
    number: int
    episode: Episode
    advantage: float | None


def write_games(
    path: Path,
    step: int,
    groups: Sequence[EpisodeGroup],
    limit: int,
    *,
    advantages_PG: Sequence[Sequence[float]] | None = None,
) -> Path:
    """Keep whole games of a step as `step-N.txt` for people and `step-N.jsonl` for programs.

    A line of the latter is `games.game_record` with its step and advantage; token ids are left out.

    Args:
        path: the folder, `RunDir.episodes`; made if it does not exist.
        step: names the files; those of an earlier attempt at the step are replaced.
        groups: what was played.
        limit: most games, the groups one after the other.
        advantages_PG: the advantage of each game, by group.

    Returns:
        The text file.
    """
    kept = list(islice(_in_order(groups, advantages_PG), limit))
    total = sum(len(group.episodes) for group in groups)
    texts = [f"step {step}: {len(kept)} of {total} games\n", *map(_game_text, kept)]
    path.mkdir(parents=True, exist_ok=True)
    write_atomically(path / f"step-{step}.txt", "\n".join(texts))
    lines = [json.dumps({"step": step, **_game_json(game)}) + "\n" for game in kept]
    write_atomically(path / f"step-{step}.jsonl", "".join(lines))
    return path / f"step-{step}.txt"


def _in_order(
    groups: Sequence[EpisodeGroup],
    advantages_PG: Sequence[Sequence[float]] | None,
) -> Iterator[_Kept]:
    for p, group in enumerate(groups):
        for g, episode in enumerate(group.episodes):
            advantage = None if advantages_PG is None else float(advantages_PG[p][g])
            yield _Kept(group, g, episode, advantage)


def _game_json(game: _Kept) -> dict[str, Any]:
    episode = game.episode
    return {
        **game_record(episode, mode="sampled", sample=game.number),
        "secret": told_secret(episode),
        "advantage": game.advantage,
    }


def game_text(episode: Episode) -> str:
    """A game as it was played, with everything the agent said that is more than the guess."""
    n_guesses = game_record(episode)["n_guesses"]
    return "\n".join([*_turn_lines(episode), result_text(episode, n_guesses)])


def _game_text(game: _Kept) -> str:
    """A game with its place in its group and what it earned."""
    episode, size = game.episode, len(game.group.episodes)
    won = sum(other.solved for other in game.group.episodes)
    parts = " ".join(f"{name} {value:+g}" for name, value in reward_parts(episode).items())
    earned = f"reward {episode.total_reward:g}" + (f" = {parts}" if parts else "")
    if game.advantage is not None:
        earned += f", advantage {game.advantage:+.3f}"
    return "\n".join(
        [
            f"== {told_secret(episode)}: game {game.number + 1} of {size}, {won} won"
            f" ({episode.task.task_id})",
            game_text(episode),
            earned + "\n",
        ]
    )


def _turn_lines(episode: Episode) -> Iterator[str]:
    """The rows of a board, each after what was said; for other games the answers of the game."""
    record, opened = record_of(episode), len(episode.opening)
    on_board = has_board(record)
    if on_board:
        yield from (row_text(guess, marks, PLAIN).plain for guess, marks in record.rows[:opened])
    elif opened and episode.turns:
        yield printable(episode.turns[0].observation)
    answers = [*(turn.observation for turn in episode.turns), episode.final_observation][1:]
    for turn, (guess, marks), answer in zip(
        episode.turns, record.rows[opened:], answers, strict=True
    ):
        said = printable(turn.action).strip()
        if not on_board or said.strip("[].").lower() != guess:
            yield from (f"> {line}" for line in said.split("\n"))
        yield row_text(guess, marks, PLAIN).plain if on_board else printable(answer)


def result_text(episode: Episode, n_guesses: int) -> str:
    """How a game ended, as one line."""
    if episode.solved:
        return f"solved in {n_guesses}"
    if episode.error is not None:
        return f"error: {episode.error}"
    reason = episode.turns[-1].info.get("end_reason") if episode.turns else None
    return f"not solved: {reason or episode.stop_reason}"
