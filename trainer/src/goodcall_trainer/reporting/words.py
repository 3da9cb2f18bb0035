"""Numbers as people read them."""

import math
from collections.abc import Sequence


def number(value: float) -> str:
    """Three digits that count: `0.0312`, `12.5`, `8,192`, `1.00e-06`; whole numbers from 10 on as they are."""
    if 100 <= abs(value) < 1e15 or (10 <= abs(value) < 100 and value.is_integer()):
        return f"{value:,.0f}"
    return f"{value:#.3g}"


def plus_minus(mean: float, deviation: float | None) -> str:
    """`0.790 ± 0.012`: both to the same place; the mean alone where there is no deviation or it is 0."""
    if not deviation:
        return number(mean)
    places = 1 - math.floor(math.log10(deviation))
    if not 0 <= places <= 4:
        return f"{number(mean)} ± {number(deviation)}"
    places = min(places, 3)
    return f"{mean:,.{places}f} ± {deviation:.{places}f}"


def percent(share: float) -> str:
    """`97 %`, and `0.3 %` where whole percents would say too little; `< 0.1 %` is not nothing."""
    if 0 < abs(share) < 0.0005:
        return "< 0.1 %"
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
