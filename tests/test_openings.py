"""Starts in the middle: what a game shows and pays, who opens, what the policy is trained on."""

import copy
import pickle
from collections import Counter
from typing import Any

import pytest

from tests.ten_words import taught_agent, ten_word_config
from wordle_rl.agents.base import Opening, View
from wordle_rl.agents.baselines import load_baseline
from wordle_rl.config import TrainConfig, apply_overrides, parse
from wordle_rl.envs import make_env
from wordle_rl.envs.base import TextEnv
from wordle_rl.envs.words import split_of
from wordle_rl.errors import ConfigError
from wordle_rl.records import EpisodeGroup, Task
from wordle_rl.rollout import rollout
from wordle_rl.training.algorithms import fill_defaults, find_algorithm, parts_of
from wordle_rl.training.assignment import group_samples, step_advantages
from wordle_rl.training.game_files import write_games
from wordle_rl.training.games import check_games, draw_tasks, play_step, training_env
from wordle_rl.training.openings import MOST_MOVES, draw_openings
from wordle_rl.training.rollout_metrics import rollout_metrics

GAMES = {
    "wordle": ("pound", ["crane", "slate"]),
    "guess-number": ("73", ["50", "90"]),
    "mastermind": ("abca", ["dddd", "abcd"]),
    "hangman": ("pound", ["e", "o"]),
    "textarena-wordle": ("pound", ["[crane]", "[slate]"]),
}


def config(*overrides: str) -> TrainConfig:
    values: dict[str, Any] = {"rollout": {"tasks_per_step": 24, "group_size": 2}}
    return fill_defaults(parse(TrainConfig, apply_overrides(values, overrides)))


def start(env: TextEnv, secret: str, opening: list[str]) -> tuple[str, dict[str, Any]]:
    return env.reset(seed=0, options={"secret": secret, "opening": opening})


# --- the game


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("style", ["chat", "compact"])
@pytest.mark.parametrize("history", ["last", "full"])
def test_a_game_goes_on_as_if_the_opening_had_been_played(
    name: str, style: str, history: str
) -> None:
    secret, opening = GAMES[name]
    opened = make_env(name, style=style, history=history)
    by_hand = copy.deepcopy(opened)
    observation, info = start(opened, secret, opening)
    by_hand.reset(seed=0, options={"secret": secret})
    said = [by_hand.step(action) for action in opening]
    assert info["turn"] == said[-1][4]["turn"]
    assert not info["solved"]
    assert "secret" not in info
    assert info["reward_parts"] == {}
    assert [played["action"] for played in info["opening"]] == opening
    assert [played["answer"] for played in info["opening"]] == [step[0] for step in said]
    assert observation.endswith(said[-1][0])
    assert opened.observation_space.contains(observation)
    solution = f"[{secret}]"
    assert opened.step(solution) == by_hand.step(solution)


@pytest.mark.parametrize("name", GAMES)
def test_the_first_observation_shows_the_whole_board_and_not_the_secret(name: str) -> None:
    secret, opening = GAMES[name]
    observation, _ = start(make_env(name), secret, opening)
    for action in opening:
        assert action in observation
    assert secret not in observation.lower()


def test_the_board_in_both_histories() -> None:
    shown = {
        history: start(
            make_env("wordle", style="compact", history=history), "pound", ["crane", "slate"]
        )[0]
        for history in ("last", "full")
    }
    assert shown["last"] == "wordle 5x6\n> crane\nXXXGX\n> slate\nXXXXX"
    assert shown["full"] == "wordle 5x6\ncrane XXXGX\nslate XXXXX"


def test_guesses_of_an_opening_are_used_up() -> None:
    env = make_env("wordle", max_guesses=3)
    start(env, "pound", ["crane", "slate"])
    assert env.step("bound")[2]


def test_an_opening_pays_nothing_and_its_credit_is_not_paid_again() -> None:
    """Bound has four greens already; only what is better than that earns."""
    env = make_env("wordle", reward="partial_credit")
    start(env, "pound", ["bound"])
    assert env.step("found")[1] == 0.0
    assert env.step("pound")[1] == pytest.approx(0.2)


def test_composed_rewards_see_the_opening_and_do_not_pay_it() -> None:
    env = make_env("wordle", rewards={"correct": 1.0, "format": 0.1})
    observation, info = start(env, "pound", ["crane"])
    assert "> crane" in observation
    assert info["turn"] == 1
    _, reward, over, _, _ = env.step("[pound]")
    assert over
    assert reward >= 1.0


