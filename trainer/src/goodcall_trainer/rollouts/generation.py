"""TRL's generation by vLLM with three things more: proof of the first weight sync, faults with a name, and CPUs.

On a GPU weights travel as TRL sends them. On a CPU its two ways end in an exception (vLLM has packed the weights away;
NCCL needs CUDA), so there they go by vLLM's own reloading, within the process or through files.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import broadcast_object_list
from requests import RequestException  # noqa: TID251 - TRL's client raises it
from safetensors.torch import save_file
from trl.generation import vllm_generation
from trl.generation.vllm_client import VLLMClient
from trl.generation.vllm_generation import VLLMGeneration

from goodcall_trainer.rollouts import worker
from goodcall_trainer.rollouts.agreement import (
    FIXED_TEXT,
    MAX_TOKENS,
    check_agreement,
    check_that_sampler_follows,
    learner_logps,
)
from goodcall_trainer.rollouts.server import SamplerUnavailable, wait_until_healthy
from goodcall_trainer.rollouts.swap import swapped
from goodcall_trainer.run.stop import USAGE, RunStopped

logger = logging.getLogger(__name__)

EXTENSION = f"{worker.TakesWeights.__module__}.{worker.TakesWeights.__qualname__}"


class CheckedGeneration(VLLMGeneration):  # type: ignore[misc]  # TRL is untyped here
    """Sends weights as TRL does, and stops the run when they do not arrive.

    Args:
        max_logp_gap: Nats a token by which sampler and learner may differ on a fixed text.
        measured: Whether TRL measures the gap of each step's own rollouts. Where it does not, the fixed text is looked
            at after every sync; otherwise after the first one of the process.
        settings: What TRL hands to its own class.
    """

    def __init__(self, *, max_logp_gap: float, measured: bool, **settings: Any) -> None:
        self._max_logp_gap = max_logp_gap
        self._measured = measured
        self._proven = False
        super().__init__(**settings)
        tokenizer: Any = getattr(self.processing_class, "tokenizer", self.processing_class)
        self._fixed_ids: list[int] = tokenizer(FIXED_TEXT, add_special_tokens=False)["input_ids"][:MAX_TOKENS]

    def sync_weights(self) -> None:
        """Brings the learner's weights to the sampler.

        Raises:
            SamplerDisagrees: They did not get there.
            SamplerUnavailable: The server is gone.
        """
        self._send_weights()
        if self._proven and self._measured:
            return
        if self._dist.fsdp_version == 1:
            logger.warning("sharded by FSDP1, the learner can't be asked for log-probabilities here: not compared")
        else:
            check_agreement(self._learner_logps, self._sampler_logps, max_logp_gap=self._max_logp_gap)
            self._prove_once()
        self._proven = True

    def generate(self, *args: Any, **settings: Any) -> Any:
        """TRL's, with a name for what goes wrong.

        Raises:
            SamplerUnavailable: The server is gone.
        """
        with self._faults_named():
            return super().generate(*args, **settings)

    def _prove_once(self) -> None:
        # Shards of other shapes than the parameters are left alone: what is put back must be what was there.
        if self._proven or self._dist.is_fsdp or self._dist.is_zero3:
            return
        check_that_sampler_follows(
            self.model, self._send_weights, self._learner_logps, self._sampler_logps, max_logp_gap=self._max_logp_gap
        )

    def _init_vllm(self) -> None:
        if self.mode == "server" and self.accelerator.is_main_process:
            wait_until_healthy(self._url, deadline_s=self.server_timeout)
        if self.mode == "colocate" and not self.model.name_or_path:
            raise RunStopped(
                "colocated vLLM loads the policy from its folder, and this one has none: save it, and load it with "
                "from_pretrained.",
                exit_code=USAGE,
            )
        super()._init_vllm()
        if self.mode == "server" and self.accelerator.is_main_process:
            self._check_what_the_server_logs()

    def _check_what_the_server_logs(self) -> None:
        mode = self.vllm_client.get_server_info()["model_config"]["logprobs_mode"]
        if mode != "processed_logprobs" and self.temperature != 1:
            raise SamplerUnavailable(
                f"the vLLM server at {self._url} gives {mode}, which at temperature {self.temperature:g} are not those "
                "of the tokens it draws. Start it with --logprobs-mode processed_logprobs."
            )

    def _send_weights(self) -> None:
        with self._faults_named():
            super().sync_weights()

    def _learner_logps(self) -> list[float]:
        return learner_logps(self.model, self._fixed_ids, self.accelerator.device)

    def _sampler_logps(self) -> list[float]:
        """As the model gives them: neither temperature nor top_p has a part in a prompt's log-probabilities."""
        if self.mode == "colocate":
            return self._own_logps()
        logps: list[Any] = [None]
        if self.accelerator.is_main_process:
            with self._faults_named():
                answer = self.vllm_client.get_sequence_logprobs([self._fixed_ids], [1], top_logprobs=1)
            logps = [[value for (value,) in answer["actual_logprobs"][0]]]
        broadcast_object_list(logps, from_process=0)
        return [float(value) for value in logps[0]]

    def _own_logps(self) -> list[float]:
        if self.enable_sleep_mode:
            self.llm.wake_up(tags=["kv_cache"])
        asked = vllm_generation.SamplingParams(max_tokens=1, prompt_logprobs=0)
        (answer,) = self.llm.generate([{"prompt_token_ids": self._fixed_ids}], sampling_params=asked, use_tqdm=False)
        tokens = zip(self._fixed_ids[1:], answer.prompt_logprobs[1:], strict=True)
        return [float(logps[token].logprob) for token, logps in tokens]

    @property
    def _url(self) -> str:
        url = self.server_base_url or f"http://{self.server_host}:{self.server_port}"
        return str(url).rstrip("/")

    @contextmanager
    def _faults_named(self) -> Iterator[None]:
        try:
            yield
        except RequestException as fault:
            raise SamplerUnavailable(
                f"the vLLM server at {self._url} went away or no longer works: {type(fault).__name__}: {fault}. "
                "Nothing was saved after that. Start it again; then the same command goes on from the newest "
                "checkpoint."
            ) from fault


