"""The language model that plays and learns: one class, whatever the weights.

A Hugging Face causal LM, its tokenizer and its chat template. It plays through the `Agent`
protocol (all games decoded together, see `decoding`) and gives the trainer log-probabilities of
exactly the tokens it sampled.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils.logging import set_tqdm_hook

from wordle_rl.agents.attention import attention_layout
from wordle_rl.agents.base import Opening, Player
from wordle_rl.agents.built_in import BUILT_IN, built_in_path
from wordle_rl.agents.chat import PLAIN, THOUGHT, THOUGHT_END, ChatOptions, ChatRenderer, Ids
from wordle_rl.agents.decoding import Decoder, Sampled, ThoughtLimit, check_decoding
from wordle_rl.agents.device import pick_device, pick_dtype, without_gradient
from wordle_rl.agents.likely import likely_answers
from wordle_rl.agents.lora import four_bits, merged
from wordle_rl.agents.norms import quicken_norms
from wordle_rl.agents.step_graphs import Record
from wordle_rl.agents.token_player import TokenPlayer
from wordle_rl.envs.base import Style
from wordle_rl.errors import ModelError


class LanguageAgent:
    """A causal LM as an agent.

    Attributes:
        model: the weights, in `eval()` mode always: dropout would make sampler and trainer differ.
        tokenizer: its tokenizer.
        chat: renders games as token ids.
        stop_ids: tokens that end an answer; the first is the one the chat template writes.
        max_new_tokens: longest answer; a longer one is cut and recorded as such.
        compute_dtype: what matrix products run in.
        record: records decoding steps (see `step_graphs`); by default none are.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        name: str,
        device: str = "auto",
        dtype: str = "auto",
        style: Style = "chat",
        max_new_tokens: int = 64,
        chat: ChatOptions = PLAIN,
    ) -> None:
        self._name = name
        self._style: Style = style
        self.device = pick_device(device)
        self.compute_dtype = pick_dtype(dtype, self.device)
        self.model = model
        torch.nn.Module.eval(torch.nn.Module.to(model, self.device))
        self.tokenizer = tokenizer
        self.chat = ChatRenderer(tokenizer, chat)
        self.stop_ids = _stop_ids(model, tokenizer, self.chat)
        self.pad_id = _pad_id(model, tokenizer)
        quicken_norms(self.model)
        check_decoding(self.model, self.pad_id)
        self.max_new_tokens = max_new_tokens
        self.thoughts = _thought_limit(self.chat)
        self.record: Record | None = None

    @classmethod
    def load(
        cls,
        name_or_path: str,
        *,
        device: str = "auto",
        dtype: str = "auto",
        max_new_tokens: int | None = None,
        chat: ChatOptions | None = None,
        bits: int | None = None,
    ) -> LanguageAgent:
        """Load a built-in model, a folder or a hub id; weights are held in float32 for training.

        `max_new_tokens` and `chat` replace what the model's config says of them, there too. With
        `bits` = 4 the weights are held in four bits and cannot be trained themselves.

        Raises:
            ConfigError: four bits need a package that is not there.
            ModelError: if the model or its tokenizer cannot be loaded or has no chat template.
        """
        path = str(built_in_path(name_or_path)) if name_or_path in BUILT_IN else name_or_path
        if Path(path).is_dir() and not (Path(path) / "config.json").is_file():
            raise ModelError(
                f"model folder {path!r} has no config.json: give a model or run folder"
            )
        how: dict[str, Any] = {"dtype": torch.float32}
        if bits == 4:
            place = pick_device(device)
            how = {"quantization_config": four_bits(pick_dtype(dtype, place)), "device_map": place}
        try:
            with no_progress_bars():
                loaded: Any = AutoModelForCausalLM.from_pretrained(
                    path, output_loading_info=True, **how
                )
            tokenizer = AutoTokenizer.from_pretrained(path)
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ModelError(f"cannot load model {name_or_path!r}: {reason}") from error
        model, report = loaded
        if missing := sorted(report["missing_keys"]):
            raise ModelError(
                f"model {name_or_path!r} has no weights for {missing[0]!r} "
                f"({len(missing)} missing): they would be random"
            )
        style: Style = getattr(model.config, "wordle_rl_style", "chat")
        if max_new_tokens is not None:
            model.config.wordle_rl_max_new_tokens = max_new_tokens
        if chat is not None:
            model.config.wordle_rl_chat = chat.as_json()
        limit = int(getattr(model.config, "wordle_rl_max_new_tokens", 64))
        spoken = getattr(model.config, "wordle_rl_chat", None)
        return cls(
            model,
            tokenizer,
            name=name_or_path,
            device=device,
            dtype=dtype,
            style=style,
            max_new_tokens=limit,
            chat=PLAIN if spoken is None else ChatOptions(**spoken),
        )

    def save(self, folder: Path, *, dtype: str = "float32") -> None:
        """Write a model folder that `load` reads, adapters folded in; this model stays as it is.

        Args:
            folder: made if it does not exist.
            dtype: of the weights, float32 or bfloat16.
        """
        model = copy.deepcopy(merged(self.model))
        torch.nn.Module.to(model, pick_dtype(dtype, self.device))
        with no_progress_bars():
            model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    @property
    def name(self) -> str:
        """What it was loaded as."""
        return self._name

    @property
    def style(self) -> Style:
        """The observation style it was trained on; `chat` unless its config says otherwise."""
        return self._style

    def read_as(self, style: Style) -> None:
        """Read games in this style from now on; kept in the model's config."""
        self._style = style
        self.model.config.wordle_rl_style = style

    @property
    def fingerprint(self) -> str:
        """A hash of weights, precision, answer limit and chat options.

        Equal for agents that play the same.
        """
        digest = hashlib.blake2b(digest_size=16)
        for name, value in sorted(self.model.state_dict().items()):
            digest.update(name.encode())
            digest.update(value.detach().cpu().flatten().view(torch.uint8).numpy())
        digest.update(f"{self.compute_dtype} {self.max_new_tokens}".encode())
        if self.chat.options != PLAIN:
            digest.update(repr(self.chat.options).encode())
        return digest.hexdigest()

    def likely_answers(self, prompt_ids: Ids, *, count: int) -> list[tuple[str, float]]:
        """The likeliest answers to a prompt with their probabilities; see `likely`."""
        me: Any = self  # pyright reads this file under two names
        return likely_answers(me, prompt_ids, count=count)

    @property
    def notes(self) -> list[str]:
        """What makes this model slower than others, in words; for most models nothing."""
        notes = []
        if attention_layout(self.model) == "none":
            notes.append(
                f"{self.name}: some layers keep a state instead of keys and values (linear, "
                "convolution) or count columns, so every turn reads its game from the beginning"
            )
        elif not self.chat.append_only:
            notes.append(
                f"{self.name}: its chat template rewrites earlier turns, so every turn reads its "
                "game from the beginning and is a training row of its own"
            )
        return notes

    @property
    def revision(self) -> str | None:
        """The commit of the hub that the weights came from; None for a folder."""
        return getattr(self.model.config, "_commit_hash", None)

    @property
    def context_length(self) -> int:
        """Most tokens a game may have."""
        config = self.model.config.get_text_config()
        return int(getattr(config, "max_position_embeddings", None) or 1 << 30)

    def begin(self, openings: Sequence[Opening], *, temperature: float) -> Player:
        """Start games; equal opening prompts (all games of a group) are computed once."""
        return _LanguagePlayer(self, openings, temperature)


