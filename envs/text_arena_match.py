"""A match: one game of TextArena between one or two seats, played action by action.

`TwoPlayerGame` is what self-play drives: the same model can answer for both seats, because every
seat has its own observation, record and outcome. `TextArenaEnv` is built on the same class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from wordle_rl.envs.arguments import check_range
from wordle_rl.envs.base import History, Style
from wordle_rl.envs.opponents import candidate_moves
from wordle_rl.envs.text_arena_engine import ArenaEngine, Build
from wordle_rl.envs.text_arena_games import check_id, check_playable
from wordle_rl.envs.text_arena_positions import REFUSED, position
from wordle_rl.envs.text_arena_text import clip, narrate
from wordle_rl.errors import ConfigError

MoveStatus = Literal["start", "ok", "invalid", "error"]
"""`invalid`: the game refused the action; the second time in a row ends the game."""
OutcomeName = Literal["", "win", "draw", "loss"]
"""Empty while a game runs, and where it ended without a result."""
MAX_TURNS, MAX_OPENING = 1000, 100
"""Most actions of a game, and most moves made before it begins."""


class Exchange(NamedTuple):
    """One turn of a player."""

    observation: str
    """What the player had heard since its action before."""
    action: str


class Match:
    """One game for `players` seats. Seats are numbered from 0."""

    _status: MoveStatus
    _actions: int
    _marks: list[int]
    _accepted: list[int]
    _records: list[list[Exchange]]
    _manners: list[tuple[Style, History]]

    def __init__(
        self,
        game: str,
        players: int,
        *,
        game_options: Mapping[str, Any] | None = None,
        style: Style = "chat",
        history: History = "last",
        max_turns: int = MAX_TURNS,
        build: Build | None = None,
    ) -> None:
        """Make the game; `reset` starts it. Raises ConfigError for a game that cannot be played.

        Args:
            game: an id of TextArena, such as "TicTacToe-v0".
            players: 1 or 2.
            game_options: arguments of the game's class in TextArena.
            style: "compact" leaves the rules and blank lines out of observations; some board games
                become a line (`text_arena_positions`), with history "last".
            history: "full" makes each observation tell the whole game so far.
            max_turns: actions of all seats together, refused ones included, before the game is
                called off. Some games have no end of their own.
            build: makes the game in place of TextArena's registry.
        """
        if build is None:
            check_id(game)
            check_playable(game)
        self.game = game
        self._players = players
        self._manner: tuple[Style, History] = (style, history)
        self._max_turns = max_turns
        self._engine = ArenaEngine(game, players, game_options, build)
        self._clear()

    @property
    def engine(self) -> ArenaEngine:
        """The guarded TextArena game."""
        return self._engine

    @property
    def to_move(self) -> int:
        """The seat whose action is next."""
        return self._engine.to_move

    @property
    def forfeited_by(self) -> int | None:
        """The seat that is out after invalid moves in a game that would go on without it."""
        if self._engine.done:
            return None
        return next((p for p in range(self._players) if self._engine.is_invalid(p)), None)

    @property
    def called_off(self) -> bool:
        """Whether `max_turns` ended the game."""
        over = self._engine.done or self.forfeited_by is not None
        return self._actions >= self._max_turns and not over

    @property
    def done(self) -> bool:
        """Whether the game is over."""
        over = self._engine.done or self.forfeited_by is not None
        return over or self._actions >= self._max_turns

    @property
    def status(self) -> MoveStatus:
        """What became of the last action."""
        return self._status

    @property
    def error(self) -> str:
        """What the game raised, in one line; empty where it did not."""
        return self._engine.error

    @property
    def rewards(self) -> tuple[float, ...]:
        """TextArena's own rewards by seat; 0 while the game runs. A forfeit is paid -1 and 1."""
        if (loser := self.forfeited_by) is not None:
            return tuple(-1.0 if seat == loser else 1.0 for seat in range(self._players))
        return tuple(self._engine.reward(seat) for seat in range(self._players))

    def reset(self, seed: int) -> None:
        """Start a new game, fixed by a seed in [0, 2**31)."""
        self._clear()
        self._engine.reset(seed)

    def speak_to(self, player: int, style: Style, history: History) -> None:
        """Speak to a seat in a manner of its own, for the rest of this game."""
        self._manners[player] = (style, history)

    def observation(self, player: int) -> str:
        """What a seat sees now: in history "last" what is new to it, or the position as a line."""
        style, history = self._manners[player]
        if history == "full":
            return self.transcript(player, style)
        heard = self._engine.heard(player)
        line = position(self.game, heard, player) if style == "compact" else ""
        if not line:
            return self.news(player, style)
        was_refused = self._status == "invalid" and self.to_move == player
        return clip(self._framed(REFUSED + line if was_refused else line, player))

    def news(self, player: int, style: Style = "chat") -> str:
        """What a seat has heard since its own last action."""
        newest = self._engine.heard(player)[self._marks[player] :]
        said = narrate(newest, me=player, style=style, with_mine=False)
        return clip(self._framed(said, player))

    def transcript(self, player: int, style: Style = "chat") -> str:
        """The whole game as a seat has heard it, its own actions included."""
        said = narrate(self._engine.heard(player), me=player, style=style, with_mine=True)
        return clip(self._framed(said, player))

    def record(self, player: int) -> tuple[Exchange, ...]:
        """The turns of a seat so far."""
        return tuple(self._records[player])

    def accepted(self, player: int) -> int:
        """How many actions of a seat the game has accepted."""
        return self._accepted[player]

    def step(self, action: str) -> bool:
        """Play one action for the seat to move; whether the game is over.

        Raises:
            RuntimeError: the game is over already.
        """
        if self.done:
            raise RuntimeError("the game is over: call reset() first")
        player = self.to_move
        self._records[player].append(Exchange(self.observation(player), action))
        self._marks[player] = len(self._engine.heard(player))
        self._engine.step(action)
        self._actions += 1
        self._status = self._judge()
        self._accepted[player] += self._status == "ok"
        return self.done

    def _judge(self) -> MoveStatus:
        if self._engine.error:
            return "error"
        return "invalid" if self._engine.refused else "ok"

    def _clear(self) -> None:
        """Nothing has been played; what was heard is the engine's."""
        self._status = "start"
        self._actions = 0
        self._marks = [0] * self._players
        self._accepted = [0] * self._players
        self._records = [[] for _ in range(self._players)]
        self._manners = [self._manner] * self._players

    def _framed(self, said: str, player: int) -> str:
        """A text with the end of the game under it; the id of the game where nothing was said."""
        lines = [said, self._ending(player)] if self.done else [said]
        return "\n".join(line for line in lines if line) or self.game

    def _ending(self, player: int) -> str:
        if self._engine.error:
            return "The game failed and is over."
        if self.called_off:
            return f"The game is called off after {self._max_turns} turns."
        if (loser := self.forfeited_by) is not None:
            return f"Player {loser} is out after invalid moves."
        return self._engine.reason(player) or "The game is over."


