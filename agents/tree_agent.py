"""A player that follows a decision tree from a file: `tree:PATH` on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from wordle_rl.agents.base import Opening, View
from wordle_rl.agents.baselines import BaselinePlayer
from wordle_rl.agents.game_players import NextMove
from wordle_rl.agents.word_tree import WordTree, read_tree, tree_text
from wordle_rl.agents.wordle_players import board_of, play_greedy_patterns
from wordle_rl.envs.base import Style
from wordle_rl.envs.words import lists_hash
from wordle_rl.errors import ConfigError

PREFIX = "tree:"


class TreeAgent:
    """Plays Wordle by a tree; after an answer that it does not meet, greedily by patterns.

    Args:
        name: the name shown in reports, `tree:PATH`.

    Raises:
        ConfigError: the file is no tree.
    """

    style: Style = "compact"

    def __init__(self, name: str) -> None:
        self.name = name
        self._tree = read_tree(Path(name.removeprefix(PREFIX)).expanduser())

    @property
    def fingerprint(self) -> str:
        """The tree itself, whatever its file is called."""
        return f"tree {sha256(tree_text(self._tree).encode()).hexdigest()}"

    def begin(self, openings: Sequence[Opening], *, temperature: float) -> BaselinePlayer:
        """Start games; a tree plays the same at every temperature.

        Raises:
            ConfigError: a game has other words than the tree, or rules that it does not keep.
        """
        return BaselinePlayer(None, [_begin(self._tree, self.name, o) for o in openings])


def _begin(tree: WordTree, name: str, opening: Opening) -> NextMove:
    public = opening.public
    if public.get("game") != "wordle":
        raise ConfigError(f"{name!r} plays Wordle and nothing else")
    if lists_hash(public["answers"], public["guesses"]) != tree.lists_hash:
        raise ConfigError(f"{name!r} is for other word lists than this game's: name theirs")
    if public["hard_mode"] and not tree.hard_mode:
        raise ConfigError(f"{name!r} breaks the rules of hard mode: make one with solve --hard")
    board = board_of(opening)

    def move(view: View) -> str:
        board.read(view.info)
        return tree.next_guess(board.history) or play_greedy_patterns(board)

    return move
