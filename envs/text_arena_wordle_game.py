"""TextArena's Wordle with word lists handed in, so that it needs no NLTK data.

Imported only when the game is made. Prompt, reading of an action, refusals and texts are those of
the installed package, run and not copied; the lists are given and guesses are scored by `feedback`.
"""

from __future__ import annotations

from functools import lru_cache

from wordle_rl.envs.feedback import feedback
from wordle_rl.envs.lexicon import Lexicon
from wordle_rl.envs.text_arena_engine import INSTALL_NLTK, registry
from wordle_rl.envs.text_arena_world import PrivateWorld
from wordle_rl.errors import ConfigError

registry()
with PrivateWorld().entered():  # the module downloads NLTK data as it is imported
    from textarena.envs.Wordle.env import WordleEnv  # type: ignore[import-untyped]


class ArenaWordle(WordleEnv):  # type: ignore[misc]
    """TextArena's Wordle on the words of a `Lexicon`."""

    def __init__(self, lexicon: Lexicon, word_length: int, max_guesses: int) -> None:
        """Set what TextArena's own constructor would load from NLTK."""
        self.word_length, self.num_guesses = word_length, max_guesses
        self.word_list = list(lexicon.answers)
        self._lexicon = lexicon

    def choose(self, secret: str) -> None:
        """Make a word the secret of the games to come."""
        self.word_list = [secret]

    def _check_word(self, word: str) -> bool:
        return word in self._lexicon.legal

    def _evaluate_guess(self, guess: str) -> list[str]:
        (secret,) = self.word_list
        return list(feedback(guess, secret))


@lru_cache(maxsize=8)
def nltk_words(word_length: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """TextArena's own secrets and guesses, computed from NLTK's data.

    The secrets are the nouns of basic English, the guesses the words of three dictionaries. What
    is not a to z in lower case is left out: it cannot be guessed.

    Raises:
        ConfigError: the data is not installed.
    """
    try:
        with PrivateWorld().entered():
            original = WordleEnv(word_length=word_length)
    except LookupError as error:
        raise ConfigError(
            f"pool 'nltk' needs NLTK data that is not installed: run `{INSTALL_NLTK}` once, or "
            "use pool='own'"
        ) from error
    guesses = original.dictionary.get_all_words()
    return _plain(original.word_list, word_length), _plain(guesses, word_length)


def _plain(words: list[str] | set[str], word_length: int) -> tuple[str, ...]:
    kept = {w for w in words if len(w) == word_length and w.isascii() and w.isalpha()}
    return tuple(sorted(word for word in kept if word.islower()))