_VERDICTS: dict[OutcomeName, str] = {
    "": "",
    "win": "You won.",
    "draw": "It is a draw.",
    "loss": "You lost.",
}


class TwoPlayerGame(Match):
    """A game for two seats.

    >>> game = TwoPlayerGame("Nim-v0", game_options={"piles": [1, 1]})
    >>> game.reset(seed=0)
    >>> game.step("[0 1]"), game.step("[1 1]")
    (False, True)
    >>> game.outcome(0), game.outcome(1), game.rewards
    ('loss', 'win', (-1.0, 1.0))
    """

    def __init__(self, game: str, *, opening_moves: int = 0, **options: Any) -> None:
        """Make the game; further options are those of `Match`.

        Args:
            game: an id of TextArena for two players.
            opening_moves: most moves made at random before the seats take over, 0 to 100; how many
                and which is drawn from the seed. Games in progress make rare positions common.
            options: those of `Match`.
        """
        super().__init__(game, 2, **options)
        check_range("opening_moves", opening_moves, 0, MAX_OPENING)
        self._opening_moves = opening_moves
        if (players := check_playable(game).players) != 2:
            raise ConfigError(
                f"TextArena game {game!r} is for {players} player, not for 2: choose another"
            )

    def reset(self, seed: int) -> None:
        """Start a new game, fixed by a seed in [0, 2**31), and make its opening moves."""
        super().reset(seed)
        if not self._opening_moves:
            return
        rng = np.random.default_rng(seed)
        moves = int(rng.integers(self._opening_moves + 1))
        while not self._opened(moves, rng):
            moves -= 1  # so many ended the game: play fewer
            super().reset(seed)
        self._clear()  # the opening is nobody's, and both seats hear of it first

    def _opened(self, moves: int, rng: np.random.Generator) -> bool:
        """Make moves at random; whether the game still runs."""
        for _ in range(moves):
            legal = candidate_moves(self.game, self.transcript(self.to_move))
            if self.step(legal[int(rng.integers(len(legal)))]):
                return False
        return True

    def outcome(self, player: int) -> OutcomeName:
        """Who has the larger reward has won. Empty while the game runs, or if it had no result."""
        if not self.done or self.error or self.called_off:
            return ""
        mine, theirs = self.rewards[player], self.rewards[1 - player]
        if mine == theirs:
            return "draw"
        return "win" if mine > theirs else "loss"

    def _ending(self, player: int) -> str:
        return " ".join(filter(None, [super()._ending(player), _VERDICTS[self.outcome(player)]]))
