"""One row of a dataset at a time: is it sound, and does any completion earn its reward?

What soundness means is not said again here: the right completion is written out and scored, and only where it does
not score 1 is the row looked into.
"""

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import jsonschema_rs
import msgspec

from goodcall.bulk.item_rows import read_fields
from goodcall.bulk.rows import Row
from goodcall.cli.audit_findings import AuditFinding, Kind, found
from goodcall.cli.audit_toolrl import TOOLRL_FIELDS, find_toolrl_row, read_toolrl_row
from goodcall.errors import MalformedInput, UnusableTask
from goodcall.excerpts import excerpt, pointer_token
from goodcall.ground_truth import read_ground_truth
from goodcall.parsing import END_THINK, END_TOOL_CALL, THINK, TOOL_CALL
from goodcall.reasons import Reason
from goodcall.rewards import DEFAULT_REWARD, find_reward
from goodcall.schema_compiler import compile_schema
from goodcall.scoring import Scorer
from goodcall.strict_json import JSONFault, loads
from goodcall.tool_compiler import ToolCompiler
from goodcall.types import JSON, Finding, Place, TaskSource, ToolCall, Verdict

PROMPT_FIELDS = ("prompt", "messages", "query", "question", "instruction", "input", "conversations")
"""Under one of these, datasets keep what the policy is asked; rows that differ there are no duplicates."""
AUDITED_FIELDS = frozenset(("id", "tools", "ground_truth", *PROMPT_FIELDS)) | TOOLRL_FIELDS

_IN_A_STRING = "a list; it is JSON inside a string, so unpack it: jq -c '.{field} |= fromjson'"

_TYPES = "a type of JSON Schema: string, number, integer, boolean, array, object, null"


class AuditedRow(NamedTuple):
    """What one row is found to be, and what comparing it with others takes."""

    number: int
    id: str | None
    findings: list[AuditFinding]
    identity: bytes
    """Equal for rows with the same prompt, tools and ground truth."""
    answer: bytes | None
    """Equal for rows on which the same calls are right; None where none are."""
    answer_text: str
    fields: tuple[str, ...]


def audit_chunk(rows: list[Row]) -> list[AuditedRow]:
    """Each row of a chunk, audited."""
    return [audit_row(row) for row in rows]


def audit_row(row: Row) -> AuditedRow:
    """One row, audited by itself."""
    try:
        fields = read_fields(row.text)
    except MalformedInput:
        malformed = found(Kind.ROW_MALFORMED, line=row.number)
        return AuditedRow(row.number, None, [malformed], _digest(row.text), None, "", ())
    unread: list[AuditFinding] = []
    if toolrl_row := find_toolrl_row(fields):
        read, unread = read_toolrl_row(toolrl_row)
        fields |= read
    row_id = _id(fields.get("id"))
    findings = [msgspec.structs.replace(finding, line=row.number, id=row_id) for finding in unread or _findings(fields)]
    answer = b"" if findings else fields["ground_truth"]
    return AuditedRow(
        row.number,
        row_id,
        findings,
        _identity(fields),
        _digest(_canonical_calls(answer)) if answer else None,
        excerpt(loads(answer.decode())) if answer else "",
        tuple(fields),
    )


def _id(raw: bytes | None) -> str | None:
    """An id as text, whatever it is in JSON."""
    if raw is None or raw == b"null":
        return None
    return str(json.loads(raw)) if raw.startswith(b'"') else raw.decode()


def _findings(fields: dict[str, bytes]) -> Iterator[AuditFinding]:
    source = TaskSource(tools=_given(fields, "tools"), ground_truth=_given(fields, "ground_truth"))
    if source.ground_truth is None:
        yield found(Kind.GROUND_TRUTH_MISSING)
        return
    verdict = _score(perfect_completion(source.ground_truth), source)
    if verdict.score is None:
        yield from _defects(source)
    elif verdict.score != 1:
        yield found(
            Kind.UNREACHABLE,
            pointer="/ground_truth",
            expected="a score of 1",
            got=f"{verdict.score:g} {verdict.reason}",
        )


def _given(fields: dict[str, bytes], name: str) -> bytes | None:
    raw = fields.get(name, b"null")
    return None if raw == b"null" else raw


@cache
def _scorer() -> Scorer:
    """One a process; rows of a dataset seldom share their task."""
    return Scorer(cache_bytes=0)


