"""Arguments and options that several commands have, named and explained once."""

from typing import Annotated, TypeAlias

import typer

InputFile: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="JSON lines, gzipped or not, or Parquet; - is standard input.", show_default=False
    ),
]
RewardId: TypeAlias = Annotated[
    str, typer.Option(help="A reward of the catalogue; without @version the newest. See `goodcall rewards`.")
]
AssistantPrefix: TypeAlias = Annotated[
    str,
    typer.Option(metavar="TEXT", help="What the chat template put before each completion, such as `<think>`."),
]
Workers: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Processes that share the work.",
        show_default="one a CPU, and a single one for small files",
    ),
]
IgnoreUnknown: TypeAlias = Annotated[
    bool, typer.Option("--ignore-unknown", help="Pass over fields that an item does not have, instead of stopping.")
]
JSONSummary: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print the summary as one JSON object on standard output.")
]
