"""What every registered game promises, and how games are found by name."""

import copy
import json
import math
import pickle
import random
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import islice, product
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils import seeding
from gymnasium.utils.env_checker import check_env

import wordle_rl
from wordle_rl.envs import GAMES, make_env, register_games, resolve_env_id
from wordle_rl.envs.base import MAX_ACTION, TextEnv
from wordle_rl.envs.wordle import WordleEnv
from wordle_rl.errors import ConfigError

IDS = sorted(game.env_id for game in GAMES.values())
FOLDER = Path(wordle_rl.__file__).parents[1]
MAX_TURNS = 300

each_game = pytest.mark.parametrize("env_id", IDS)

PLAIN = ["[crane]", "slate", "[50]", "[7]", "[1234]", "[e]", "<guess>angle</guess>", "\\boxed{42}"]
"""Between them at least one action that each game understands."""
STRANGE = [
    "",
    "\x00\x1b[31m",
    "\ud800 \udfff",
    "\U0001f7e9" * 5,
    "[\u0661\u0662]",
    "[na\u00efve]",
    "[\ufeffcrane\u202e]",
    "<think>" * 50,
    "{}%s%(x)s{0}",
    "[" + "9" * 5000 + "]",
    "[crane]\r\n" * 3000,
    "\U0010ffff" * MAX_ACTION,
]


def play(env: TextEnv, actions: list[str], **reset: Any) -> list[Any]:
    """Reset and play to the end of the actions or of the game; everything that came back."""
    came: list[Any] = [env.reset(**reset)]
    for action in actions:
        came.append(env.step(action))
        if came[-1][2]:
            break
    return came


def any_actions(env: TextEnv, rng: np.random.Generator) -> Iterator[str]:
    """Without end: sense, nonsense, what the space samples, and pieces of them put together."""
    while True:
        known = [*PLAIN, *STRANGE[:-1], env.action_space.sample()]
        some = [known[int(i)] for i in rng.integers(len(known), size=int(rng.integers(1, 4)))]
        text = "".join(some) if rng.random() < 0.5 else some[0]
        start = int(rng.integers(len(text) + 1)) if rng.random() < 0.2 else 0
        yield text[start:]


# --- Gymnasium's rules


@each_game
@pytest.mark.parametrize("mode", [None, "ansi", "human"])
def test_gymnasium_finds_nothing_to_warn_of(env_id: str, mode: str | None) -> None:
    """pytest is set to raise on every warning."""
    env = gymnasium.make(env_id, render_mode=mode).unwrapped
    check_env(env)
    assert env.spec is not None
    assert gymnasium.make(type(env.spec).from_json(env.spec.to_json())).spec == env.spec
    env.close()
    env.close()


@each_game
def test_gymnasiums_own_checks_pass_at_every_step(env_id: str) -> None:
    env = gymnasium.make(env_id)
    env.action_space.seed(0)
    for seed in range(10):
        observation, _ = env.reset(seed=seed)
        ended, turn = False, 0
        while not ended:
            assert observation in env.observation_space
            action = PLAIN[turn % len(PLAIN)] if seed % 2 else env.action_space.sample()
            observation, _, ended, _, _ = env.step(action)
            turn += 1