class ColocatedOnCPU(CheckedGeneration):
    """vLLM's CPU build in this process, without compiling, in the learner's own precision."""

    def _init_vllm(self) -> None:
        # vLLM's own choice would be bfloat16 for a float32 learner, and minutes of compiling.
        dtype = str(self.model.dtype).removeprefix("torch.")
        engine = partial(vllm_generation.LLM, enforce_eager=True, dtype=dtype)
        with swapped(vllm_generation, "LLM", engine):
            super()._init_vllm()

    def _send_weights(self) -> None:
        runner = self.llm.llm_engine.model_executor.driver_worker.model_runner
        worker.take_weights(runner, self._iter_named_params())
        self.llm.reset_prefix_cache()


class ServedOnCPU(CheckedGeneration):
    """A server of vLLM's CPU build, which reads the weights from `folder` on a file system that both share."""

    def __init__(self, *, folder: Path, **settings: Any) -> None:
        self._folder = folder
        super().__init__(**settings)

    def _init_vllm(self) -> None:
        with swapped(vllm_generation, "VLLMClient", partial(FileClient, folder=self._folder)):
            super()._init_vllm()
        if self.accelerator.is_main_process:
            self.model.config.save_pretrained(self._folder)


class FileClient(VLLMClient):  # type: ignore[misc]
    """TRL's client of a vLLM server, which sends weights as a file and not by NCCL."""

    def __init__(self, *, folder: Path, **settings: Any) -> None:
        self._folder = folder.absolute()
        super().__init__(**settings)

    def init_communicator(self, device: torch.device | str | int = 0) -> None:
        """There is nothing to connect; the server must be able to take files.

        Raises:
            SamplerUnavailable: It was started without what that needs.
        """
        del device
        try:
            extension = self.get_server_info()["parallel_config"]["worker_extension_cls"]
        except RuntimeError as fault:  # TRL's, where the development endpoints are missing
            raise SamplerUnavailable(str(fault)) from fault
        if extension != EXTENSION:
            raise SamplerUnavailable(
                f"the vLLM server at {self.base_url} can't take weights from files, as it must on a CPU. Start it with "
                f"--worker-extension-cls {EXTENSION}."
            )
        self._folder.mkdir(parents=True, exist_ok=True)

    def update_named_params(
        self, metadata: list[tuple[str, str, list[int]]], named_params: Iterator[tuple[str, torch.Tensor]]
    ) -> None:
        """Writes `model.safetensors` anew and has the server load it."""
        del metadata
        # Copies, since an adapter is merged into the weights only while they are walked through.
        weights = {name: tensor.detach().clone(memory_format=torch.contiguous_format) for name, tensor in named_params}
        # By way of another name: a server that starts from this folder meanwhile must not read half a file.
        half = self._folder / "model.safetensors.part"
        save_file(weights, half)
        half.replace(self._folder / "model.safetensors")
        self._post(f"{self.base_url}/collective_rpc", json={"method": "take_weights", "args": [str(self._folder)]})