def _score(completion: str, source: TaskSource) -> Verdict:
    [verdict] = _scorer().score_group([completion], source, find_reward(DEFAULT_REWARD))
    return verdict


def perfect_completion(ground_truth: bytes) -> str:
    """The completion in the form of Tool-N1 that makes exactly the calls of a ground truth."""
    try:
        calls = loads(ground_truth.decode())
    except (JSONFault, UnicodeDecodeError):
        return ""
    if not calls:
        return f"{THINK}No tool fits.{END_THINK}I can't do that with the tools that I have."
    text = json.dumps(calls, ensure_ascii=False)
    return f"{THINK}These calls are right.{END_THINK}{TOOL_CALL}{text}{END_TOOL_CALL}"


def _defects(source: TaskSource) -> Iterator[AuditFinding]:
    """All that is wrong with tools and calls, as far as one can look past the other."""
    toolbox = None
    try:
        toolbox = None if source.tools is None else ToolCompiler().toolbox(source.tools)
    except UnusableTask as error:
        yield _defect(error.finding, "tools", source.tools or b"")
    try:
        ground_truth = read_ground_truth(source.ground_truth)
    except UnusableTask as error:
        yield _defect(error.finding, "ground_truth", source.ground_truth or b"")
        return
    for index in range(len(ground_truth.calls)):
        if toolbox and (fault := toolbox.check(ground_truth, index)):
            kind = {Reason.TOOL_UNKNOWN: Kind.GROUND_TRUTH_TOOL_UNKNOWN}.get(fault.reason, Kind.GROUND_TRUTH_INVALID)
            yield _placed(kind, "ground_truth", _place(fault))


def _defect(finding: Finding, field: str, raw: bytes) -> AuditFinding:
    place = _place(finding)
    if not place.pointer and raw.startswith(b'"'):
        place = Place(pointer="", expected=_IN_A_STRING.format(field=field))
    if finding.reason is Reason.TOOL_SCHEMA_INVALID:
        place = _inside_schema(place, loads(raw.decode()))
    return _placed(Kind[finding.reason.name], field, place)


def _place(finding: Finding) -> Place:
    return finding.place() if finding.place else Place()


def _placed(kind: Kind, field: str, place: Place) -> AuditFinding:
    return found(kind, pointer=f"/{field}{place.pointer or ''}", expected=place.expected, got=place.got)


def _inside_schema(place: Place, tools: JSON) -> Place:
    """The place inside a schema where it first breaks its own metaschema; the schema's own where it does not."""
    schema = tools
    for key in (place.pointer or "").split("/")[1:]:
        schema = schema[int(key)] if isinstance(schema, list) else schema[key]
    try:
        # Not jsonschema_rs.meta, which fetches a draft that it does not know.
        compile_schema(schema)
    except jsonschema_rs.ValidationError as error:
        expected = _TYPES if error.instance_path[-1:] == ["type"] else place.expected
        pointer = (place.pointer or "") + "".join(map(pointer_token, error.instance_path))
        return Place(pointer=pointer, expected=expected, got=excerpt(error.instance))
    except ValueError:
        pass
    return place


def _identity(fields: dict[str, bytes]) -> bytes:
    names = ("tools", "ground_truth", *PROMPT_FIELDS)
    return _digest(*(_canonical(fields.get(name, b"null")) for name in names))


def _digest(*parts: bytes) -> bytes:
    hashed = hashlib.blake2b(digest_size=16)
    for part in parts:
        hashed.update(len(part).to_bytes(8, "big") + part)
    return hashed.digest()


def _canonical(raw: bytes) -> bytes:
    """A JSON text without what plays no part: the order of keys and the space between tokens."""
    try:
        return json.dumps(json.loads(raw), sort_keys=True).encode()
    except (ValueError, RecursionError):
        return raw


def _canonical_calls(ground_truth: bytes) -> bytes:
    calls: list[ToolCall] = read_ground_truth(ground_truth).calls
    return json.dumps(sorted(_call_text(call) for call in calls)).encode()


def _call_text(call: ToolCall) -> str:
    return json.dumps([call.name, _whole_numbers(call.arguments)], sort_keys=True)


def _whole_numbers(value: JSON) -> JSON:
    """The value with numbers written alike that are equal: 1.0 is 1."""
    if isinstance(value, dict):
        return {key: _whole_numbers(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(child) for child in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
