"""Policies small enough for two cores, trainers on them, and a vLLM server on loopback."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SETTINGS = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_SERVER_DEV_MODE": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "TOKENIZERS_PARALLELISM": "false",
}
# Read when vLLM is imported, which the tests do later.
os.environ.update(SETTINGS)

GAP = "sampling/sampling_logp_difference/mean"
WORDS = "the user asks for weather in Oslo and Rome so I call it once with one city one day more"
TEXTS = [f"{WORDS[start:]} {WORDS[:start].strip()}" for start in range(0, len(WORDS), 5)]


def save_policy(folder: Path, *, seed: int, tied: bool = True) -> Path:
    """A Qwen3 of 0.5 million parameters with random weights and its tokenizer, as files."""
    import torch

    from goodcall_trainer.demo.policy import build_policy, train_tokenizer

    tokenizer = train_tokenizer(TEXTS)
    policy = build_policy(tokenizer, seed=seed)
    with torch.no_grad():
        # Away from uniform, or every policy looks like every other.
        policy.get_input_embeddings().weight.mul_(2)
    if not tied:
        policy.config.tie_word_embeddings = False
        policy.lm_head.weight = torch.nn.Parameter(policy.get_input_embeddings().weight.detach().clone())
    policy.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def reward(completion_ids: list[list[int]], **_: Any) -> list[float]:
    """More for even tokens: anything that a gradient can follow."""
    return [sum(token % 2 == 0 for token in ids) / max(len(ids), 1) for ids in completion_ids]


def make_trainer(policy: Path, out: Path, *, max_logp_gap: float = 0.05, lora: Any = None, **settings: Any) -> Any:
    """A `GRPOTrainer` on vLLM, with the guard of each step's gap."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import GRPOConfig, GRPOTrainer

    from goodcall_trainer.rollouts.adapter import synced_sampler
    from goodcall_trainer.run.guards import LogpGap

    defaults = {
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "learning_rate": 1e-3,
        "lr_scheduler_type": "constant",
        "per_device_train_batch_size": 16,
        "num_generations": 4,
        "max_completion_length": 16,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "vllm_max_model_length": 128,
        "vllm_gpu_memory_utilization": 0.05,
    }
    config = GRPOConfig(output_dir=str(out), use_vllm=True, **(defaults | settings))
    with synced_sampler(config, max_logp_gap=max_logp_gap):
        return GRPOTrainer(
            model=AutoModelForCausalLM.from_pretrained(policy, dtype="float32"),
            reward_funcs=reward,
            args=config,
            train_dataset=Dataset.from_list([{"prompt": text} for text in TEXTS] * 8),
            processing_class=AutoTokenizer.from_pretrained(policy, padding_side="left"),
            callbacks=[LogpGap(max_logp_gap)],
            peft_config=lora,
        )


@dataclass(frozen=True, kw_only=True)
class Server:
    """A vLLM server that was started and may not be ready yet."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def vllm_server(policy: Path, log: Path, *options: str, port: int | None = None) -> Iterator[Server]:
    """`docs/rollouts.md` has this command."""
    port = port or free_port()
    command = [
        *(sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(policy)),
        *("--host", "127.0.0.1", "--port", str(port), "--dtype", "float32", "--enforce-eager"),
        *("--max-model-len", "128", "--max-num-seqs", "32", "--gpu-memory-utilization", "0.05"),
        *("--logprobs-mode", "processed_logprobs"),
        *options,
    ]
    with log.open("wb") as lines:
        process = subprocess.Popen(
            command, stdout=lines, stderr=subprocess.STDOUT, env={**os.environ, **SETTINGS}, process_group=0
        )
        try:
            yield Server(url=f"http://127.0.0.1:{port}", process=process, log=log)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            # A server that was killed leaves processes of its own behind.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
