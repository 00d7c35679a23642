"""Wordle: how games end, what info holds, what is kept secret, and what it costs."""

import copy
import itertools
import pickle
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

from wordle_rl.envs.base import TextEnv
from wordle_rl.envs.feedback import feedback
from wordle_rl.envs.wordle import WordleEnv
from wordle_rl.envs.words import load_words, split_of, split_words
from wordle_rl.errors import ConfigError

WRONG = ["slate", "moist", "fuzzy", "vivid", "bumpy", "ghost"]
"""Six legal words that are not crane."""
REFUSED = {
    "no_guess": "my guess is crane",
    "bad_chars": "[cr4ne]",
    "bad_length": "[cran]",
    "unknown_word": "[qqqqq]",
    "hard_mode": "[moist]",  # after slate against crane, which shows an A
}


def start(secret: str = "crane", **kwargs: Any) -> WordleEnv:
    env = WordleEnv(**kwargs)
    env.reset(options={"secret": secret})
    return env


def last_info(env: WordleEnv, actions: list[str]) -> dict[str, Any]:
    return [env.step(action) for action in actions][-1][4]


# --- how games end


def test_solved_on_the_first_guess() -> None:
    env = start()
    observation, reward, terminated, truncated, info = env.step("[crane]")
    assert observation == "Guess 1/6: C R A N E -> G G G G G\nSolved in 1."
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert info == {
        "turn": 1,
        "guess": "crane",
        "status": "ok",
        "feedback": "GGGGG",
        "solved": True,
        "reward_parts": {"win": 1.0},
        "end_reason": "solved",
        "consistent": True,
        "secret": "crane",
    }


def test_solved_on_the_last_guess() -> None:
    env = start()
    assert not any(env.step(word)[2] for word in WRONG[:5])
    observation, reward, terminated, truncated, info = env.step("crane")
    assert observation.endswith("\nSolved in 6.")
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert (info["solved"], info["turn"], info["end_reason"]) == (True, 6, "solved")


def test_out_of_guesses_is_terminated_and_reveals_the_word() -> None:
    env = start()
    assert not any(env.step(word)[2] for word in WRONG[:5])
    observation, reward, terminated, truncated, info = env.step(WRONG[5])
    assert observation.endswith("\nOut of guesses. The word was CRANE.")
    assert (reward, terminated, truncated) == (0.0, True, False)
    assert (info["solved"], info["end_reason"]) == (False, "out_of_guesses")
    assert info["secret"] == "crane"


def test_step_needs_a_running_game() -> None:
    env = WordleEnv()
    with pytest.raises(ResetNeeded):
        env.step("[crane]")
    env.reset(options={"secret": "crane"})
    env.step("[crane]")
    with pytest.raises(ResetNeeded):
        env.step("[crane]")
    with pytest.raises(ConfigError):
        env.reset(options={"secret": "qqqqq"})
    with pytest.raises(ResetNeeded):
        env.step("[crane]")


def test_a_repeat_is_legal_and_uses_a_turn() -> None:
    env = start()
    infos = [env.step("slate")[4], env.step("[SLATE]")[4]]
    assert [i["status"] for i in infos] == ["ok", "repeat"]
    assert [i["turn"] for i in infos] == [1, 2]
    assert infos[0]["feedback"] == infos[1]["feedback"] == "XXGXG"
    assert not infos[1]["consistent"]


def test_consistent_guesses_are_marked() -> None:
    env = start()
    # after slate XXGXG an S cannot be, grape and frame can
    seen = [env.step(word)[4]["consistent"] for word in ("slate", "shave", "grape", "frame", "[]")]
    assert seen == [True, False, True, True, False]


# --- refused actions


@pytest.mark.parametrize("status", REFUSED)
@pytest.mark.parametrize("policy", ["consume", "free", "terminate"])
def test_invalid_policies(policy: Any, status: str) -> None:
    env = start(invalid_policy=policy, hard_mode=True, max_invalid=3)
    env.step("slate")
    observation, reward, terminated, truncated, info = env.step(REFUSED[status])
    assert (info["status"], info["feedback"], info["consistent"]) == (status, "", False)
    assert info["guess"] == {"unknown_word": "qqqqq", "hard_mode": "moist"}.get(status, "")
    assert (reward, truncated, info["solved"]) == (0.0, False, False)
    assert info["turn"] == (2 if policy == "consume" else 1)
    assert terminated == (policy == "terminate")
    assert info["end_reason"] == ("invalid" if terminated else "")
    assert ("CRANE" in observation) == terminated


@pytest.mark.parametrize("status", REFUSED)
def test_free_refusals_are_bounded(status: str) -> None:
    env = start(invalid_policy="free", hard_mode=True, max_invalid=3)
    env.step("slate")
    ends = [env.step(REFUSED[status])[2] for _ in range(3)]
    assert ends == [False, False, True]


