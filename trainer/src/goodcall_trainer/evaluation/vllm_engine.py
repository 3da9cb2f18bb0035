"""Answers by vLLM's offline engine: by its build for GPUs, or, for small policies, the one for CPUs.

vLLM batches as it goes, so near ties between two tokens may fall either way from one run to the next.
"""

from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig

from goodcall_trainer.evaluation.answers import PROMPT_TOO_LONG, Answer
from goodcall_trainer.evaluation.engine import Keep, Prompt
from goodcall_trainer.evaluation.failures import CheckpointUnusable
from goodcall_trainer.evaluation.prompts import load_tokenizer, rendering_for
from goodcall_trainer.evaluation.questions import Question
from goodcall_trainer.evaluation.settings import AnswerSettings
from goodcall_trainer.evaluation.weights import checkpoint_fingerprint
from goodcall_trainer.one_line import one_line
from goodcall_trainer.vllm_logs import quieten_vllm

_CHUNK = 256
"""Questions between two times that answers are kept."""

_ON_A_CPU = {"enforce_eager": True, "gpu_memory_utilization": 0.2}
"""Compiling takes minutes there. And the memory is not vLLM's alone, which would not start without nearly all of it."""


class VllmEngine:
    """A policy from a folder of safetensors; the engine starts when there is something to answer.

    Raises:
        CheckpointUnusable: the folder holds no policy, vLLM is not installed, or does not start on it.
    """

    def __init__(self, folder: Path, *, prompt: Prompt, max_tokens: int, dtype: str) -> None:
        quieten_vllm()
        try:
            import vllm  # noqa: F401, PLC0415 - only this engine needs it, and it takes long
        except ImportError:
            raise CheckpointUnusable("the engine vllm needs the package vllm: pip install vllm") from None
        self._folder = folder
        self._max_tokens = max_tokens
        self._dtype = dtype
        weights = checkpoint_fingerprint(folder)
        self._tokenizer = load_tokenizer(folder)
        self._rendering = rendering_for(prompt, self._tokenizer)
        self.settings: AnswerSettings = {
            "engine": "vllm",
            "weights": weights,
            "prompt": prompt.value,
            "assistant_prefix": self._rendering.assistant_prefix,
            "max_tokens": max_tokens,
            "dtype": dtype,
        }

    @property
    def assistant_prefix(self) -> str:
        return self._rendering.assistant_prefix

    def answer(self, questions: Sequence[Question], answered: Collection[str], keep: Keep) -> None:
        """Answers what is not answered; a prompt that leaves no room is kept with the fault `prompt_too_long`."""
        unanswered = [question for question in questions if question.key not in answered]
        for start in range(0, len(unanswered), _CHUNK):
            self._answer_chunk(unanswered[start : start + _CHUNK], keep)

    def _answer_chunk(self, questions: Sequence[Question], keep: Keep) -> None:
        fitting = []
        for question in questions:
            tokens = self._tokenizer(self._rendering.render(question.row))["input_ids"]
            if len(tokens) < self._context:
                fitting.append((question, tokens))
            else:
                keep(question, Answer(completion=None, fault=PROMPT_TOO_LONG))
        prompts = [{"prompt_token_ids": tokens} for _, tokens in fitting]
        outputs = self._engine.generate(prompts, self._sampling, use_tqdm=False) if prompts else []
        for (question, _), output in zip(fitting, outputs, strict=True):
            [completion] = output.outputs
            # Not vLLM's own text, which lacks the end of turn.
            text = self._tokenizer.decode(completion.token_ids, skip_special_tokens=False)
            keep(question, Answer(completion=text, truncated=completion.finish_reason == "length"))

    @cached_property
    def _engine(self) -> Any:
        from vllm import LLM  # noqa: PLC0415

        try:
            return LLM(
                model=str(self._folder),
                dtype=self._vllm_dtype,
                trust_remote_code=False,
                load_format="safetensors",
                **({} if torch.cuda.is_available() else _ON_A_CPU),
            )
        except (OSError, RuntimeError, ValueError) as error:  # all three are vLLM's, for the same faults
            raise CheckpointUnusable(f"vLLM could not start on {self._folder}: {one_line(error)}") from None

    @property
    def _vllm_dtype(self) -> Any:
        """As the weights were saved, if so asked; vLLM's own `auto` would make bfloat16 of float32."""
        if self._dtype != "auto":
            return self._dtype
        return AutoConfig.from_pretrained(self._folder, trust_remote_code=False, local_files_only=True).dtype or "auto"

    @cached_property
    def _sampling(self) -> Any:
        from vllm import SamplingParams  # noqa: PLC0415

        return SamplingParams(temperature=0.0, max_tokens=self._max_tokens, detokenize=False)

    @cached_property
    def _context(self) -> int:
        return int(self._engine.llm_engine.model_config.max_model_len)
