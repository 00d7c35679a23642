"""Composed rewards: what each function is worth, how they are summed, and for any game."""

import copy
import math
import pickle
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wordle_rl.config import TrainConfig, parse, to_toml
from wordle_rl.envs import make_env
from wordle_rl.envs.base import TextEnv
from wordle_rl.envs.composed_rewards import ComposedRewards, resolve_rewards, scale_warning
from wordle_rl.envs.reward_functions import (
    BLANK,
    REWARD_FUNCTIONS,
    TurnOutcome,
    averaged,
    clean,
    information_gain,
    unclean_words,
)
from wordle_rl.errors import ConfigError

Parts = list[dict[str, float]]
WORDS = ("abbey", "crane", "dream", "fight", "happy", "music", "pound", "river", "vivid", "zebra")


class Parity(TextEnv):
    """Say whether a number is odd; no game of ours. Three rounds, the last right answer wins."""

    def public(self) -> Mapping[str, Any]:
        return {}

    def _start(self, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        self._number = int(self.np_random.integers(100))
        self._round = 0
        return str(self._number), {"feedback": ""}

    def _move(self, action: str) -> tuple[str, float, bool, dict[str, Any]]:
        self._round += 1
        wanted = "odd" if self._number % 2 else "even"
        known = action in ("odd", "even")
        info = {
            "status": "ok" if known else "bad_word",
            "feedback": "right" if action == wanted else "wrong",
            "credit": float(action == wanted),
            "solved": action == wanted,
            "reward_parts": {"right": 0.5},
        }
        return "next", 0.5, self._round == 3, info


def politeness(outcome: TurnOutcome, *, word: str = "please") -> float:
    return float(word in outcome.action)


@averaged
def shouting(outcome: TurnOutcome) -> float:
    return float(outcome.action.isupper())


def not_finite(outcome: TurnOutcome) -> float:
    return math.nan


def not_a_number(outcome: TurnOutcome) -> Any:
    return "much"


seen: list[TurnOutcome] = []


def spy(outcome: TurnOutcome) -> float:
    seen.append(outcome)
    return 0.0


def own(name: str) -> str:
    return f"{__name__}:{name}"


def play(rewards: Any, actions: Sequence[str], game: str = "wordle", **options: Any) -> Parts:
    """The parts of each reward of a game with the secret CRANE; every sum is checked."""
    env = make_env(game, rewards=rewards, **options)
    env.reset(seed=0, options={"secret": "crane"} if game == "wordle" else None)
    parts: Parts = []
    for action in actions:
        _, reward, _, _, info = env.step(action)
        assert reward == sum(info["reward_parts"].values())
        assert type(reward) is float
        parts.append(info["reward_parts"])
    return parts


def column(parts: Parts, name: str) -> list[float]:
    return [row[name] for row in parts]


def totals(parts: Parts) -> dict[str, float]:
    return {name: sum(column(parts, name)) for name in parts[0]}


# --- the functions, in worked numbers


def test_correct_pays_the_win_once() -> None:
    assert column(play({"correct": 2.0}, ["slate", "nope", "crane"]), "correct") == [0, 0, 2]
    env = make_env(own("Parity"), rewards={"correct": 1.0})
    observation, _ = env.reset(seed=0)
    answer = "odd" if int(observation) % 2 else "even"
    assert [env.step(answer)[1] for _ in range(3)] == [1, 0, 0]


def test_game_is_the_games_own_reward() -> None:
    actions = ["slate", "trace", "moist", "crane"]
    mine = column(play({"game": 1.0}, actions, reward="partial_credit"), "game")
    assert mine == pytest.approx([0.4, 0.3, 0.0, 0.3])
    assert column(play({"game": 2.0}, ["even"] * 3, game=own("Parity")), "game") == [1, 1, 1]


def test_partial_credit_pays_each_improvement_once() -> None:
    # slate XXGXG .4, trace XGGYG .7, slate again, moist XXXXX, crane GGGGG 1
    parts = play({"partial_credit": 1.0}, ["slate", "trace", "slate", "moist", "crane"])
    assert column(parts, "partial_credit") == pytest.approx([0.4, 0.3, 0, 0, 0.3])


def test_a_game_may_say_its_credit_itself() -> None:
    parts = play({"partial_credit": 1.0}, ["odd", "even", "odd"], game=own("Parity"))
    assert sorted(column(parts, "partial_credit")) == [0, 0, 1]


def test_feedback_of_another_kind_has_no_credit() -> None:
    function = REWARD_FUNCTIONS["partial_credit"]
    assert function(replace(BLANK, info={"feedback": "GYX"})) == 0.5
    for feedback in ("higher", "", None, 3, ["G"]):
        assert function(replace(BLANK, info={"feedback": feedback})) == 0.0


@pytest.mark.parametrize(
    ("action", "form", "answered"),
    [
        ("[slate]", 1, 1),
        ("[zzzzz]", 1, 1),  # of good form, not in the list
        ("[sl4te]", 0, 1),
        ("[slates]", 0, 1),
        ("I do not know", 0, 0),
        ("", 0, 0),
    ],
)
def test_form_and_answers(action: str, form: float, answered: float) -> None:
    (parts,) = play({"format": 1.0, "answers": 1.0}, [action], max_guesses=1)
    assert parts == {"format": form, "answers": answered}


def test_length_is_a_smooth_ramp() -> None:
    spec = {"weight": 1.0, "free_chars": 10, "max_chars": 30}
    sizes = [0, 10, 15, 20, 25, 30, 5000]
    values = [play({"length": spec}, ["x" * size], max_guesses=1)[0]["length"] for size in sizes]
    assert values == pytest.approx([0, 0, 0.15625, 0.5, 0.84375, 1, 1])


def test_a_negative_weight_makes_a_penalty() -> None:
    rewards = {"length": {"weight": -0.5, "free_chars": 0, "max_chars": 5}}
    assert play(rewards, ["crane"], max_guesses=1) == [{"length": -0.5}]
    assert play(rewards, ["crane"], max_guesses=2) == [{"length": -0.25}]


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("[slate]", 1),
        ("You IDIOT, [slate]", 0),
        ("idiotic? no: idiosyncratic", 1),
        ("shit", 0),
        ("Scunthorpe, mishit", 1),
        ("", 1),
    ],
)
def test_clean_compares_whole_words(action: str, value: float) -> None:
    assert clean(replace(BLANK, action=action)) == value


