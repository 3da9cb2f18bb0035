"""What a client is made with, checked: what cannot work is a ValueError at once, and no message holds the API key."""

from typing import get_args

import httpx

from ._types import OnUnavailable


def headers(version: str, api_key: str | None) -> dict[str, str]:
    """What every request says of its sender."""
    fields = {"Accept": "application/json", "User-Agent": f"goodcall-client/{version}"}
    if api_key is None:
        return fields
    # Refused here, because an HTTP library that refuses it later quotes it.
    if not api_key or not all("!" <= character <= "~" for character in api_key):
        raise ValueError("api_key must be visible ASCII characters without spaces, and at least one")
    return {**fields, "Authorization": f"Bearer {api_key}"}


def checked_url(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise ValueError(f"base_url is no URL: {error}") from error
    if url.userinfo or url.query or url.fragment:
        raise ValueError("base_url must have no user name, query or fragment; a key is passed as api_key")
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError(f"base_url is {base_url!r}: http:// or https:// and a host are wanted")
    return url


def at_least_one(**settings: int) -> None:
    for name, value in settings.items():
        if value < 1:
            raise ValueError(f"{name} is {value}: it must be at least 1")


def above_zero(**settings: float) -> None:
    for name, value in settings.items():
        if not value > 0:  # written this way round, NaN is refused too
            raise ValueError(f"{name} is {value}: it must be above 0 seconds")


def one_of_the_choices(on_unavailable: str) -> None:
    choices = get_args(OnUnavailable)
    if on_unavailable not in choices:
        raise ValueError(f"on_unavailable is {on_unavailable!r}: {' or '.join(map(repr, choices))} is wanted")
