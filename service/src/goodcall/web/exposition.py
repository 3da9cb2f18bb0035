"""Values of metrics that the workers of a service share, and their exposition to Prometheus."""

import os
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead


def share_values(directory: Path, worker: int) -> None:
    """From now on, metrics that this process makes keep their values in files that the other workers read.

    Args:
        directory: the one of all workers of a service.
        worker: the number in the files' names. They are not named for the process, so a replacement counts on where
            the worker that it replaces stopped, and however many die there are no more files than workers.
    """
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    values.ValueClass = values.MultiProcessValue(process_identifier=lambda: worker)  # type: ignore[no-untyped-call]


def forget_live_values(directory: Path, worker: int) -> None:
    """Takes away what a dead worker said of its present, such as its requests in flight. What it counted stays."""
    mark_process_dead(worker, str(directory))  # type: ignore[no-untyped-call]


def of_all_workers(directory: Path) -> CollectorRegistry:
    """What all workers say together."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(directory))  # type: ignore[no-untyped-call]
    return registry


def expose(registry: CollectorRegistry) -> bytes:
    """Everything in a registry in the Prometheus text format."""
    return generate_latest(_WithoutCreationTimes(registry))


class _WithoutCreationTimes(CollectorRegistry):
    """A registry's metrics without the time at which each series began, which would double their number."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._all = registry

    def collect(self) -> Iterator[Metric]:
        """Called by the exposition."""
        for metric in self._all.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric
