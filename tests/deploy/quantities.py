"""Kubernetes' way to write amounts."""

_FACTORS = {"": 1, "m": 1e-3, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "k": 1e3, "M": 1e6, "G": 1e9}


def amount(quantity: str | int) -> float:
    """The number that a quantity stands for: bytes of memory, cores of CPU.

    Raises:
        KeyError: it has a unit that is none.
    """
    text = str(quantity)
    digits = text.rstrip("mKMGTik")
    return float(digits) * _FACTORS[text[len(digits) :]]
