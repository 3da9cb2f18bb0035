"""``goodcall score --engine ray``: Parquet to Parquet on the machines of a Ray cluster."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import msgspec

from goodcall.bulk.failures import UnusableFolder, UnusableRows
from goodcall.bulk.judging import Judging
from goodcall.bulk.summary import Summary
from goodcall.cli.failures import CommandFailed, EnvironmentFailed
from goodcall.cli.progress import progress_over
from goodcall.rewards import Reward


def score_on_ray(
    source: str, output: str, reward: Reward[Any], judging: Judging, *, workers: int | None, address: str | None
) -> tuple[Summary, int]:
    """What the verdicts on all rows come to, and how many of them an earlier run had scored.

    Raises:
        CommandFailed: the rows, or the folder that the verdicts are to go to, can't be used.
        EnvironmentFailed: Ray is missing, or the cluster can't do the work.
    """
    ray_data = _ray_data()
    # These need pyarrow, which comes with Ray.
    from goodcall.bulk.parts import plan_parts  # noqa: PLC0415
    from goodcall.bulk.run_folder import begin_run, end_run  # noqa: PLC0415
    from goodcall.bulk.score_part import Work  # noqa: PLC0415

    work = Work(source=source, output=output, digest=reward.digest, judging=judging)
    try:
        parts = plan_parts(source)
        begin_run(work, parts)
        with ray_data.connected(address):
            summary, found = _score_all(ray_data, parts, work, workers)
        end_run(work, msgspec.json.encode(summary.as_json(reward)))
    except (UnusableRows, UnusableFolder) as error:
        raise CommandFailed(str(error)) from None
    except (ray_data.ClusterFailed, OSError) as error:
        raise EnvironmentFailed(f"{error}; what is written stays, and the same command goes on from there") from None
    return summary, found


def _score_all(ray_data: Any, parts: Sequence[Any], work: Any, workers: int | None) -> tuple[Summary, int]:
    summary, found, rows = Summary(), 0, 0
    planned = sum(part.rows for part in parts)
    with progress_over(work.source, planned, "rows") as advance:
        for scored in ray_data.score_parts(parts, work, workers=workers):
            summary.add(scored.summary)
            rows += scored.rows
            found += scored.rows if scored.found else 0
            advance(scored.rows)
    if not rows == summary.items == planned:
        raise EnvironmentFailed(f"{rows} rows were scored of {planned}; start again, and report this")
    return summary, found


def _ray_data() -> Any:
    try:
        return import_module("goodcall.bulk.ray_data")
    except ImportError:
        raise EnvironmentFailed("--engine ray needs Ray: pip install 'goodcall[ray]'") from None