@each_game
def test_render_gives_what_gymnasium_expects(
    env_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ansi = make_env(env_id, render_mode="ansi")
    play(ansi, PLAIN[:1], seed=0)
    assert isinstance(ansi.render(), str)
    assert ansi.render()
    assert capsys.readouterr().out == ""
    human = make_env(env_id, render_mode="human")
    play(human, PLAIN[:1], seed=0)
    assert capsys.readouterr().out.strip()
    assert human.render() is None
    with pytest.raises(ValueError, match="unknown render_mode 'rgb_array'"):
        type(human)(render_mode="rgb_array")


def test_render_without_a_mode_warns() -> None:
    env = make_env("wordle")
    env.reset(seed=0)
    with pytest.warns(UserWarning, match="make the game with a render_mode"):
        assert env.render() is None


# --- any string is an action


@each_game
@pytest.mark.parametrize("action", STRANGE, ids=range(len(STRANGE)))
def test_any_string_is_an_action(env_id: str, action: str) -> None:
    env = make_env(env_id)
    for observation, *_ in play(env, [action, *STRANGE, *PLAIN] * 3, seed=0):
        assert observation in env.observation_space


@each_game
@pytest.mark.parametrize("action", [None, 5, ["[crane]"], b"[crane]"])
def test_anything_else_is_not(env_id: str, action: Any) -> None:
    env = make_env(env_id)
    env.reset(seed=0)
    with pytest.raises(TypeError):
        env.step(action)
    env.step(np.str_("[crane]"))


@each_game
@pytest.mark.parametrize("actions", [PLAIN, STRANGE, [""]], ids=["plain", "strange", "empty"])
def test_every_game_ends(env_id: str, actions: list[str]) -> None:
    env = make_env(env_id)
    steps = play(env, actions * MAX_TURNS, seed=3)[1:]
    assert steps[-1][2] is True
    assert len(steps) <= MAX_TURNS
    with pytest.raises(ResetNeeded):
        env.step(actions[0])


@each_game
def test_step_before_reset(env_id: str) -> None:
    with pytest.raises(ResetNeeded):
        make_env(env_id).step("[crane]")


@each_game
def test_gymnasium_makes_the_game_itself(env_id: str) -> None:
    """Without wrappers, whose checks a game makes itself, and with Gymnasium's generator."""
    env = gymnasium.make(env_id)
    assert env is env.unwrapped
    game = env.unwrapped
    assert isinstance(game, TextEnv)
    game._seed(5)
    assert game.np_random.bit_generator.state == seeding.np_random(5)[0].bit_generator.state
    assert game.np_random_seed == 5


def check_many_games(env_id: str, games: int) -> None:
    """Observations are in their space, rewards are finite, every game ends."""
    rng = np.random.default_rng(0)
    for style, history in product(("chat", "compact"), ("last", "full")):
        env = make_env(env_id, style=style, history=history)
        env.action_space.seed(0)
        for seed in range(games):
            observation, _ = env.reset(seed=seed)
            assert observation in env.observation_space
            for action in islice(any_actions(env, rng), MAX_TURNS):
                observation, reward, ended, _, _ = env.step(action)
                assert observation in env.observation_space
                assert math.isfinite(reward)
                if ended:
                    break
            assert ended


@each_game
def test_observations_are_always_in_their_space(env_id: str) -> None:
    check_many_games(env_id, games=5)


@pytest.mark.slow
@each_game
def test_observations_are_always_in_their_space_in_a_thousand_games(env_id: str) -> None:
    check_many_games(env_id, games=250)


# --- what comes back


@each_game
def test_values_have_their_types(env_id: str) -> None:
    for seed in range(20):
        (_, info), *steps = play(make_env(env_id), [*PLAIN, *STRANGE] * 20, seed=seed)
        shape = {key: type(value) for key, value in info.items()}
        for observation, reward, terminated, truncated, info in steps:
            kinds = (type(observation), type(reward), type(terminated), type(truncated))
            assert kinds == (str, float, bool, bool)
            assert reward == sum(info["reward_parts"].values())
            known = {key: type(value) for key, value in info.items() if key != "secret"}
            assert known == shape
            assert type(info["solved"]) is bool
            assert (info["end_reason"] != "") == terminated


@each_game
def test_the_secret_is_told_at_the_end_alone(env_id: str) -> None:
    about = set()
    for seed in range(200):
        env = make_env(env_id)
        (_, info), *steps = play(env, [*PLAIN, *STRANGE] * 20, seed=seed)
        assert "secret" not in info
        assert all(("secret" in info) == ended for _, _, ended, _, info in steps)
        env.reset(seed=seed)
        about.add(f"{env} {repr(env).partition(' at 0x')[0]} {env.public()}")
    assert len(about) == 1


@each_game
@pytest.mark.parametrize("style", ["chat", "compact"])
def test_nothing_but_the_answers_depends_on_the_secret(env_id: str, style: str) -> None:
    """Games in which the same was said and answered look the same in every other respect."""
    looks: dict[tuple[Any, ...], set[str]] = {}
    worded: dict[tuple[Any, ...], set[str]] = {}
    env = make_env(env_id, style=style, render_mode="ansi")
    for seed in range(40):
        observation, info = env.reset(seed=seed)
        heard: tuple[str, ...] = (observation,)
        answered: tuple[Any, ...] = (observation,)
        for action in [*PLAIN, "[a]", ""]:
            looks.setdefault(heard, set()).add(f"{info} {env.render()} {env!r}")
            observation, _, ended, _, info = env.step(action)
            if ended:
                break
            heard += (observation,)
            answered += (info["status"], info["feedback"])
            if info["feedback"]:
                worded.setdefault(answered, set()).add(observation)
    assert {len(seen) for seen in looks.values()} == {1}
    assert {len(seen) for seen in worded.values()} <= {1}
    assert len(looks) > 1


# --- determinism

REPLAY = """
import json, sys
from wordle_rl.envs import make_env
env_id, seed, actions = json.loads(sys.argv[1])
env = make_env(env_id)
said = [env.reset(seed=seed)]
for action in actions:
    said.append(env.step(action))
    if said[-1][2]:
        break
print(json.dumps([said, env.reset()]))
"""


@each_game
def test_a_new_process_plays_the_same_game(env_id: str) -> None:
    outputs = [run(REPLAY, json.dumps([env_id, 11, PLAIN * 20]), hash_seed=h) for h in ("1", "2")]
    env = make_env(env_id)
    here = json.dumps([play(env, PLAIN * 20, seed=11), env.reset()])
    assert outputs[0] == outputs[1] == here + "\n"


def run(script: str, *arguments: str, hash_seed: str = "0") -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=FOLDER,
        env={"PYTHONHASHSEED": hash_seed, "PATH": ""},
    )
    return done.stdout


