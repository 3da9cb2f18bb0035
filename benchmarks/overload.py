"""What becomes of a service that is asked for ten times what it can do: ``python -m benchmarks.overload``.

Waits are wall time, of a service with one worker and of a load from a process of its own, so a quiet machine with two
cores is the least that it needs. The requests are dear for their length: with explanations, where Python judges
every completion, so that ten times the capacity still fits through loopback.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.corpus_statistics import percentile
from benchmarks.document import goals_table, machine, table
from benchmarks.goals import Goal
from benchmarks.open_loop import Answers, Load, answers_to, concatenated, sending
from benchmarks.raw_client import RawClient
from benchmarks.servers import GOODCALL, Server, serving
from goodcall.web.keys import key_of, new_token

COMPLETIONS = 1024
"""Of one request, as many as the client puts into one."""
CALM_COMPLETIONS = 256
"""Of one request of the team whose p99 is watched."""
FACTOR = 10
CALM_SHARE = 0.2
"""Of the capacity; what that team sends."""
FULL_SPEED = 0.9
"""Of the capacity; from there on the service has recovered."""

_REPORT = """\
# Ten times too much

Written by `make overload`, on {machine}. Waits are wall time. The service has one worker and its default settings; the
load comes from another process that sends on whether or not it is answered, so its queue can't hide in the client.

{goals}

{loads}

A request holds {completions} completions and asks for explanations, so that Python judges each of them: {capacity} such
requests a second is what the service does one after the other, its capacity. The calm team sends requests of
{calm_completions}, {calm_share} of the capacity in all; its share beside the greedy team would be half of it, and so
would the greedy team's, which sends ten times that. `/livez` was asked {probes} times during the flood, and memory was
{memory} MB.
"""

_GROUP = 8
_PROBE_EVERY_S = 0.02
_WINDOW_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Overload:
    """What was seen, of one service."""

    capacity_per_s: float
    """Requests a second, one after the other."""
    flood: Answers
    probes_s: Sequence[float]
    memory_bytes: Sequence[int]
    """Looks during the flood, in order."""
    recovered_s: float
    """From the last request of the flood to full speed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """A calm team's answers while it is alone, and beside a team that sends ten times its share."""

    alone: Answers
    beside: Answers
    greedy: Answers


def measure_overload(seconds: float) -> Overload:
    """Floods a service for so long."""
    body = make_body(COMPLETIONS)
    with serving(GOODCALL) as server:
        capacity = _capacity(server.url, body, seconds / 3)
        with sending(server.url, Load(body=body, per_s=capacity * FACTOR, seconds=seconds)) as sent:
            probes_s, memory = [], []
            with RawClient(server.url) as client:
                while not sent.wait_s(_PROBE_EVERY_S):
                    probes_s.append(_probe_s(client))
                    memory.append(server.memory_bytes())
            recovered_s = _recovered_s(server.url, body, capacity)
            flood = sent.answers()
    return Overload(
        capacity_per_s=capacity, flood=flood, probes_s=probes_s, memory_bytes=memory, recovered_s=recovered_s
    )


def measure_neighbours(seconds: float, rounds: int) -> Neighbours:
    """A calm team by itself and beside a greedy one, turn by turn."""
    body, calm_body = make_body(COMPLETIONS), make_body(CALM_COMPLETIONS)
    tokens = {"calm": new_token(), "greedy": new_token()}
    with tempfile.NamedTemporaryFile("w", suffix=".keys") as keys:
        keys.write("".join(f"{key_of(token, team).line}\n" for team, token in tokens.items()))
        keys.flush()
        with serving((*GOODCALL, "--keys-file", keys.name)) as server:
            capacity = _capacity(server.url, body, seconds / 2, tokens["calm"])
            calm_per_s = capacity * CALM_SHARE * COMPLETIONS / CALM_COMPLETIONS
            calm = Load(body=calm_body, per_s=calm_per_s, seconds=seconds, token=tokens["calm"])
            share = capacity / len(tokens)
            greedy = Load(body=body, per_s=share * FACTOR, seconds=seconds + 2, token=tokens["greedy"])
            found = [_beside(server, calm, greedy) for _ in range(rounds)]
    alone, beside, greedy_answers = zip(*found, strict=True)
    return Neighbours(alone=concatenated(alone), beside=concatenated(beside), greedy=concatenated(greedy_answers))


def _beside(server: Server, calm: Load, greedy: Load) -> tuple[Answers, Answers, Answers]:
    alone = answers_to(server.url, calm)
    with sending(server.url, greedy) as sent:
        time.sleep(1)
        beside = answers_to(server.url, calm)
        return alone, beside, sent.answers()