def test_clean_with_a_list_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("# mine\nSlate # stone\nmoist\n", encoding="utf-8")
    spec = {"clean": {"weight": 1.0, "words": str(path)}}
    assert play(spec, ["[SLATE]"], max_guesses=1) == [{"clean": 0.0}]
    assert play(spec, ["[stone]"]) == [{"clean": 1.0}]


def test_the_packaged_list_is_words() -> None:
    words = unclean_words()
    assert len(words) > 50
    assert all(word.isascii() and word.isalpha() and word.islower() for word in words)


def test_information_gain_in_bits() -> None:
    """With gamma = 1 a game has log2(words) whatever was played; a turn has what it found out."""
    options = {"track_candidates": True, "answers": WORDS, "guesses": WORDS}
    won = play({"information_gain": 1.0}, ["abbey", "crane"], **options)
    lost = play({"information_gain": 1.0}, ["abbey"] * 6, **options)
    assert sum(column(won, "information_gain")) == pytest.approx(math.log2(10))
    assert sum(column(lost, "information_gain")) == pytest.approx(math.log2(10))
    assert 0 < column(won, "information_gain")[0] < math.log2(10)
    assert column(lost, "information_gain")[1] == 0.0


def test_information_gain_does_not_pay_luck_beyond_its_limit() -> None:
    def bits(left: int, **limit: float) -> float:
        outcome = replace(BLANK, info={"candidates_left": left}, earlier=({"candidates_left": 96},))
        return information_gain(outcome, **limit)

    assert bits(48, max_bits=1.0) == bits(3, max_bits=1.0) == 1.0
    assert bits(72, max_bits=1.0) == bits(72) == pytest.approx(math.log2(4 / 3))
    assert bits(3) == pytest.approx(5.0)


def test_every_builtin_can_be_tried_on_a_blank_turn() -> None:
    values = {name: function(BLANK) for name, function in REWARD_FUNCTIONS.items()}
    assert all(math.isfinite(value) for value in values.values())


# --- the sum


def test_an_averaged_function_totals_to_its_mean_over_the_answers_allowed() -> None:
    actions = ["[slate]", "I do not know", "[sl4te]", "[trace]", "[moist]", ""]
    parts = play({"format": 2.0, "answers": 1.0}, actions)
    assert totals(parts) == pytest.approx({"format": 2 * 3 / 6, "answers": 4 / 6})
    assert column(parts, "format")[0] == 2.0
    assert column(parts, "format")[1] == pytest.approx(-2 / 6)
    assert totals(play({"format": 2.0}, actions[:3])) == pytest.approx({"format": 2 * 4 / 6})
    endless = {"invalid_policy": "free", "max_invalid": 100}
    assert totals(play({"format": 2.0}, [""] * 20, **endless)) == pytest.approx({"format": 0.0})


def test_a_repeat_does_not_water_a_fault_down() -> None:
    rewards = {"correct": 1.0, "format": 0.1, "length": {"weight": -0.2, "max_chars": 101}}
    fault = "x" * 200
    quick = play(rewards, [fault, "crane"])
    slow = play(rewards, [fault, "slate", "slate", "slate", "slate", "crane"])
    assert sum(totals(slow).values()) == sum(totals(quick).values())
    assert sum(totals(quick).values()) == pytest.approx(1 + 0.1 * 5 / 6 - 0.2 / 6)


