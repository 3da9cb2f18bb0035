"""API keys: how one looks, what is kept of it, and whose it is.

A file of keys holds one a line, or one fact about a team::

    # made by `goodcall keys create`; to take a key away, delete its line
    sha256:<64 hexadecimal digits> team=blue name=trainer-1
    sha256:<64 hexadecimal digits> role=operator name=prometheus
    team blue share=2 max_completions_in_flight=20000

Only digests are kept. A key is 32 random bytes, so its plain SHA-256 can't be guessed back. This module reads and
writes text; it opens no file and knows no request.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PREFIX = "goodcall_"
"""What every key begins with, so that people and secret scanners know one when they see it."""
_RANDOM_BYTES = 32
KEY_LENGTH = len(PREFIX) + 2 * _RANDOM_BYTES
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What teams and keys may be called. Metrics carry a team's name."""
NAME_RULE = "a name has 1 to 64 letters, digits, dots, dashes and underscores, a letter or digit first"

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_COUNT = re.compile(r"[1-9][0-9]{0,8}")
_OPERATOR = "operator"


class InvalidKeys(Exception):
    """A file of keys can't be used as it is; the message says which line and why, and never what the line holds."""


@dataclass(frozen=True, slots=True)
class Team:
    """Who sends requests, and how much of the service it may have.

    Args:
        name: as in the file of keys.
        share: its weight among the teams that are active at the same time.
        max_completions_in_flight: a bound of its own, in each worker; None for the share alone.
    """

    name: str
    share: int = 1
    max_completions_in_flight: int | None = None


EVERYONE = Team("everyone")
"""The one team of a service without keys."""


@dataclass(frozen=True, slots=True)
class Key:
    """What is kept of a key; one without a team is an operator's."""

    digest: bytes
    team: str | None
    name: str = ""

    @property
    def line(self) -> str:
        """The key as a line of a file."""
        whose = f"role={_OPERATOR}" if self.team is None else f"team={self.team}"
        return f"sha256:{self.digest.hex()} {whose}{self.name and f' name={self.name}'}"


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys in force, and the teams that have one or are told something about."""

    keys: tuple[Key, ...]
    teams: Mapping[str, Team]

    def find(self, token: str) -> Key | None:
        """The key that a caller has shown; None when it is none of these.

        Takes as long whichever key it is, and no longer for a long token than for a short one.
        """
        if len(token) != KEY_LENGTH:
            return None
        shown = hashlib.sha256(token.encode()).digest()
        found = None
        for key in self.keys:
            if hmac.compare_digest(key.digest, shown):
                found = key
        return found


def new_token() -> str:
    """A fresh key, to be shown to its owner once."""
    return PREFIX + secrets.token_hex(_RANDOM_BYTES)


def key_of(token: str, team: str | None, name: str = "") -> Key:
    """What is to be kept of a token; None as the team makes it an operator's."""
    return Key(hashlib.sha256(token.encode()).digest(), team, name)


def parse_keys(text: str) -> KeyRing:
    """The keys in a file's text.

    Raises:
        InvalidKeys: a line can't be read, two say the same thing twice, or there is no key at all. A file that is
            being written can look like that, and nobody should be locked out by it.
    """
    keys: dict[bytes, Key] = {}
    teams: dict[str, Team] = {}
    for number, line in enumerate(text.splitlines(), 1):
        first, *rest = line.partition("#")[0].split() or [""]
        try:
            if first == "team":
                team = _read_team(rest)
                _refuse_twice(team.name in teams)
                teams[team.name] = team
            elif first:
                key = _read_key(first, rest)
                _refuse_twice(key.digest in keys)
                keys[key.digest] = key
        except InvalidKeys as error:
            raise InvalidKeys(f"line {number}: {error}") from None
    if not keys:
        raise InvalidKeys("there is no key in it; make one with `goodcall keys create`")
    plain = {key.team: Team(key.team) for key in keys.values() if key.team is not None}
    return KeyRing(tuple(keys.values()), plain | teams)


def _refuse_twice(known: bool) -> None:
    if known:
        raise InvalidKeys("an earlier line is about the same key or team")


def _read_key(digest: str, words: Iterable[str]) -> Key:
    found = _DIGEST.fullmatch(digest)
    if not found:
        raise InvalidKeys("it begins neither with sha256: and 64 hexadecimal digits in lower case nor with team")
    fields = _read_fields(words, known=("team", "role", "name"))
    if fields.keys() & {"team", "role"} not in ({"team"}, {"role"}) or fields.get("role", _OPERATOR) != _OPERATOR:
        raise InvalidKeys(f"a key has either team=NAME or role={_OPERATOR}")
    names = [value for field, value in fields.items() if field != "role"]
    if not all(map(NAME.fullmatch, names)):
        raise InvalidKeys(NAME_RULE)
    return Key(bytes.fromhex(found[1]), fields.get("team"), fields.get("name", ""))


def _read_team(words: list[str]) -> Team:
    name, *rest = words or [""]
    if not NAME.fullmatch(name):
        raise InvalidKeys(NAME_RULE)
    fields = _read_fields(rest, known=("share", "max_completions_in_flight"))
    if not all(_COUNT.fullmatch(value) for value in fields.values()):
        raise InvalidKeys("share and max_completions_in_flight are whole numbers from 1 on")
    return Team(name, **{field: int(value) for field, value in fields.items()})


def _read_fields(words: Iterable[str], known: tuple[str, ...]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in known or name in fields:
            raise InvalidKeys(f"after its first part it may have {', '.join(known)}, each once, as name=value")
        fields[name] = value
    return fields
