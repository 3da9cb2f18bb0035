"""Tools of any dialect, normalised to name, description and JSON Schema, with a report of what could not be kept.

Tools that are in JSON Schema already pass through untouched, whatever wraps them. Compiling schemas, and refusing bad
ones, is not done here.
"""

from dataclasses import dataclass
from enum import StrEnum

from goodcall.dialects.fault import DialectFault, MalformedTools
from goodcall.dialects.losses import Loss
from goodcall.dialects.tagged_blocks import find_blocks
from goodcall.dialects.tool_schemas import is_flat_map, speaks_json_schema, translate_flat_map, translate_schema
from goodcall.strict_json import JSONFault, loads
from goodcall.types import JSON

TOOLS, END_TOOLS = "<tools>", "</tools>"


class ToolDialect(StrEnum):
    """How the definition of a tool is written."""

    OPENAI = "openai"
    """Chat Completions: ``{"type": "function", "function": {"name", "description", "parameters": JSON Schema}}``."""
    OPENAI_RESPONSES = "openai_responses"
    """Responses: ``{"type": "function", "name", "description", "parameters": JSON Schema}``."""
    BARE = "bare"
    """The function alone: ``{"name", "description", "parameters": JSON Schema}``."""
    ANTHROPIC = "anthropic"
    """``{"name", "description", "input_schema": JSON Schema}``."""
    XLAM = "xlam"
    """``parameters`` is a map from names to ``{"type", "description", "default"}``, types in Python's manner."""
    TOOLACE = "toolace"
    """As ``bfcl``, but with a ``required`` beside the parameters, or with ``arguments`` in their place."""
    BFCL = "bfcl"
    """``parameters`` is like JSON Schema with other words for types: ``dict``, ``float``, ``tuple``, ``any``."""
    HERMES = "hermes"
    """Text with ``<tools>…</tools>``: one JSON list, or one object a line, of definitions in any other dialect."""