def make_body(completions: int) -> bytes:
    """A request for explanations; half of its completions are wrong in an argument."""
    return json.dumps({"explain": True, "items": list(_items(completions // _GROUP))}).encode()


def _items(groups: int) -> Iterator[dict[str, object]]:
    types = {"city": "string", "days": "integer", "units": "array"}
    properties = {name: {"type": kind} for name, kind in types.items()}
    tool = {"name": "get_weather", "parameters": {"type": "object", "properties": properties, "required": ["city"]}}
    for number in range(groups):
        right, wrong = (
            [{"name": "get_weather", "arguments": {"city": city, "days": number, "units": ["C", "F"]}}]
            for city in ("Oslo", "Rome")
        )
        texts = [
            f"<think>{'They ask. ' * 10}</think><tool_call>{json.dumps(calls)}</tool_call>" for calls in (right, wrong)
        ]
        yield {"tools": [tool], "ground_truth": right, "completions": texts * (_GROUP // 2)}


def _capacity(url: str, body: bytes, seconds: float, token: str | None = None) -> float:
    """Requests a second that are answered one after the other; the median of windows, the first left out."""
    with RawClient(url, token=token) as client:
        ends = time.perf_counter() + seconds
        rates = []
        while time.perf_counter() < ends:
            rates.append(_rate_per_s(client, body))
    return statistics.median(rates[1:] or rates)


def _rate_per_s(client: RawClient, body: bytes) -> float:
    started, answered = time.perf_counter(), 0
    while (took_s := time.perf_counter() - started) < _WINDOW_S:
        client.post(body)
        answered += 1
    return answered / took_s


def _recovered_s(url: str, body: bytes, capacity_per_s: float) -> float:
    started = time.perf_counter()
    while True:
        window = time.perf_counter()
        # Refused, as long as the last of the flood are being scored.
        with suppress(RuntimeError), RawClient(url) as client:
            if _rate_per_s(client, body) >= capacity_per_s * FULL_SPEED:
                return window - started


def _probe_s(client: RawClient) -> float:
    started = time.perf_counter()
    client.get("/livez")
    return time.perf_counter() - started


def goals(overload: Overload, neighbours: Neighbours) -> Iterator[Goal]:
    """Every goal with what was seen."""
    flood, memory = overload.flood, overload.memory_bytes
    third = len(memory) // 3
    yield Goal("accepted requests under ten times the capacity, p99", 1000, flood.accepted_ms(99), " ms")
    yield Goal("answers under it that are neither 200 nor 429 with Retry-After", 0, flood.others)
    yield Goal("`/livez` under it, p99", 100, percentile(overload.probes_s, 99) * 1e3, " ms")
    yield Goal("memory in the last third of it / in the first", 1.05, max(memory[-third:]) / max(memory[:third]))
    yield Goal("from the end of it to full speed", 2, overload.recovered_s, " s")
    moved = neighbours.beside.accepted_ms(99) / neighbours.alone.accepted_ms(99)
    yield Goal("a calm team's p99 beside a team at ten times its share / alone", 2, moved)
    refused = len(neighbours.beside.refused_s) + neighbours.beside.others
    yield Goal("requests of the calm team that were refused", 0, refused)


def write(overload: Overload, neighbours: Neighbours) -> str:
    """The report in Markdown."""
    loads = {
        "the flood": overload.flood,
        "the calm team alone": neighbours.alone,
        "the calm team beside": neighbours.beside,
        "the greedy team": neighbours.greedy,
    }
    head = ("load", "a second", "sent", "accepted", "refused", "p50, ms", "p99, ms")
    megabytes = [look / 1e6 for look in overload.memory_bytes]
    return _REPORT.format(
        machine=machine(),
        goals=goals_table(goals(overload, neighbours)),
        loads=table(head, (_row(name, answers) for name, answers in loads.items())),
        capacity=f"{overload.capacity_per_s:.0f}",
        completions=f"{COMPLETIONS:,}",
        calm_completions=CALM_COMPLETIONS,
        calm_share=f"{CALM_SHARE:.0%}".replace("%", " %"),
        probes=f"{len(overload.probes_s):,}",
        memory=f"{min(megabytes):.0f} to {max(megabytes):.0f}",
    )


def _row(name: str, answers: Answers) -> tuple[str, ...]:
    counts = (answers.sent, len(answers.accepted_s), len(answers.refused_s))
    waits = (f"{answers.accepted_ms(percent):.0f}" for percent in (50, 99))
    return (name, f"{answers.sent / answers.sending_s:.0f}", *(f"{count:,}" for count in counts), *waits)


def main() -> None:
    """Prints the report, or writes it; exits with 0 whether or not goals are met, since machines differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a quarter of the time, and rougher figures")
    parser.add_argument("--into", type=Path, metavar="FILE", help="where the report goes instead of the terminal")
    arguments = parser.parse_args()
    seconds = 5.0 if arguments.quick else 20.0
    report = write(measure_overload(seconds), measure_neighbours(seconds / 2, rounds=1 if arguments.quick else 4))
    if arguments.into:
        arguments.into.write_text(report, encoding="utf-8")
    else:
        sys.stdout.write(report)


if __name__ == "__main__":
    main()