class _LanguagePlayer(TokenPlayer):
    """The running games of a `LanguageAgent`."""

    def __init__(
        self, agent: LanguageAgent, openings: Sequence[Opening], temperature: float
    ) -> None:
        super().__init__(agent, openings, temperature)
        self._agent = agent
        self._decoder: Decoder | None = None
        self._live: list[int] = []

    def _sample(self, rows: list[int]) -> list[Sampled]:
        agent = self._agent
        with without_gradient(agent.device, agent.compute_dtype):
            return self._decoder_for(rows).sample(
                max_new_tokens=agent.max_new_tokens,
                stop_ids=agent.stop_ids,
                temperature=self._temperature,
                thoughts=agent.thoughts,
            )

    def _decoder_for(self, rows: list[int]) -> Decoder:
        """The cache of the games that are asked for, brought up to their contexts.

        A game that was left out of a call (another player's turn) lost its cache then and is
        computed afresh.
        """
        contexts = [self._context[i] for i in rows]
        if (
            self._decoder is None
            or not self._agent.chat.append_only
            or not self._decoder.keeps_cache
            or not set(rows) <= set(self._live)
        ):
            self._decoder = Decoder(
                self._agent.model,
                self._agent.pad_id,
                seeds=[self._seeds[i] for i in rows],
                drawn=[self._drawn[i] for i in rows],
                record=self._agent.record,
            )
        elif rows != self._live:
            kept = {row: k for k, row in enumerate(self._live)}
            self._decoder.select([kept[row] for row in rows])
        self._live = rows
        self._decoder.extend(contexts)
        return self._decoder


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Keep transformers' bars ("Loading weights") off the screen; those of a download stay."""

    def hide(bar: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return bar(*args, **{**kwargs, "disable": True})

    shown = set_tqdm_hook(hide)
    try:
        yield
    finally:
        set_tqdm_hook(shown)


def _thought_limit(chat: ChatRenderer) -> ThoughtLimit | None:
    """How thoughts are ended, where the options ask for it.

    Raises:
        ModelError: the model has no tokens for the beginning and the end of a thought.
    """
    limit, tokenizer = chat.options.think_tokens, chat.tokenizer
    if limit is None:
        return None
    known: dict[str, int] = cast(Any, tokenizer).get_vocab()
    if not {THOUGHT, THOUGHT_END} <= known.keys():
        raise ModelError(
            f"{tokenizer.name_or_path!r} has no tokens {THOUGHT} and {THOUGHT_END}, so its "
            "thoughts have no limit of their own: leave out think_tokens (gpt-oss takes "
            "chat_template_kwargs = { reasoning_effort = 'low' })"
        )
    before, after = chat.encode("\n"), chat.encode("\n\n")
    return ThoughtLimit(
        tokens=limit,
        open_id=known[THOUGHT],
        close_id=known[THOUGHT_END],
        ending=(*before, known[THOUGHT_END], *after),
        opened=chat.opens_thought,
    )


def _pad_id(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """What fills up short rows; nothing ever attends to it, so any id the model knows will do."""
    pad = getattr(tokenizer, "pad_token_id", None)
    vocabulary = model.config.get_text_config().vocab_size
    return int(pad) if pad is not None and pad < vocabulary else 0


def _stop_ids(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, chat: ChatRenderer
) -> tuple[int, ...]:
    """Tokens that end an answer, the chat template's own first."""
    declared: list[int] = []
    for source in (getattr(model, "generation_config", None), model.config, tokenizer):
        value = getattr(source, "eos_token_id", None)
        declared += value if isinstance(value, list) else [value] if value is not None else []
    closing = chat.closing_id
    ordered = declared if closing is None else [closing, *declared]
    if not ordered:
        raise ModelError(f"{tokenizer.name_or_path!r} names no end-of-sequence token to stop at")
    return tuple(dict.fromkeys(ordered))
