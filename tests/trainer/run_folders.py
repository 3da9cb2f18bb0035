"""Folders as runs leave them, with made-up numbers: what `report` and `compare` read."""

import json
import math
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import strategies as st

REASONS = ("ok", "arguments_wrong", "json_invalid", "think_missing", "tool_unknown")
RECIPE = {
    "policy": {"model": "made-up/policy-0.6b"},
    "grpo": {"learning_rate": 1e-6, "num_generations": 5, "beta": 1e-3, "max_steps": 100, "seed": 1},
}


def write_run(
    folder: Path,
    *,
    seed: int = 1,
    steps: int = 40,
    recipe: dict[str, Any] | None = None,
    resumes: tuple[int, ...] = (),
    finished: bool = True,
    rise: float = 0.6,
    completions: bool = True,
) -> Path:
    """A run of GRPO with everything logged that a run may log; `rise` is how much better it gets."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    write_record(folder, seed=seed, recipe=recipe or RECIPE, resumes=resumes)
    lines = [step_line(step, steps, rise, rng) for step in range(1, steps + 1)]
    write_lines(folder / "metrics.jsonl", lines)
    write_lines(folder / "heldout.jsonl", [heldout_line(s, steps, rise, rng) for s in range(0, steps + 1, 10)])
    (folder / "completions").mkdir()
    for step in range(10, steps + 1, 10) if completions else ():
        completions_frame(step, rng).to_parquet(folder / "completions" / f"completions_{step:05d}.parquet")
    if finished:
        (folder / "policy").mkdir()
        (folder / "policy" / "model.safetensors").touch()
    return folder


def bare_run(folder: Path, lines: Iterable[dict[str, Any]] = (), heldout: Iterable[dict[str, Any]] = ()) -> Path:
    """A run with these lines and no more."""
    folder.mkdir(parents=True, exist_ok=True)
    write_record(folder, seed=1, recipe=RECIPE)
    write_lines(folder / "metrics.jsonl", list(lines))
    write_lines(folder / "heldout.jsonl", list(heldout))
    return folder


def write_record(folder: Path, *, seed: int, recipe: dict[str, Any], resumes: tuple[int, ...] = ()) -> None:
    record = {
        "algorithm": "grpo",
        "recipe": recipe,
        "reward": "tool_n1/hardened@1",
        "digest": "sha256:" + "ab" * 32,
        "seed": seed,
        "world_size": 1,
        "versions": {"torch": "2.13.0", "trl": "1.16.0"},
        "data": [{"path": "data/train.parquet", "sha256": "cd" * 32, "rows": 4000}],
        "starts": [
            {"at": f"2026-01-02T0{3 + hour}:04:05+00:00", "step": step} for hour, step in enumerate((0, *resumes))
        ],
    }
    (folder / "run.json").write_text(json.dumps(record))


def write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def step_line(step: int, steps: int, rise: float, rng: random.Random) -> dict[str, Any]:
    right = min(1.0, max(0.0, 0.2 + learnt(step, steps, rise) + rng.gauss(0, 0.03)))
    judged = 1000
    wrong = [rng.random() for _ in REASONS[1:]]
    counts = {
        name: round(judged * (1 - right) * part / sum(wrong)) for name, part in zip(REASONS[1:], wrong, strict=True)
    }
    step_s = rng.uniform(2.0, 2.4)
    return {
        "phase": "grpo",
        "step": step,
        "time_s": 2.5 * step + rng.uniform(0, 0.1),
        "reward": right,
        "reward_std": math.sqrt(right * (1 - right)),
        "frac_reward_zero_std": right / 2,
        "entropy": 1.4 - learnt(step, steps, 0.9),
        "kl": learnt(step, steps, 0.02),
        "completions/mean_length": 180 + rng.gauss(0, 4),
        "completions/max_length": 512,
        "completions/mean_terminated_length": 160 + rng.gauss(0, 4),
        "completions/clipped_ratio": 0.05 - learnt(step, steps, 0.04),
        "sampling/sampling_logp_difference/mean": 0.004 + rng.uniform(0, 0.001),
        "sampling/sampling_logp_difference/max": 0.2 + rng.uniform(0, 0.1),
        "sampling/importance_sampling_ratio/mean": 1.0,
        "clip_ratio/low_mean": 0.001,
        "clip_ratio/high_mean": 0.002,
        "step_time": step_s,
        "generation_s": step_s / 2,
        "generation_tokens": 60_000.0,
        "num_tokens": step * 90_000,
        "grad_norm": rng.uniform(0.4, 0.8),
        "loss": rng.gauss(0, 0.01),
        "learning_rate": 1e-6,
        "reward_wait_s": step_s * 0.004,
        "reward_wait_share": 0.004,
        "reward_nulls": 0,
        "reasons": {"ok": round(judged * right)} | counts,
        "hacking": {"judged": 100, "released": min(1.0, right + 0.01), "hardened": right},
    }


def heldout_line(step: int, steps: int, rise: float, rng: random.Random) -> dict[str, Any]:
    right = round(256 * (0.2 + learnt(step, steps, rise) + rng.gauss(0, 0.01)))
    return {
        "step": step,
        "greedy": min(256, right + 26) / 256,
        "sampled": right / 256,
        "rows": 256,
        "reasons": {"ok": right, "arguments_wrong": 256 - right},
    }


def completions_frame(step: int, rng: random.Random) -> pd.DataFrame:
    """The table that TRL writes of a step."""
    names = rng.choices(REASONS, k=20)
    return pd.DataFrame(
        {
            "step": [step] * 20,
            "prompt": [f"<|im_start|>user\nWhat is the weather in city {i}?<|im_end|>" for i in range(20)],
            "completion": [f"<think>They ask for city {i}.</think><tool_call>[]</tool_call>" for i in range(20)],
            "goodcall_reward": [1.0 if name == "ok" else 0.0 for name in names],
            "reason": names,
            "row_id": [f"train-{i}" for i in range(20)],
            "advantage": [0.7 if name == "ok" else -0.4 for name in names],
        }
    )


def learnt(step: int, steps: int, rise: float) -> float:
    """How much of the rise has come by a step: fast at first, then slower."""
    return rise * (1 - math.exp(-4 * step / steps))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
METRICS = st.sampled_from(sorted(step_line(1, 1, 0.5, random.Random(1)).keys() | {"greedy", "sampled", "rows"}))
LINES = st.lists(
    st.fixed_dictionaries({"step": st.integers(0, 30) | ANYTHING}).flatmap(
        lambda line: st.dictionaries(METRICS, ANYTHING | st.floats(-1e6, 1e6), max_size=6).map(lambda more: line | more)
    ),
    max_size=6,
)
"""Lines of steps and measurements with anything in them."""
RECORDS = st.dictionaries(st.sampled_from(["recipe", "data", "starts", "stops", "versions", "seed"]), ANYTHING)