def test_free_refusals_need_not_be_in_a_row_and_leave_the_guesses() -> None:
    env = start(invalid_policy="free", max_invalid=3)
    info = last_info(env, ["[]", *WRONG[:3], "[]", *WRONG[3:5]])
    assert (info["turn"], info["end_reason"]) == (5, "")
    info = last_info(env, ["crane"])
    assert (info["turn"], info["end_reason"]) == (6, "solved")


def test_consumed_refusals_can_use_all_guesses_up() -> None:
    env = start()
    steps = [env.step("?") for _ in range(6)]
    assert [s[2] for s in steps] == [False] * 5 + [True]
    assert steps[-1][4]["end_reason"] == "out_of_guesses"


@pytest.mark.parametrize("action", [None, 5, ["crane"], b"crane"])
def test_an_action_is_a_string(action: Any) -> None:
    with pytest.raises(TypeError, match="an action is a str"):
        start().step(action)


def test_a_numpy_string_is_played() -> None:
    info = start().step(np.str_("crane"))[4]
    assert info["solved"] is True
    assert type(info["guess"]) is str


# --- info and attributes


def test_info_has_the_same_keys_and_types_all_game() -> None:
    env = start(track_candidates=True)
    infos = [env.reset(options={"secret": "crane"})[1]]
    infos += [env.step(a)[4] for a in ("slate", "?", "[qqqqq]", "slate", "moist")]
    assert infos[0] == {
        "turn": 0,
        "guess": "",
        "status": "start",
        "feedback": "",
        "solved": False,
        "reward_parts": {},
        "end_reason": "",
        "consistent": False,
        "candidates_left": 2146,
        "belief": infos[0]["belief"],
        "expected_bits": 0.0,
        "guaranteed_bits": 0.0,
        "win_chance": 0.0,
    }
    assert infos[0]["belief"] != infos[1]["belief"] == infos[2]["belief"]
    shapes = [{key: type(value) for key, value in info.items()} for info in infos]
    assert all(shape == shapes[0] for shape in shapes)
    assert "candidates_left" not in start().step("slate")[4]


def test_public_is_the_same_in_every_split_and_game() -> None:
    train, test = start("crane", split="train"), start("slate", split="test")
    assert train.public() == test.public()
    assert train.public() == {
        "game": "wordle",
        "guesses": load_words("guesses"),
        "answers": load_words("answers"),
        "word_length": 5,
        "max_guesses": 6,
        "hard_mode": False,
    }


def test_the_splits_partition_the_answers() -> None:
    parts = [WordleEnv(split=split).answers for split in ("train", "val", "test")]
    assert sorted(itertools.chain(*parts)) == list(WordleEnv().answers)
    assert WordleEnv().guesses == WordleEnv(split="test").guesses == load_words("guesses")


def test_candidates_left_are_the_words_that_fit() -> None:
    generator = np.random.default_rng(0)
    env = WordleEnv(split="val", track_candidates=True)
    for seed in range(20):
        _, info = env.reset(seed=seed)
        rows: list[tuple[str, str]] = []
        ended = False
        while not ended:
            assert info["candidates_left"] == len(fitting(env.answers, rows)) > 0
            guess = str(generator.choice(env.guesses if len(rows) % 2 else env.answers))
            _, _, ended, _, info = env.step(guess)
            rows.append((guess, info["feedback"]))


def fitting(words: tuple[str, ...], rows: list[tuple[str, str]]) -> list[str]:
    return [w for w in words if all(feedback(guess, w) == marks for guess, marks in rows)]


def test_a_belief_is_the_set_of_words_still_possible() -> None:
    """Equal however it was reached and whatever the secret; different where the set is."""
    words = (
        "abbey",
        "crane",
        "dream",
        "fight",
        "happy",
        "music",
        "pound",
        "river",
        "vivid",
        "zebra",
    )

    def after(secret: str, *guesses: str) -> str:
        env = start(secret, answers=words, guesses=words, track_candidates=True)
        return [env.step(guess)[4]["belief"] for guess in guesses][-1]

    assert after("crane", "fight", "music") == after("crane", "music", "fight")
    beliefs: dict[str, frozenset[str]] = {}
    for secret, *guesses in itertools.product(words, repeat=3):
        rows = [(guess, feedback(guess, secret)) for guess in guesses]
        if secret in guesses:
            continue
        left = frozenset(fitting(words, rows))
        assert beliefs.setdefault(after(secret, *guesses), left) == left
    assert len(set(beliefs.values())) == len(beliefs) > 20


def test_a_secret_from_outside_of_the_split_is_a_candidate_too() -> None:
    outside = "aahed"
    env = WordleEnv(split="test", track_candidates=True)
    assert outside not in load_words("answers")
    _, info = env.reset(options={"secret": outside})
    assert info["candidates_left"] == len(env.answers) + 1
    counts = [env.step(word)[4]["candidates_left"] for word in ("crane", "added", "ahead")]
    assert counts[-1] == 1
    assert min(counts) > 0


