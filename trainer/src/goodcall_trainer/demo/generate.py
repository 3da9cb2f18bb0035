"""Made-up tool-calling tasks: seeded, without repeats, held out by query.

A task lists two tools, one of which fits. "Held out" means query strings that occur nowhere else; phrasings,
values and tools are the same everywhere, so a held-out score says nothing about new tools. Every task wants exactly
one call. Tasks with two calls would nearly double the longest completion of a batch, which the time of a step depends
on, and tasks that no tool fits would take a policy this small longer to learn than the demo may last.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from goodcall_trainer.demo.catalogue import CATALOGUE, CatalogueTool
from goodcall_trainer.row import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """Three lists of rows with no query in common."""

    sft: tuple[Row, ...]
    """For the demonstrations, and the tokenizer."""
    grpo: tuple[Row, ...]
    """For the rollouts."""
    heldout: tuple[Row, ...]
    """For measuring, never for training."""


def generate_splits(*, seed: int, sft: int, grpo: int, heldout: int) -> Splits:
    """As many rows of each split as asked for; the same seed gives the same rows."""
    rows = unique_rows(random.Random(seed))
    return Splits(
        heldout=tuple(next(rows) for _ in range(heldout)),
        grpo=tuple(next(rows) for _ in range(grpo)),
        sft=tuple(next(rows) for _ in range(sft)),
    )


def unique_rows(rng: random.Random) -> Iterator[Row]:
    """Rows without end, no query twice, each tool equally often asked for.

    The catalogue has some fifty thousand queries, at least four thousand for each tool; asking
    for more than a tool has would not return.
    """
    seen: set[str] = set()
    while True:
        tool = CATALOGUE[len(seen) % len(CATALOGUE)]
        query, arguments = _ask(tool, rng)
        if query in seen:
            continue
        seen.add(query)
        other = rng.choice([candidate for candidate in CATALOGUE if candidate is not tool])
        listed = rng.sample((tool, other), k=2)
        yield Row(
            id=f"row-{len(seen)}",
            source="made-up",
            messages=({"role": "user", "content": query},),
            tools=tuple(entry.definition() for entry in listed),
            ground_truth=({"name": tool.name, "arguments": arguments},),
        )


def _ask(tool: CatalogueTool, rng: random.Random) -> tuple[str, dict[str, str | int]]:
    arguments: dict[str, str | int] = {}
    for name, values in tool.values.items():
        # A train from Oslo to Oslo would make a swap of the two arguments invisible.
        arguments[name] = rng.choice([value for value in values if value not in arguments.values()])
    return rng.choice(tool.phrasings).format(**arguments), arguments