@dataclass(frozen=True, slots=True)
class NormalisedTool:
    """One tool, whatever its definition looked like."""

    name: str
    description: str | None
    parameters: JSON
    """JSON Schema of the arguments; None when the definition declares none."""
    dialect: ToolDialect
    """The dialect that it was read as."""
    pointer: str
    """JSON Pointer to the function, in the definitions as they came."""
    parameters_pointer: str
    """JSON Pointer to its parameters there."""

    def to_openai(self) -> dict[str, JSON]:
        """The definition in the form of Chat Completions."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": {key: value for key, value in function.items() if value is not None}}


@dataclass(frozen=True, slots=True)
class Normalised:
    """Tools in their order, and what could not be kept of them."""

    tools: tuple[NormalisedTool, ...]
    losses: tuple[Loss, ...]


def detect(definition: JSON) -> ToolDialect:
    """The dialect of one definition, decided by the first of these that holds.

    1. It is text: ``hermes``.
    2. It has ``input_schema``: ``anthropic``. (A wrapping ``function`` is taken off first, here and below.)
    3. Its parameters are a map from names to descriptions: ``xlam``.
    4. It has ``arguments`` and no ``parameters``, or a type in its parameters is a word of another dialect than JSON
       Schema: ``toolace`` when it has ``arguments`` or ``required`` of its own, else ``bfcl``.
    5. It is JSON Schema: ``openai`` when wrapped, ``openai_responses`` when its type is ``function``, else ``bare``.

    Raises:
        MalformedTools: it is no definition of a function in any dialect.
    """
    if isinstance(definition, str):
        return ToolDialect.HERMES
    function, _ = unwrap(definition, "")
    return _detect(function, wrapped=function is not definition)


def _detect(function: dict[str, JSON], *, wrapped: bool) -> ToolDialect:
    if "input_schema" in function:
        return ToolDialect.ANTHROPIC
    parameters = function.get("parameters")
    if is_flat_map(parameters):
        return ToolDialect.XLAM
    if _has_arguments(function) or not speaks_json_schema(parameters):
        return ToolDialect.TOOLACE if _has_arguments(function) or "required" in function else ToolDialect.BFCL
    if wrapped:
        return ToolDialect.OPENAI
    return ToolDialect.OPENAI_RESPONSES if function.get("type") == "function" else ToolDialect.BARE


def normalise(definitions: JSON, dialect: ToolDialect | None = None) -> Normalised:
    """The tools that definitions define, their parameters as JSON Schema.

    Of a definition its name, description and parameters are kept; whatever else it carries says nothing of the
    arguments. Definitions in JSON Schema keep theirs as they are, the same object.

    Args:
        definitions: a list of definitions, or text that holds one between ``<tools>`` and ``</tools>``.
        dialect: what every definition is read as; left out, each is read as what ``detect`` says. ``hermes`` asks
            for text, and leaves what stands in it to ``detect``.

    Raises:
        MalformedTools: they are no definitions, or not in the dialect that was named.
    """
    if isinstance(definitions, str):
        definitions = read_tools_text(definitions)
    elif dialect is ToolDialect.HERMES:
        raise MalformedTools("text that lists tools", "")
    if not isinstance(definitions, list):
        raise MalformedTools("a list of function definitions", "")
    named = None if dialect is ToolDialect.HERMES else dialect
    losses: list[Loss] = []
    tools = [read_tool(definition, f"/{index}", named, losses) for index, definition in enumerate(definitions)]
    return Normalised(tuple(tools), tuple(losses))


def read_tools_text(text: str) -> list[JSON]:
    """The definitions in the first ``<tools>`` block of a text, such as a system prompt, that holds any.

    Raises:
        MalformedTools: there is none, or it holds neither one JSON list nor one JSON object a line.
    """
    try:
        blocks = find_blocks(text, TOOLS, END_TOOLS)
        # Prompts like to mention the empty pair of tags before they use it.
        body = next((block.body for block in blocks if block.body.strip()), None)
    except DialectFault:
        body = None
    if body is None:
        raise MalformedTools(f"definitions between {TOOLS} and {END_TOOLS}", "")
    return _read_body(body)


def _read_body(body: str) -> list[JSON]:
    try:
        value = loads(body)
    except JSONFault:
        return _read_lines(body)
    return value if isinstance(value, list) else [value]


def _read_lines(body: str) -> list[JSON]:
    try:
        return [loads(line) for line in body.split("\n") if line.strip()]
    except JSONFault:
        raise MalformedTools("one JSON list of tools, or one JSON object a line", "") from None


def unwrap(definition: JSON, pointer: str) -> tuple[dict[str, JSON], str]:
    """The function inside a definition, and its own pointer.

    Raises:
        MalformedTools: there is no object.
    """
    if isinstance(definition, dict) and "function" in definition:
        definition, pointer = definition["function"], f"{pointer}/function"
    if not isinstance(definition, dict):
        raise MalformedTools("a function definition", pointer)
    return definition, pointer


def read_tool(definition: JSON, pointer: str, dialect: ToolDialect | None, losses: list[Loss]) -> NormalisedTool:
    """One tool of ``normalise``: the pointer is that of its definition, and what can't be kept goes to the losses.

    Raises:
        MalformedTools: it is no definition, or not in the dialect that was named.
    """
    function, pointer = unwrap(definition, pointer)
    name, description = function.get("name"), function.get("description")
    if not isinstance(name, str) or not name:
        raise MalformedTools("a function with a name", pointer)
    dialect = dialect or _detect(function, wrapped=function is not definition)
    place = f"{pointer}/{_parameters_key(function, dialect)}"
    return NormalisedTool(
        name=name,
        description=description if isinstance(description, str) else None,
        parameters=_read_parameters(function, dialect, place, losses),
        dialect=dialect,
        pointer=pointer,
        parameters_pointer=place,
    )


def _has_arguments(function: dict[str, JSON]) -> bool:
    return "arguments" in function and "parameters" not in function


def _parameters_key(function: dict[str, JSON], dialect: ToolDialect) -> str:
    if dialect is ToolDialect.ANTHROPIC:
        return "input_schema"
    return "arguments" if dialect is ToolDialect.TOOLACE and _has_arguments(function) else "parameters"


def _read_parameters(function: dict[str, JSON], dialect: ToolDialect, pointer: str, losses: list[Loss]) -> JSON:
    """The parameters as JSON Schema; the pointer is theirs."""
    parameters = function.get(_parameters_key(function, dialect))
    match dialect:
        case ToolDialect.XLAM:
            return translate_flat_map({} if parameters is None else parameters, pointer, losses)
        case ToolDialect.BFCL:
            return _of_an_object(translate_schema(parameters, pointer, losses))
        case ToolDialect.TOOLACE:
            translated = _of_an_object(translate_schema(parameters, pointer, losses))
            return _with_required_beside(translated, function.get("required"))
        case ToolDialect.ANTHROPIC if parameters is None:
            raise MalformedTools("a tool with an input_schema", pointer.removesuffix("/input_schema"))
        case _:
            return parameters


def _of_an_object(schema: JSON) -> JSON:
    """A translated schema that says what all arguments are, objects, even when no type was left at its root."""
    return {"type": "object"} | schema if isinstance(schema, dict) else schema


def _with_required_beside(schema: JSON, required: JSON) -> JSON:
    """The schema with the names that were listed beside it, unless it lists its own."""
    if isinstance(schema, dict) and isinstance(required, list) and "required" not in schema:
        return schema | {"required": required}
    return schema
