"""How the service is configured: defaults, one TOML file, ``GOODCALL_…`` variables, flags, in rising order.

The only place where the environment is read.
"""

import difflib
import os
import tomllib
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from goodcall.schema_bounds import DEFAULT_BOUNDS
from goodcall.scoring import MAX_COMPLETION_BYTES
from goodcall.task_cache import CACHE_BYTES

ENV_PREFIX = "GOODCALL_"


class Origin(StrEnum):
    """Where a setting's value comes from; a later origin goes before an earlier one."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "env"
    FLAG = "flag"


class LogLevel(StrEnum):
    """The least that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    OFF = "off"


class InvalidSettings(Exception):
    """A setting is unknown or its value won't do; the message says which, where and what to do."""


class Settings(BaseSettings):
    """Every setting of the service."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    workers: int = Field(
        1, ge=1, description="Processes that score; connections go to them in turn. One for each core is right."
    )
    drain_delay_s: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds between the signal that ends the service and the end: it is not ready then, but serves.",
    )
    max_body_bytes: int = Field(64 << 20, gt=0, description="Bytes of a request body; more is refused with 413.")
    max_bytes_in_flight: int = Field(
        256 << 20, gt=0, description="Bytes of request bodies in flight in one worker; more is refused with 429."
    )
    max_requests_in_flight: int = Field(
        1024, gt=0, description="Scoring requests in flight in one worker; more is refused with 429."
    )
    max_headers: int = Field(100, gt=0, description="Headers of a request; more is refused with 431.")
    max_header_bytes: int = Field(
        32 << 10, gt=0, description="Bytes of a request's head, its URL included; more is refused with 431."
    )
    header_timeout_s: float = Field(
        10.0, gt=0, allow_inf_nan=False, description="Seconds that a head may take to come; longer is refused with 408."
    )
    body_timeout_s: float = Field(
        20.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds that a body may take to come, and an answer to be taken; of lines, the next piece of "
        "either. A body that takes longer is refused with 408.",
    )
    max_json_depth: int = Field(
        64,
        gt=0,
        description="Brackets that may be open at once in context.execution; more is refused with 400. Completions, "
        "tools and ground truths are bounded by the verdict itself.",
    )
    key_check_bytes: int = Field(
        4096,
        ge=0,
        description="Bytes of a JSON body up to which a key that an object of the request repeats is refused with 400; "
        "in longer bodies, which are not looked through for it, the last one counts.",
    )
    max_items: int = Field(16_384, gt=0, description="Items in one request; more is refused with 422.")
    max_completions: int = Field(
        65_536, gt=0, description="Completions in one request, all items together; more is refused with 422."
    )
    max_completions_in_flight: int = Field(
        16_384, gt=0, description="Completions in flight in one worker; more is refused with 429."
    )
    max_expected_wait_s: float = Field(
        0.5,
        gt=0,
        allow_inf_nan=False,
        description="Seconds within which all completions in flight in one worker should be scored, as fast as it "
        "went lately; beyond it more is refused with 429, from 4,096 on.",
    )
    max_completion_bytes: int = Field(
        MAX_COMPLETION_BYTES, gt=0, description="Bytes of UTF-8 in one completion; a longer one scores 0 unread."
    )
    max_tools: int = Field(
        DEFAULT_BOUNDS.max_tools, gt=0, description="Tools of one task; with more it has no verdict."
    )
    max_tool_bytes: int = Field(
        DEFAULT_BOUNDS.max_tool_bytes, gt=0, description="Bytes of JSON of one tool; with more its task has no verdict."
    )
    max_schema_nodes: int = Field(
        DEFAULT_BOUNDS.max_schema_nodes,
        gt=0,
        description="JSON values in the parameters of one tool; with more its task has no verdict.",
    )
    max_schema_depth: int = Field(
        DEFAULT_BOUNDS.max_schema_depth,
        gt=0,
        description="Brackets open at once in the parameters of one tool; with more its task has no verdict.",
    )
    max_schema_checks: int = Field(
        DEFAULT_BOUNDS.max_schema_checks,
        gt=0,
        description="Checks of one value by the parameters of one tool, references followed; with more its task has no "
        "verdict.",
    )
    request_deadline_s: float = Field(
        30.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds from the headers of a request to its last verdict, or of a line to its own; what takes "
        "longer is refused with 503.",
    )
    keys_file: Path | None = Field(
        None, description="File of the API keys that requests must show; read anew when it changes."
    )
    no_auth: bool = Field(
        False, description="Whether to listen beyond loopback without keys, because something else guards the port."
    )
    cache_bytes: int = Field(
        CACHE_BYTES,
        ge=0,
        description="Bytes that the tasks kept in memory may be reckoned at, in each worker, all teams together.",
    )
    log_level: LogLevel = Field(
        LogLevel.INFO,
        description="What goes to standard error: `debug` adds probes and scrapes, `info` has a line for each request, "
        "`warning` only what went wrong.",
    )
    otlp_endpoint: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="Base URL of an OpenTelemetry collector (OTLP over HTTP), which then gets a span for each request; "
        "needs `pip install goodcall[otel]`.",
    )

    alarm_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of the tool_n1/hardened requests that are also scored with tool_n1/released, after they are "
        "answered; disagreements are counted in goodcall_alarm_disagreements.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags before the environment before the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(config: Path | None = None, **flags: Any) -> Settings:
    """The settings in force.

    Args:
        config: a TOML file with settings at its top level.
        flags: values from the command line; None means not given.

    Raises:
        InvalidSettings: an unknown key anywhere, a value out of range, or a file that can't be read.
    """
    _refuse_unknown_variables()
    if config and not config.is_file():
        raise InvalidSettings(f"there is no settings file {config}")

    class Configured(Settings):
        model_config = SettingsConfigDict(toml_file=config)

    try:
        return Configured(**{flag: value for flag, value in flags.items() if value is not None})
    except ValidationError as error:
        raise InvalidSettings(_first_problem(error)) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidSettings(f"{config} can't be read as TOML: {error}") from None


def origins(config: Path | None = None, **flags: Any) -> dict[str, Origin]:
    """Where each setting comes from, given what ``load_settings`` has accepted."""
    found = dict.fromkeys(Settings.model_fields, Origin.DEFAULT)
    found |= dict.fromkeys(TomlConfigSettingsSource(Settings, config)(), Origin.FILE)
    found |= dict.fromkeys(EnvSettingsSource(Settings)(), Origin.ENVIRONMENT)
    return found | {flag: Origin.FLAG for flag, value in flags.items() if value is not None}


def _refuse_unknown_variables() -> None:
    """The settings library takes the variables that it knows and is silent about a misspelt one."""
    for variable in os.environ:
        key = variable.removeprefix(ENV_PREFIX).lower()
        if variable.startswith(ENV_PREFIX) and key not in Settings.model_fields:
            raise InvalidSettings(f"unknown variable {variable}; {_suggestion(key, spell=_as_variable)}")


def _as_variable(key: str) -> str:
    return ENV_PREFIX + key.upper()


def _suggestion(key: str, *, spell: Callable[[str], str] = str) -> str:
    known = list(Settings.model_fields)
    nearest = difflib.get_close_matches(key, known, n=1)
    return f"did you mean {spell(nearest[0])}?" if nearest else f"known are {', '.join(map(spell, known))}"


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    key = str(problem["loc"][0])
    if problem["type"] == "extra_forbidden":
        return f"unknown setting {key}; {_suggestion(key)}"
    return f"setting {key}: {problem['msg']}"
