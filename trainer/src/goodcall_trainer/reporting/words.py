"""Numbers as people read them."""

from collections.abc import Sequence


def number(value: float) -> str:
    """Three digits that count, and thousands in full: `0.0312`, `12.5`, `8,192`."""
    if abs(value) >= 1000:
        return f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.3g}"
    return f"{value:.3g}"


def percent(share: float) -> str:
    """`97 %`, and `0.3 %` where whole percents would say too little."""
    return f"{100 * share:.0f} %" if share == 0 or abs(share) >= 0.1 else f"{100 * share:.1f} %"


def duration(seconds: float) -> str:
    """`48 s`, `12 min`, `3.4 h`, `2.1 days`: the unit that fits."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


def listed(items: Sequence[object], most: int) -> str:
    """The first few, and an ellipsis for more."""
    return ", ".join(map(str, items[:most])) + (" …" if len(items) > most else "")