@pytest.mark.parametrize(
    ("opening", "message"),
    [
        (["pound"], "'pound' ends the game"),
        (["crane"] * 6, "'crane' ends the game"),
        (["zzzzz"], r"'zzzzz' is refused \(unknown_word\)"),
        ("crane", "is no list of actions"),
        ([5], "is no list of actions"),
        (5, "is no list of actions"),
    ],
)
def test_an_opening_that_cannot_be_is_one_line(opening: Any, message: str) -> None:
    env = make_env("wordle")
    with pytest.raises(ConfigError, match=message) as caught:
        env.reset(options={"secret": "pound", "opening": opening})
    assert "\n" not in str(caught.value)


def test_a_copy_in_the_middle_goes_on_alike() -> None:
    env = make_env("wordle")
    start(env, "pound", ["crane"])
    twin = pickle.loads(pickle.dumps(env))
    assert env.step("slate") == twin.step("slate")


# --- who opens


@pytest.mark.parametrize("player", ["random", "random-consistent"])
@pytest.mark.parametrize("env_id", ["wordle", "wordle-hard", "mastermind", "guess-number"])
def test_drawn_openings_are_legal_and_leave_the_game_open(env_id: str, player: str) -> None:
    words = ',answers=["crane","pound","slate","river"]' if "wordle" in env_id else ""
    options = '{guesses=["crane","pound","slate","river","music"]' + words + "}" if words else "{}"
    settings = config(
        f"env.id={env_id}",
        f"env.options={options}",
        "env.split=all",
        "tasks.midgame_share=1",
        f"tasks.midgame_player={player}",
    )
    tasks = draw_tasks(settings, 0)
    lengths = Counter(len(task.options.get("opening", ())) for task in tasks)
    assert set(lengths) <= set(range(MOST_MOVES + 1))
    assert len(lengths) > 1
    for task in tasks:
        assert task.origin == ("midgame" if task.options.get("opening") else "fresh")
        _, info = training_env(settings.env, task, "compact").reset(
            seed=task.seed, options=dict(task.options)
        )
        assert not info["solved"]
        assert info["end_reason"] == ""
        assert info["turn"] == len(task.options.get("opening", ()))
        if player == "random-consistent":
            assert all(played["info"]["consistent"] for played in info.get("opening", ()))


def test_half_the_tasks_begin_in_the_middle_and_keep_their_secrets() -> None:
    whole = config("env.id=mastermind", "rollout.tasks_per_step=200")
    half = config("env.id=mastermind", "rollout.tasks_per_step=200", "tasks.midgame_share=0.5")
    opened = [task for task in draw_tasks(half, 3) if task.options]
    assert 70 < len(opened) < 130
    assert [t.seed for t in draw_tasks(half, 3)] == [t.seed for t in draw_tasks(whole, 3)]
    assert draw_tasks(half, 3) == draw_tasks(half, 3)
    assert {task.options["opening"] for task in opened} != {
        task.options["opening"] for task in draw_tasks(half, 4) if task.options
    }
    assert not any(task.options for task in draw_tasks(whole, 3))


def test_secrets_of_games_in_the_middle_are_of_the_training_split() -> None:
    settings = config("tasks.midgame_share=1", "rollout.tasks_per_step=60")
    for task in draw_tasks(settings, 0):
        env = training_env(settings.env, task, "compact")
        env.reset(seed=task.seed, options=dict(task.options))
        info: dict[str, Any] = {}
        while "secret" not in info:
            info = env.step("crane")[4]
        assert split_of(info["secret"]) == "train"


def test_a_game_that_its_first_guess_would_end_begins_as_ever() -> None:
    """One answer: a consistent player finds it at once."""
    task = Task(env_id="wordle", task_id="t", seed=1)
    made = {"answers": ["crane"], "guesses": ["crane"]}
    drawn = draw_openings([task], "random-consistent", lambda t: make_env(t.env_id, **made))
    assert drawn == [task]


