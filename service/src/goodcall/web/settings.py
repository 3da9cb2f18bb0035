"""How the service is configured: defaults, one TOML file, ``GOODCALL_…`` variables, flags, in rising order.

The only place where the environment is read.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from goodcall.scoring import CACHE_BYTES, MAX_COMPLETION_BYTES

ENV_PREFIX = "GOODCALL_"


class InvalidSettings(Exception):
    """A setting is unknown or its value won't do; the message says which, where from and what to do."""


class Settings(BaseSettings):
    """Every setting of the service."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    max_body_bytes: int = Field(64 << 20, gt=0, description="Bytes of a request body; more is refused with 413.")
    max_items: int = Field(16_384, gt=0, description="Items in one request; more is refused with 422.")
    max_completions: int = Field(
        65_536, gt=0, description="Completions in one request, all items together; more is refused with 422."
    )
    max_completion_bytes: int = Field(
        MAX_COMPLETION_BYTES, gt=0, description="Bytes of UTF-8 in one completion; a longer one scores 0 unread."
    )
    cache_bytes: int = Field(
        CACHE_BYTES, ge=0, description="Bytes of task text whose compiled form is kept in memory."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what ``load_settings`` hands in; it has put the sources in order already."""
        return (init_settings, env_settings)


def load_settings(config: Path | None = None, **flags: Any) -> Settings:
    """The settings in force.

    Args:
        config: a TOML file with settings at its top level.
        flags: values from the command line; None means not given.

    Raises:
        InvalidSettings: an unknown key anywhere, a value out of range, or a file that can't be read.
    """
    from_file = _read_file(config) if config else {}
    _refuse_unknown(from_file, f"in {config}")
    from_environment = {
        key.removeprefix(ENV_PREFIX).lower(): value
        for key, value in os.environ.items()
        if key.startswith(ENV_PREFIX)
    }
    _refuse_unknown(from_environment, f"in the environment, as {ENV_PREFIX}…")
    given = {key: value for key, value in flags.items() if value is not None}
    try:
        return Settings(**{**from_file, **from_environment, **given})
    except ValidationError as error:
        raise InvalidSettings(_first_problem(error)) from None


def _read_file(config: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidSettings(f"{config} can't be read as TOML: {error}") from None


def _refuse_unknown(settings: Mapping[str, Any], where: str) -> None:
    known = Settings.model_fields
    for key in settings:
        if key not in known:
            raise InvalidSettings(f"unknown setting {key!r} {where}; {_suggestion(key, known)}")


def _suggestion(key: str, known: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(key, known, n=1)
    return f"did you mean {nearest[0]!r}?" if nearest else f"the settings are {', '.join(known)}"


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    return f"setting {problem['loc'][0]!r}: {problem['msg']}"
