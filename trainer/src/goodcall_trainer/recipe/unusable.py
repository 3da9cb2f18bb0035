"""The one error of recipes, and the word for what was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


class RecipeUnusable(Exception):
    """A recipe can't be used; says where and why."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word most like `word`.

    Raises:
        IndexError: nothing is known.
    """
    return get_close_matches(word, list(known), n=1, cutoff=0.0)[0]
