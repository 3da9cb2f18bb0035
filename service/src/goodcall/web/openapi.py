"""The service's OpenAPI document, made from the app: FastAPI's part, and the wire's shapes from msgspec.

``python -m goodcall.web.openapi`` prints the document as YAML, for the copy that the repository keeps.
"""

import sys
from http import HTTPStatus
from typing import Any

import msgspec
import yaml
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

import goodcall
from goodcall.reasons import Reason
from goodcall.rewards import CATALOGUE
from goodcall.web.auth import OPEN_PATHS
from goodcall.web.lines import DIGEST_HEADER, NDJSON, REWARD_HEADER, LineProblem
from goodcall.web.problems import PROBLEM_JSON, Problem, ProblemCode
from goodcall.web.settings import Settings
from goodcall.web.wire import ScoreRequest, ScoreResponse

_REFERENCE = "#/components/schemas/{name}"
_LINE_OPTIONS = {
    "reward": "`family/variant@version`; without the version, the newest one",
    "assistant_prefix": "text that the chat template put before each completion",
    "explain": "whether each verdict carries its detail",
}
_DESCRIPTION = """\
Goodcall judges tool calls that a policy wrote: one verdict a completion, with a score and a reason.

A bad completion is a verdict, never an error. A score of null means that the task itself is unusable.
Clients must ignore response fields that they don't know; requests with unknown fields are refused.
Integers are written without a fraction: 3, not 3.0.

A service may have keys in force. `/score` needs a team's key then and `/metrics` an operator's; the rest is open.
"""
_TAGS = {
    "scoring": ("Completions to verdicts.", ("/score",)),
    "catalogue": ("What can be asked for.", ("/rewards", "/rewards/{family}/{variant}", "/limits")),
    "operation": ("For those who run a service.", ("/livez", "/readyz", "/version", "/metrics")),
}
_PROBLEMS = {
    "/score": (
        ProblemCode.INVALID_JSON,
        ProblemCode.INVALID_REQUEST,
        ProblemCode.UNKNOWN_FIELD,
        ProblemCode.UNKNOWN_REWARD,
        ProblemCode.UNSUPPORTED_COMPLETION,
        ProblemCode.LIMIT_EXCEEDED,
        ProblemCode.BODY_TOO_LARGE,
        ProblemCode.UNSUPPORTED_MEDIA_TYPE,
    ),
    "/rewards/{family}/{variant}": (ProblemCode.REWARD_NOT_FOUND,),
    "/readyz": (ProblemCode.NOT_READY,),
}
"""What an operation answers beside what any may; the codes of one status stand together."""
_REWARD_NAMES = sorted({name for reward in CATALOGUE.values() for name in (reward.id, reward.name)})
_REWARD_NAME = {"$ref": _REFERENCE.format(name="RewardName")}
_SECURITY_SCHEMES = {
    "BearerKey": {"type": "http", "scheme": "bearer", "description": "A key of the service, where it has keys."},
    "HeaderKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "The same in another header."},
}


