"""Answers by transformers: greedy, in batches padded on the left.

Rounding depends on what else is in a batch, and may turn a near tie between two tokens. So batches are planned over all
questions, and the ones that a killed run had begun are made again as they were: a run that goes on gives what
an undisturbed one gives.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, GenerationConfig

from goodcall_trainer.evaluation.answers import PROMPT_TOO_LONG, Answer
from goodcall_trainer.evaluation.engine import Keep, Prompt
from goodcall_trainer.evaluation.failures import CheckpointUnusable
from goodcall_trainer.evaluation.prompts import load_tokenizer, rendering_for
from goodcall_trainer.evaluation.questions import Question
from goodcall_trainer.evaluation.settings import AnswerSettings
from goodcall_trainer.evaluation.weights import checkpoint_fingerprint
from goodcall_trainer.one_line import one_line
from goodcall_trainer.run.fit import WeightsUnusable, unused, weights_without_place


@dataclass(frozen=True, slots=True)
class Put:
    """A question as tokens."""

    question: Question
    tokens: list[int]


class TransformersEngine:
    """A policy from a folder of safetensors, loaded when there is something to answer.

    `notice` is told of weights that the policy would not use.

    Raises:
        CheckpointUnusable: the folder holds no policy, or not all of it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        prompt: Prompt,
        max_tokens: int,
        batch_size: int,
        dtype: str,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._folder = folder
        self._max_tokens = max_tokens
        self._batch_size = batch_size
        self._dtype = dtype
        weights = checkpoint_fingerprint(folder)
        _check_fit(folder, notice)
        self._tokenizer = load_tokenizer(folder)
        self._rendering = rendering_for(prompt, self._tokenizer)
        self.settings: AnswerSettings = {
            "engine": "transformers",
            "weights": weights,
            "prompt": prompt.value,
            "assistant_prefix": self._rendering.assistant_prefix,
            "max_tokens": max_tokens,
            "batch_size": batch_size,
            "dtype": dtype,
        }

    @property
    def assistant_prefix(self) -> str:
        return self._rendering.assistant_prefix

    def answer(self, questions: Sequence[Question], answered: Collection[str], keep: Keep) -> None:
        """Answers what is not answered, batch by batch; the longest prompts first, as they need the most memory.

        A prompt that leaves no room for an answer is kept with the fault `prompt_too_long`.

        Raises:
            CheckpointUnusable: the weights can't be loaded.
        """
        for batch in self._plan(questions):
            if all(put.question.key in answered for put in batch):
                continue
            for put, answer in zip(batch, self._complete(batch), strict=True):
                keep(put.question, answer)

    def _plan(self, questions: Sequence[Question]) -> Iterator[list[Put]]:
        puts = [Put(question, self._tokens(question)) for question in questions]
        puts.sort(key=lambda put: -len(put.tokens))
        # A batch has the room of its longest prompt, so whoever has less than the longest answer needs is alone.
        alone = sum(len(put.tokens) + self._max_tokens > self._context for put in puts)
        yield from ([put] for put in puts[:alone])
        for start in range(alone, len(puts), self._batch_size):
            yield puts[start : start + self._batch_size]

    def _tokens(self, question: Question) -> list[int]:
        tokens: list[int] = self._tokenizer(self._rendering.render(question.row))["input_ids"]
        return tokens

    def _complete(self, batch: Sequence[Put]) -> list[Answer]:
        room = self._context - len(batch[0].tokens)
        if room <= 0:
            return [Answer(completion=None, fault=PROMPT_TOO_LONG) for _ in batch]
        prompts = self._tokenizer.pad({"input_ids": [put.tokens for put in batch]}, return_tensors="pt")
        generation = GenerationConfig(
            max_new_tokens=min(self._max_tokens, room),
            do_sample=False,
            eos_token_id=sorted(self._ends),
            pad_token_id=self._tokenizer.pad_token_id,
        )
        with torch.inference_mode():
            tokens = self._model.generate(**prompts.to(self._model.device), generation_config=generation)
        return [self._answer(ids) for ids in tokens[:, prompts["input_ids"].shape[1] :].tolist()]

    def _answer(self, tokens: list[int]) -> Answer:
        """What was said up to the first end of turn, that end included."""
        end = next((index for index, token in enumerate(tokens) if token in self._ends), None)
        text = self._tokenizer.decode(tokens if end is None else tokens[: end + 1], skip_special_tokens=False)
        return Answer(completion=text, truncated=end is None)

    @cached_property
    def _model(self) -> Any:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            model = AutoModelForCausalLM.from_pretrained(
                self._folder,
                dtype=self._dtype,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
            )
        except (OSError, ValueError) as error:
            raise CheckpointUnusable(f"{self._folder} can't be loaded: {one_line(error)}") from None
        return model.to(device).eval()

    @cached_property
    def _context(self) -> int:
        """How many tokens a prompt and its answer may have together."""
        longest = getattr(self._model.config, "max_position_embeddings", None)
        return int(longest) if longest else self._tokenizer.model_max_length

    @cached_property
    def _ends(self) -> frozenset[int]:
        """The tokens that end a turn: the tokenizer's, and those that the checkpoint names."""
        named = self._model.generation_config.eos_token_id
        named = named if isinstance(named, list) else [named]
        return frozenset(token for token in (*named, self._tokenizer.eos_token_id) if token is not None)


def _check_fit(folder: Path, notice: Callable[[str], None]) -> None:
    try:
        without_place = weights_without_place(folder)
    except WeightsUnusable as error:
        raise CheckpointUnusable(str(error)) from None
    if without_place:
        notice(unused(folder, without_place))