# --- secrets and seeds


def test_secrets_are_drawn_uniformly_and_cover_the_split() -> None:
    env = WordleEnv(split="train")
    drawn = [secret_of(env, seed=seed) for seed in range(1000)]
    assert set(drawn) <= set(env.answers)
    assert len(set(drawn)) > 0.35 * len(env.answers)


def test_twenty_words_are_drawn_equally_often() -> None:
    env = WordleEnv(answers=load_words("answers")[:20], max_guesses=1)
    env.reset(seed=1)
    counts = Counter(secret_of(env) for _ in range(4000))
    chi_square = sum((n - 200) ** 2 / 200 for n in counts.values())
    assert len(counts) == 20
    assert chi_square < 43.8  # the 99.9 % quantile with 19 degrees of freedom


def secret_of(env: WordleEnv, **reset: Any) -> str:
    env.reset(**reset)
    while "secret" not in (info := env.step("?")[4]):
        pass
    return str(info["secret"])


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_split_yields_its_own_words_alone(split: Any) -> None:
    env = WordleEnv(split=split)
    assert env.answers == split_words(load_words("answers"), split)
    assert {secret_of(env, seed=s) for s in range(200)} <= set(env.answers)


@pytest.mark.parametrize("secret", ["crane", "CRANE", " Crane\n"])
def test_a_secret_can_be_asked_for(secret: str) -> None:
    assert secret_of(WordleEnv(), options={"secret": secret}) == "crane"


def test_any_legal_word_can_be_asked_for_in_any_split() -> None:
    assert secret_of(WordleEnv(split="test"), options={"secret": "aahed"}) == "aahed"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"secret": "qqqqq"},
            "secret 'qqqqq' is not in the word list: choose a word that can be guessed",
        ),
        ({"secret": "cranes"}, "secret 'cranes' is not a word of 5 letters"),
        ({"secret": 5}, "secret 5 is not a word of 5 letters"),
        ({"secrte": 1}, "unknown reset option 'secrte': did you mean 'secret'? Known: secret"),
        ({"secret": "crane", "x": 1}, "unknown reset option 'x': Known: secret"),
    ],
)
def test_wrong_options_are_explained_in_a_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        WordleEnv().reset(options=options)
    assert isinstance(caught.value, ConfigError)
    assert str(caught.value) == message


def test_nothing_tells_two_secrets_apart_but_their_feedback() -> None:
    """200 games, each beside one whose secret fits the same feedback: all shown is equal."""
    answers = split_words(load_words("answers"), "val")
    generator = np.random.default_rng(3)
    for game in range(200):
        secret = str(generator.choice(answers))
        words, twin = with_twin(secret, [str(w) for w in generator.choice(answers, 3)], answers)
        actions = [*words, list(REFUSED.values())[game % 4]]
        kwargs: dict[str, Any] = {
            "hard_mode": game % 2 == 0,
            "history": ("last", "full")[game % 3 == 0],
            "style": ("chat", "compact")[game % 5 == 0],
        }
        shown = everything_shown(secret, actions, **kwargs)
        assert shown == everything_shown(twin, actions, **kwargs)


def with_twin(secret: str, words: list[str], answers: tuple[str, ...]) -> tuple[list[str], str]:
    """The words up to the one that would single the secret out, and another word that fits."""
    played: list[str] = []
    twins = [word for word in answers if word != secret]
    for word in words:
        left = [twin for twin in twins if feedback(word, twin) == feedback(word, secret)]
        if not left:
            break
        played, twins = [*played, word], left
    return played, twins[0]


def everything_shown(secret: str, actions: list[str], **kwargs: Any) -> list[Any]:
    """All that a player or a viewer is given during a game that does not end."""
    env = WordleEnv(render_mode="ansi", split="val", track_candidates=True, **kwargs)
    shown: list[Any] = [env.reset(options={"secret": secret}), env.render(), env.public()]
    for action in actions:
        step = env.step(action)
        assert not step[2]
        shown += [step, env.render(), str(env), repr(env).partition(" at 0x")[0]]
    return shown