@each_game
def test_interleaved_games_do_not_disturb_each_other(env_id: str) -> None:
    alone = play(make_env(env_id), PLAIN, seed=4)
    env, other = make_env(env_id), make_env(env_id)
    other.reset(seed=9)
    together: list[Any] = [env.reset(seed=4)]
    for action in PLAIN[: len(alone) - 1]:
        other.reset()
        other.step(PLAIN[-1])
        together.append(env.step(action))
    assert together == alone


@each_game
def test_global_randomness_is_left_alone(env_id: str) -> None:
    before = random.getstate(), pickle.dumps(np.random.get_state())
    play(make_env(env_id), PLAIN, seed=0)
    play(make_env(env_id), PLAIN)
    assert (random.getstate(), pickle.dumps(np.random.get_state())) == before


@each_game
def test_seeds_make_different_games(env_id: str) -> None:
    ends = {str(play(make_env(env_id), [""] * MAX_TURNS, seed=seed)[-1][4]) for seed in range(20)}
    assert len(ends) > 5


@each_game
def test_a_reset_leaves_no_trace_of_the_last_game(env_id: str) -> None:
    env = make_env(env_id)
    play(env, PLAIN, seed=1)
    assert play(env, PLAIN, seed=2) == play(make_env(env_id), PLAIN, seed=2)


@each_game
@pytest.mark.parametrize("fork", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_fork_goes_on_as_the_game_would(
    env_id: str, fork: Callable[[gymnasium.Env[str, str]], TextEnv]
) -> None:
    env = make_env(env_id)
    for steps in range(3):
        env.reset(seed=6)
        if any(env.step(action)[2] for action in PLAIN[:steps]):
            break
        twin = fork(env)
        first = [env.step(PLAIN[steps]), play(env, PLAIN)]
        assert [twin.step(PLAIN[steps]), play(twin, PLAIN)] == first


# --- no network


@each_game
def test_no_socket_is_opened(env_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a game opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert play(make_env(env_id), PLAIN, seed=0)


def test_tests_have_no_network() -> None:
    with socket.socket() as sock, pytest.raises(RuntimeError, match="tried to reach the network"):
        sock.connect(("192.0.2.1", 80))


# --- names


@pytest.mark.parametrize("name", GAMES)
def test_short_names_ids_and_gymnasium_make_the_same_game(name: str) -> None:
    env_id = GAMES[name].env_id
    assert resolve_env_id(name) == resolve_env_id(env_id) == env_id
    for env in (make_env(name), make_env(env_id), gymnasium.make(env_id).unwrapped):
        assert isinstance(env, TextEnv)
        assert env.spec is not None
        assert env.spec.id == env_id
    assert make_env(name).unwrapped is not make_env(name).unwrapped


def test_hard_mode_has_a_name_of_its_own() -> None:
    assert make_env("wordle-hard").public()["hard_mode"] is True
    assert make_env("wordle").public()["hard_mode"] is False


def test_a_users_own_game() -> None:
    env = make_env("wordle_rl.envs.wordle:WordleEnv", max_guesses=3)
    assert isinstance(env, WordleEnv)
    assert env.public()["max_guesses"] == 3


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("wordel", {}, "unknown game 'wordel': did you mean 'wordle'"),
        ("wordle-rl/Wordl-v0", {}, "unknown game 'wordle-rl/Wordl-v0': did you mean 'wordle-rl/W"),
        ("wordle", {"styl": 1}, "unknown option of game 'wordle': 'styl': did you mean 'style'"),
        ("no_module:Game", {}, "cannot import game 'no_module:Game': No module named 'no_module'"),
        ("collections:Countr", {}, "unknown game in collections 'Countr': did you mean 'Counter'"),
        ("fractions:Fraction", {}, "game 'fractions:Fraction' is a Fraction: it must be a TextEnv"),
        ("math:pi", {}, "game 'math:pi' is a float: name a TextEnv class"),
        ("CartPole-v1", {}, "game 'CartPole-v1' is a CartPoleEnv: it must be a TextEnv"),
    ],
)
def test_wrong_names_are_explained_in_a_line(
    name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        make_env(name, **options)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_registering_twice_does_nothing() -> None:
    before = dict(gymnasium.registry)
    register_games()
    assert gymnasium.registry == before


# --- importing


def test_importing_registers_the_games_and_loads_neither_torch_nor_games() -> None:
    script = """
import sys
import wordle_rl, gymnasium
assert "wordle-rl/Wordle-v0" in gymnasium.registry
print([m for m in ("torch", "transformers", "wordle_rl.envs.wordle") if m in sys.modules])
"""
    assert run(script) == "[]\n"


def test_public_names_are_what_they_say() -> None:
    for name in wordle_rl.__all__:
        assert getattr(wordle_rl, name) is not None
    assert set(wordle_rl.__all__) <= set(dir(wordle_rl))
    assert wordle_rl.WordleEnv is WordleEnv
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = wordle_rl.nothing
