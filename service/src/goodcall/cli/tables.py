"""The one look of all tables: narrow, so that eighty columns hold them, and nothing cut off."""

from rich import box
from rich.table import Table


def plain_table(title: str, *, footer: bool = False) -> Table:
    """An empty table under its title."""
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        show_footer=footer,
    )


def add_text_column(table: Table, heading: str, footer: str = "") -> None:
    """A column of texts, which are folded rather than cut."""
    table.add_column(heading, footer, overflow="fold")


def add_number_column(table: Table, heading: str, footer: str = "") -> None:
    """A column of numbers, which are never folded."""
    table.add_column(heading, footer, justify="right", no_wrap=True)