def test_a_game_without_a_baseline_is_refused_before_the_run() -> None:
    """However small the share."""
    own = config("env.id=examples.hot_cold:HotCold", "tasks.midgame_share=0.001")
    with pytest.raises(ConfigError, match=r"tasks\.midgame_share: there are no baselines"):
        check_games(own, "compact")
    duel = config("env.id=textarena:Nim-v0", "env.opponent=self", "tasks.midgame_share=0.5")
    with pytest.raises(ConfigError, match=r"tasks\.midgame_share: leave it out, self-play"):
        check_games(duel, "compact")


def test_a_baseline_knows_what_was_played_before_it() -> None:
    """Its guesses never contradict the opening."""
    for seed in range(20):
        env = make_env("mastermind", style="compact")
        observation, info = env.reset(seed=seed, options={"opening": ["aabb", "ccdd", "eeff"]})
        player = load_baseline("random-consistent").begin(
            [Opening(observation=observation, info=info, seed=seed, public=env.public())],
            temperature=1.0,
        )
        over = False
        while not over:
            move = player.act({0: View(observation=observation, info=info)})[0]
            observation, _, over, _, info = env.step(move.action)
            assert info["consistent"]


# --- what the policy sees and learns


def opened_group(opening: tuple[str, ...]) -> tuple[EpisodeGroup, TrainConfig]:
    settings, agent = ten_word_config(), taught_agent()
    task = Task(
        env_id="wordle",
        env_options=settings.env.options,
        task_id="t",
        seed=0,
        options={"secret": "pound", "opening": opening},
        origin="midgame",
    )
    [group] = rollout(
        agent,
        [task],
        4,
        make_env=lambda task: training_env(settings.env, task, agent.style),
        temperature=1.0,
        seed=0,
    )
    return group, settings


def test_the_opening_is_in_the_context_as_a_conversation_and_is_not_trained() -> None:
    """The model reads what it would have read had it made these guesses itself."""
    agent, opening = taught_agent(), ("crane", "river")
    group, settings = opened_group(opening)
    chat = agent.chat
    prompt = chat.opening("wordle 5x6")
    for action, answer in zip(opening, ("XXXGX", "XXXXX"), strict=True):
        said = (*chat.encode(action), agent.stop_ids[0])
        prompt = (*prompt, *said, *chat.between(said, answer))
    [values] = step_advantages([group], parts_of(find_algorithm("dr_grpo")), settings, 0)
    for episode, row in zip(group.episodes, group_samples(group, values), strict=True):
        first = episode.turns[0]
        assert first.observation == "wordle 5x6\n> crane\nXXXGX\n> river\nXXXXX"
        assert first.completion is not None
        assert first.completion.prompt_ids == prompt
        assert not any(row.loss_mask[: len(prompt)])
        assert row.loss_mask[len(prompt)]
        assert len(episode.turns) <= 4
        assert [turn.action for turn in episode.opening] == list(opening)
        assert episode.total_reward == sum(turn.reward for turn in episode.turns)


def test_the_next_turn_extends_the_first_prompt() -> None:
    group, _ = opened_group(("crane",))
    long = next(e for e in group.episodes if len(e.turns) > 1)
    first, second = long.turns[0].completion, long.turns[1].completion
    assert first is not None
    assert second is not None
    so_far = (*first.prompt_ids, *first.token_ids)
    assert second.prompt_ids[: len(so_far)] == so_far


def test_openers_are_those_of_games_from_the_start() -> None:
    group, _ = opened_group(("crane",))
    metrics = rollout_metrics([group])
    assert metrics["rollout/openers"] == 0.0
    assert metrics["rollout/win_rate_midgame"] == metrics["rollout/win_rate"]
    assert "rollout/win_rate_fresh" not in metrics


def test_all_games_of_a_group_begin_alike() -> None:
    settings = ten_word_config("tasks.midgame_share=1", "rollout.tasks_per_step=6")
    groups = play_step(taught_agent(), settings, 0, 1.0)
    opened = [group for group in groups if group.task.options]
    assert len(opened) > 2
    for group in opened:
        assert len({episode.turns[0].observation for episode in group.episodes}) == 1
        assert {len(e.opening) for e in group.episodes} == {len(group.task.options["opening"])}


def test_a_saved_game_shows_its_opening(tmp_path: Any) -> None:
    group, _ = opened_group(("crane", "river"))
    text = write_games(tmp_path, 1, [group], limit=1).read_text(encoding="utf-8")
    assert " c  r  a [N] e \n r  i  v  e  r \n" in text