def test_a_quick_win_is_worth_as_much_as_a_slow_one() -> None:
    rewards = {"correct": 1.0, "format": 0.1, "answers": 0.1}
    quick = play(rewards, ["crane"])
    slow = play(rewards, ["slate", "trace", "moist", "pound", "fight", "crane"])
    assert sum(totals(quick).values()) == sum(totals(slow).values()) == pytest.approx(1.2)


def test_no_lost_game_outscores_a_won_one() -> None:
    """Every game of up to three of six kinds of action, with the weights at the limit."""
    rewards: dict[str, Any] = {
        "correct": 1.0,
        "format": 0.35,
        "answers": 0.25,
        "clean": 0.2,
        "length": {"weight": -0.19, "free_chars": 5, "max_chars": 40},
        "partial_credit": 0.5,
    }
    assert scale_warning(rewards) is None
    kinds = ["[slate]", "[trace]", "none", "[zzzz]", "[moist] " + "x" * 50, "shit [slate]"]
    returns: dict[bool, list[float]] = {True: [], False: []}
    for n in range(4):
        for actions in product(kinds, repeat=n):
            won = totals(play(rewards, [*actions, "x" * 40 + " shit [crane]"], max_guesses=6))
            returns[True].append(sum(won.values()))
            if n == 3:
                lost = totals(play(rewards, actions, max_guesses=3))
                returns[False].append(sum(lost.values()))
    assert max(returns[False]) < min(returns[True])


def test_scale_warning_counts_the_weights() -> None:
    assert scale_warning({}) is None
    assert scale_warning({"correct": 1.0, "partial_credit": 5.0}) is None
    assert scale_warning({"correct": 1.0, "format": 0.6, "length": -0.3}) is None
    assert "1.1 (format, length)" in str(
        scale_warning({"correct": 1, "format": 0.6, "length": -0.5})
    )
    assert "5, what a lost game can have too 10 (guaranteed_information)" in str(
        scale_warning({"correct": 5, "guaranteed_information": 1})
    )
    assert "a win weighs 0" in str(scale_warning({"format": 0.1}))


# --- a user's own functions


def test_plugins_with_and_without_parameters() -> None:
    polite = {own("politeness"): {"weight": 0.5, "word": "kindly"}, own("shouting"): 1.0}
    parts = play(polite, ["kindly [slate]", "KINDLY", "kindly"], max_guesses=3)
    assert column(parts, own("politeness")) == [0.5, 0.0, 0.5]
    assert totals(parts)[own("shouting")] == pytest.approx(1 / 3)


def test_what_a_function_may_look_at() -> None:
    seen.clear()
    play({own("spy"): 1.0}, ["[slate]", "crane"], reward="shaped", style="compact")
    first, second = seen
    assert (first.action, first.observation, first.next_observation) == (
        "[slate]",
        "wordle 5x6",
        "XXGXG",
    )
    assert (first.turn, second.turn) == (1, 2)
    assert (first.ended, second.ended) == (False, True)
    assert (first.solved, second.solved) == (False, True)
    assert second.observation == "XXGXG"
    assert [info["status"] for info in second.earlier] == ["start", "ok"]
    assert second.info["feedback"] == "GGGGG"
    assert second.game_reward == sum(second.game_parts.values())
    assert second.game_parts["win"] == 1.0


@pytest.mark.parametrize(("name", "shown"), [("not_finite", "nan"), ("not_a_number", "'much'")])
def test_a_value_that_is_no_number_is_refused(name: str, shown: str) -> None:
    with pytest.raises(ConfigError, match=f"{own(name)}' returned {shown}: it must be a finite"):
        play({"correct": 1.0, own(name): 0.5}, ["slate"])


# --- wrong tables