def build_openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of an app."""
    document = get_openapi(
        title="Goodcall",
        version=goodcall.__version__,
        description=_DESCRIPTION,
        contact={"name": "The maintainers of Goodcall"},
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        tags=[{"name": tag, "description": words} for tag, (words, _) in _TAGS.items()],
        servers=[{"url": "/", "description": "The service that shows this document."}],
        routes=app.routes,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(_wire_schemas())
    schemas["Problem"] = Problem.model_json_schema(ref_template=_REFERENCE.replace("{name}", "{model}"))
    schemas.update(schemas["Problem"].pop("$defs"))
    document["components"]["securitySchemes"] = _SECURITY_SCHEMES
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["tags"] = [tag for tag, (_, paths) in _TAGS.items() if path in paths]
            _report_problems(operation, _PROBLEMS.get(path, ()))
            _describe_keys(operation, needed=path not in OPEN_PATHS)
    _describe_score(document["paths"]["/score"]["post"])
    _describe_path_of_reward(document["paths"]["/rewards/{family}/{variant}"]["get"])
    document["paths"]["/metrics"]["get"]["responses"]["200"]["content"] = {"text/plain": {"schema": {"type": "string"}}}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def _wire_schemas() -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components((ScoreRequest, ScoreResponse, LineProblem), ref_template=_REFERENCE)
    # Not an enum: a client made from it would refuse the verdicts of a later version.
    del schemas["Reason"]
    sentences = "\n".join(f"- `{reason.value}`: {reason.hint}" for reason in Reason)
    schemas["Verdict"]["properties"]["reason"] = {
        "type": "string",
        "description": f"A code from a closed list, which later versions may extend:\n{sentences}",
    }
    schemas["RewardName"] = {"type": "string", "enum": _REWARD_NAMES, "description": "Every name that is known here."}
    schemas["ScoreRequest"]["properties"]["reward"] |= _REWARD_NAME
    del schemas["ScoreRequest"]["properties"]["reward"]["type"]
    schemas["LineProblem"]["properties"]["problem"] = {"$ref": _REFERENCE.format(name="Problem")}
    return schemas


def _report_problems(operation: dict[str, Any], codes: tuple[ProblemCode, ...]) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    for status in sorted({code.status for code in codes}):
        responses[str(int(status))] = _problem(_words(status, codes))
    responses["4XX"] = _problem("Any other request that can't be served as it is (RFC 9457)")
    responses["default"] = _problem("A problem (RFC 9457)")


def _words(status: HTTPStatus, codes: tuple[ProblemCode, ...]) -> str:
    return "; ".join(f"`{code}`: {code.headline}" for code in codes if code.status == status)


def _describe_path_of_reward(operation: dict[str, Any]) -> None:
    examples = {"family": "tool_n1", "variant": "hardened@1"}
    for parameter in operation["parameters"]:
        parameter["example"] = examples[parameter["name"]]


def _problem(words: str, **headers: str) -> dict[str, Any]:
    content = {PROBLEM_JSON: {"schema": {"$ref": _REFERENCE.format(name="Problem")}}}
    described = {name.replace("_", "-"): _header(meaning) for name, meaning in headers.items()}
    return {"description": words, **({"headers": described} if described else {}), "content": content}


def _describe_keys(operation: dict[str, Any], *, needed: bool) -> None:
    operation["security"] = []
    if needed:
        # With nothing last: a service without keys asks for none.
        operation["security"] = [*({name: []} for name in _SECURITY_SCHEMES), {}]
        operation["responses"]["401"] = _problem(
            "The request shows no key that is in force", WWW_Authenticate="How to show one."
        )
        operation["responses"]["403"] = _problem("The key is for other things")


def _describe_score(operation: dict[str, Any]) -> None:
    operation["parameters"] = [_option(name, words) for name, words in _LINE_OPTIONS.items()]
    operation["requestBody"] = {
        "required": True,
        "content": {"application/json": _schema("ScoreRequest"), NDJSON: _schema("Item")},
    }
    operation["responses"]["200"] = {
        "description": "One verdict for each completion, in order; one line for each line",
        "headers": {
            REWARD_HEADER: _header(f"With `{NDJSON}`: the full id of the reward that judges."),
            DIGEST_HEADER: _header(f"With `{NDJSON}`: the digest of that version of the reward."),
        },
        "content": {"application/json": _schema("ScoreResponse"), NDJSON: _schema("ItemVerdicts", "LineProblem")},
    }
    operation["responses"]["429"] = _problem(
        "The team has as much in flight as it may have", Retry_After="Seconds to wait before sending it again."
    )
    operation["responses"]["503"] = _problem(
        "The service has no room left, or took longer than a request may take",
        Retry_After="Seconds to wait before sending it again.",
    )


def _schema(*names: str) -> dict[str, Any]:
    references = [{"$ref": _REFERENCE.format(name=name)} for name in names]
    return {"schema": references[0] if len(references) == 1 else {"anyOf": references}}


def _option(name: str, words: str) -> dict[str, Any]:
    schema = {"reward": _REWARD_NAME, "explain": {"type": "boolean"}}.get(name, {"type": "string"})
    return {"name": name, "in": "query", "description": f"With `{NDJSON}`: {words}.", "schema": schema}


def _header(words: str) -> dict[str, Any]:
    return {"description": words, "schema": {"type": "string"}}


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, which people can read and diff."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


def to_yaml(document: dict[str, Any]) -> str:
    """A document as YAML, in its own order."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


if __name__ == "__main__":
    from goodcall.web.app import create_app

    sys.stdout.write(to_yaml(build_openapi(create_app(Settings()))))
