"""The service that judges a run: the one that was named, or one of the run's own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from goodcall_client import AsyncClient, Client
from goodcall_trainer.run.stop import USAGE, RunStopped
from goodcall_trainer.service_process import service_command, service_process
from goodcall_trainer.training.job import Job


@contextmanager
def service_for(job: Job) -> Iterator[str]:
    """The URL of the service for as long as the block; processes other than the first get an empty one.

    Raises:
        ServiceNotStarted: one of the run's own could not be started.
        RunStopped: the run is on several machines, and none was named.
    """
    if job.url is not None:
        yield job.url
    elif not job.environment.one_machine:
        raise RunStopped("on several machines the service must be named: --url http://…", exit_code=USAGE)
    elif not job.environment.first:
        yield ""
    else:
        with service_process(service_command(), job.out / "service.log") as url:
            yield url


def shared_url(job: Job, url: str) -> str:
    """The first process's URL, on all of them; call it when torch.distributed is set up."""
    if job.url is not None or job.environment.world_size == 1:
        return url
    from accelerate.utils import broadcast_object_list  # noqa: PLC0415 - takes seconds

    told = [url]
    broadcast_object_list(told)
    return told[0]


def digest_of(job: Job, url: str) -> str:
    """The digest of the recipe's reward. An unknown reward or an unusable service shows here, before any training.

    Raises:
        GoodcallError: there is no such reward, or no answer until the recipe's deadline.
    """
    reward = job.recipe.reward
    with Client(url, api_key=job.environment.api_key, deadline_s=reward.deadline_s) as client:
        return client.score([], reward=reward.id).digest


def async_client(job: Job, url: str) -> AsyncClient:
    """The client of the reward function."""
    return AsyncClient(url, api_key=job.environment.api_key, deadline_s=job.recipe.reward.deadline_s)


def close(client: AsyncClient, trainer: Any) -> None:
    """Its connections belong to the loop on which TRL awaits reward functions."""
    asyncio.run_coroutine_threadsafe(client.aclose(), trainer.async_loop).result(timeout=5)