# --- arguments


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"word_length": 9}, "no packaged words of length 9"),
        ({"word_length": 11}, "word_length 11 is not a whole number from 2 to 10"),
        ({"word_length": "5"}, "word_length '5' is not a whole number from 2 to 10"),
        ({"max_guesses": 0}, "max_guesses 0 is not a whole number from 1 to 100"),
        ({"max_invalid": 0}, "max_invalid 0 is not a whole number from 1 to 100"),
        ({"split": "tests"}, "unknown split 'tests': did you mean 'test'"),
        ({"style": "chatty"}, "unknown style 'chatty': did you mean 'chat'"),
        ({"history": "fulls"}, "unknown history 'fulls': did you mean 'full'"),
        ({"invalid_policy": "fre"}, "unknown invalid_policy 'fre': did you mean 'free'"),
        ({"reward": "shape"}, "unknown reward 'shape': did you mean 'shaped'"),
        ({"answers": ["crane"], "split": "test"}, "no words in split 'test' of 1 answers"),
        ({"answers": ["cr4ne"]}, "answers:1: 'cr4ne' is not a word of a-z"),
        ({"answers": []}, "answers: no words in it"),
    ],
)
def test_wrong_arguments_are_explained_in_a_line(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        WordleEnv(**kwargs)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


# --- branching and vectors


@pytest.mark.parametrize("fork", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_fork_goes_on_as_the_game_would(fork: Callable[[WordleEnv], WordleEnv]) -> None:
    env = WordleEnv(track_candidates=True, reward="information_gain", history="full")
    env.reset(seed=5)
    env.step("crane")
    twin = fork(env)
    assert [env.step(w) for w in WRONG[:5]] == [twin.step(w) for w in WRONG[:5]]
    assert secret_of(env) == secret_of(twin)
    assert twin.guesses is env.guesses


def test_forks_do_not_touch_each_other() -> None:
    env = start()
    env.step("slate")
    twin = copy.deepcopy(env)
    assert twin.step("crane")[2]
    assert env.step("trace")[4]["turn"] == 2


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_vectors_agree_with_single_games(kind: str) -> None:
    make = [lambda: WordleEnv(style="compact")] * 2
    if kind == "sync":
        vector: Any = SyncVectorEnv(make)
    else:  # shared memory does not work for Text in Gymnasium 1.4
        vector = AsyncVectorEnv(make, shared_memory=False, context="spawn")
    singles = [WordleEnv(style="compact") for _ in range(2)]
    seen = [vector.reset(seed=[1, 2])[0]]
    expected = [tuple(env.reset(seed=s)[0] for env, s in zip(singles, (1, 2), strict=True))]
    for word in ("crane", "?", "moist"):
        seen.append(vector.step([word, word])[0])
        expected.append(tuple(env.step(word)[0] for env in singles))
    vector.close()
    assert seen == expected


# --- speed, in processor time and with a margin for a busy machine


def best_s(work: Callable[[], object], times: int = 5) -> float:
    """The least processor time of several runs."""
    spent = []
    for _ in range(times):
        begin = time.process_time()
        work()
        spent.append(time.process_time() - begin)
    return min(spent)


def test_reset_takes_less_than_fifty_microseconds() -> None:
    env = WordleEnv()
    assert best_s(lambda: [env.reset(seed=seed) for seed in range(1000)]) / 1000 < 50e-6


def test_copies_are_cheap() -> None:
    env = start()
    env.step("slate")
    assert best_s(lambda: [copy.deepcopy(env) for _ in range(100)]) / 100 < 2e-3


def test_wide_share_draws_from_every_legal_word_but_the_held_out_answers() -> None:
    held_out = {w for w in load_words("answers") if split_of(w) != "train"}
    env = WordleEnv(split="train", wide_share=0.3)
    secrets = [drawn_secret(env, seed) for seed in range(3000)]
    assert not held_out.intersection(secrets)
    answers = set(load_words("answers"))
    outside = sum(secret not in answers for secret in secrets) / len(secrets)
    train, legal = len(env.answers), len(env.guesses) - len(held_out)
    assert outside == pytest.approx(0.3 * (legal - train) / legal, abs=0.03)
    assert {drawn_secret(WordleEnv(split="train"), s) for s in range(300)} <= answers


def drawn_secret(env: TextEnv, seed: int) -> str:
    env.reset(seed=seed)
    info: dict[str, object] = {}
    while "secret" not in info:
        info = env.step("[zzzzz]")[4]
    return str(info["secret"])


@pytest.mark.parametrize(("length", "full"), [(4, 0.8), (5, 1.0), (8, 1.6)])
def test_a_win_is_credited_by_the_letters_of_the_word(length: int, full: float) -> None:
    secret = load_words("answers", length)[0]
    for reward, total in (("partial_credit", full), ("shaped", 2.0)):
        env = WordleEnv(word_length=length, reward=reward)
        env.reset(options={"secret": secret})
        assert env.step(secret)[1] == pytest.approx(total)


def test_the_first_of_two_guesses_has_all_the_speed() -> None:
    env = WordleEnv(max_guesses=2, reward="shaped")
    for guesses, speed in ((["crane"], 0.5), (["slate", "crane"], 0.0)):
        env.reset(options={"secret": "crane"})
        for guess in guesses:
            info = env.step(guess)[-1]
        assert info["reward_parts"]["speed"] == speed
