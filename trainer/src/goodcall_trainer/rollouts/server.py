"""Waiting for a vLLM server that somebody else starts."""

import time
from collections.abc import Callable

import httpx

from goodcall_trainer.run.stop import ENVIRONMENT, RunStopped

_PROBE_TIMEOUT_S = 5.0


class SamplerUnavailable(RunStopped):
    """The vLLM server can't be reached, has gone away, or was started without something that is needed."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, exit_code=ENVIRONMENT)


def wait_until_healthy(
    url: str,
    *,
    deadline_s: float,
    pause_s: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Returns when `GET {url}/health` answers 200; asks every `pause_s` seconds.

    vLLM listens before its engine is ready, and after its engine has died; both answer with something else than 200.

    Raises:
        SamplerUnavailable: It has not been healthy within `deadline_s`; the reason has the last thing that was seen.
    """
    ends_at = clock() + deadline_s
    with httpx.Client(timeout=_PROBE_TIMEOUT_S, trust_env=False) as http:
        while True:
            seen = _health(http, url)
            if seen is None:
                return
            if clock() + pause_s > ends_at:
                raise SamplerUnavailable(
                    f"the vLLM server at {url} was not healthy within {deadline_s:g} s: GET /health {seen}. Start it, "
                    "look at its log, or give it longer with vllm_server_timeout."
                )
            sleep(pause_s)


def _health(http: httpx.Client, url: str) -> str | None:
    """None when healthy, and otherwise what happened, as the end of a sentence."""
    try:
        status = http.get(f"{url}/health").status_code
    except httpx.HTTPError as fault:
        return f"failed ({type(fault).__name__}: {fault})"
    return None if status == 200 else f"answered {status}"
