"""Where recipes are: in this distribution, by their names, and in files of one's own."""

from importlib import resources
from pathlib import Path

from goodcall_trainer.recipe.unusable import RecipeUnusable, nearest

_SHIPPED = resources.files("goodcall_trainer") / "recipes"
_SUFFIX = ".toml"


def shipped_names() -> list[str]:
    """The names of the recipes in this distribution, sorted."""
    return sorted(entry.name.removesuffix(_SUFFIX) for entry in _SHIPPED.iterdir() if entry.name.endswith(_SUFFIX))


def read_file(name: str, beside: Path | None = None) -> tuple[str, str, Path | None]:
    """How a recipe's file is called in messages, its text, and its folder where it is a file of one's own.

    `name` is a shipped name, or the path of a TOML file, relative to the folder `beside` if there is one.

    Raises:
        RecipeUnusable: there is neither, or the file can't be read.
    """
    if not name.endswith(_SUFFIX):
        return _shipped(name)
    path = (beside or Path()) / name
    try:
        return str(path), path.read_text(encoding="utf-8"), path.parent
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeUnusable(f"{path} can't be read: {getattr(error, 'strerror', None) or error}") from None


def _shipped(name: str) -> tuple[str, str, None]:
    names = shipped_names()
    if name not in names:
        raise RecipeUnusable(
            f"there is no recipe {name}; the nearest is {nearest(name, names)}. `goodcall-train recipes` lists them; "
            "a recipe of your own is the path of a .toml file"
        )
    return f"{name}{_SUFFIX}", (_SHIPPED / f"{name}{_SUFFIX}").read_text(encoding="utf-8"), None