@pytest.mark.parametrize(
    ("rewards", "message"),
    [
        ({"corect": 1.0}, "unknown reward function 'corect': did you mean 'correct'"),
        ({"format": "much"}, "'format' needs a number as weight, not 'much'"),
        ({"format": math.inf}, "'format' needs a number as weight, not inf"),
        ({"format": True}, "'format' needs a number as weight, not True"),
        ({"length": {"max_chars": 9}}, "'length' needs a number as weight, not None"),
        (
            {"length": {"weight": 1, "max_char": 9}},
            "unknown parameter of reward function 'length': 'max_char': did you mean 'max_chars'",
        ),
        ({"length": {"weight": 1, "max_chars": 9}}, "not 0 <= free < max"),
        ({"length": {"weight": 1, "max_chars": "9"}}, "cannot take max_chars = '9'"),
        ({"correct": {"weight": 1, "x": 9}}, "unknown parameter of reward function 'correct'"),
        ({"clean": {"weight": 1, "words": "/no/such"}}, "'/no/such' cannot be read: No such file"),
        ({"no.such.module:f": 1.0}, "cannot import reward function 'no.such.module:f'"),
        ({"math:pii": 1.0}, "unknown reward function in math 'pii': did you mean 'pi'"),
        ({"math:pi": 1.0}, "reward function 'math:pi' is a float"),
        (
            {"information_gain": 1.0},
            r"'information_gain' reads info\['candidates_left'\], which this game does not tell "
            r"\(set env.options.track_candidates = true\)",
        ),
    ],
)
def test_a_mistake_is_found_before_the_first_game(rewards: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_env("wordle", rewards=rewards)


def test_an_empty_table_composes_nothing() -> None:
    assert not isinstance(make_env("wordle", rewards={}), ComposedRewards)
    with pytest.raises(ConfigError, match="needs at least one function"):
        resolve_rewards({})


# --- it is still the game


def test_games_are_the_same_but_for_the_reward() -> None:
    plain, composed = make_env("wordle"), make_env("wordle", rewards={"correct": 1.0})
    assert isinstance(composed, ComposedRewards)
    for seed in (0, 3, 7):
        assert plain.reset(seed=seed)[0] == composed.reset(seed=seed)[0]
        for action in ["[slate]", "", "[crane]", "[pound]", "[moist]", "[fizzy]"]:
            a, b = plain.step(action), composed.step(action)
            assert a[0] == b[0]
            assert a[2:4] == b[2:4]
            assert {**a[4], "reward_parts": 0} == {**b[4], "reward_parts": 0}
    assert plain.public() == composed.public()


def test_later_games_of_one_seed_are_the_same_too() -> None:
    def secrets(env: TextEnv) -> list[str]:
        found = []
        for n in range(5):
            env.reset(seed=0 if n == 0 else None)
            last = [env.step("") for _ in range(6)][-1]
            found.append(last[4]["secret"])
        return found

    composed = secrets(make_env("wordle", rewards={"correct": 1.0}))
    assert composed == secrets(make_env("wordle"))
    assert len(set(composed)) > 1


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_a_copy_goes_on_as_the_original_would(duplicate: Any) -> None:
    rewards = {
        "correct": 1.0,
        "format": 0.3,
        "length": {"weight": -0.1, "free_chars": 1, "max_chars": 9},
    }
    env = make_env("wordle", rewards=rewards)
    env.reset(seed=5)
    env.step("nothing")
    twin = duplicate(env)
    for action in ["[slate]", "none", "[crane]"]:
        assert env.step(action) == twin.step(action)
    assert env.reset()[0] == twin.reset()[0]
    assert [env.step("")[4] for _ in range(6)] == [twin.step("")[4] for _ in range(6)]


def test_a_new_game_forgets_the_old_one() -> None:
    env = make_env("wordle", rewards={"format": 1.0, "partial_credit": 1.0})
    for _ in range(2):
        env.reset(options={"secret": "crane"})
        assert [env.step(a)[1] for a in ["none", "[slate]"]] == pytest.approx([5 / 6, 0.4])


def test_it_is_drawn_once(capsys: pytest.CaptureFixture[str]) -> None:
    pictures = []
    for rewards in (None, {"correct": 1.0, "partial_credit": 1.0}):
        env = make_env("wordle", rewards=rewards, render_mode="human")
        env.reset(options={"secret": "crane"})
        env.step("slate")
        pictures.append(capsys.readouterr().out)
    assert pictures[0] == pictures[1] != ""
    ansi = make_env("wordle", rewards={"correct": 1.0}, render_mode="ansi")
    ansi.reset(options={"secret": "crane"})
    ansi.step("slate")
    assert "S L A T E  X X G X G" in str(ansi.render())


# --- settings, and any text


def test_settings_survive_being_written() -> None:
    values = {"correct": 1.0, own("spy"): 0.5, "length": {"weight": -0.1, "max_chars": 900}}
    config = parse(TrainConfig, {"env": {"rewards": values}})
    assert parse(TrainConfig, tomllib.loads(to_toml(config))) == config
    assert config.env.rewards == values


def test_random_play_of_any_text_never_raises() -> None:
    rng = np.random.default_rng(0)
    rewards = dict.fromkeys(REWARD_FUNCTIONS, 0.1)
    env = make_env("wordle", rewards=rewards, track_candidates=True)
    for _ in range(30):
        env.reset(seed=int(rng.integers(1000)))
        over = False
        while not over:
            text = "".join(map(chr, rng.integers(32, 0x2FF, size=int(rng.integers(12)))))
            _, reward, over, _, _ = env.step(text)
            assert math.isfinite(reward)
