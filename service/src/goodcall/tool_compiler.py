"""Tools of a task to a toolbox, each tool compiled once however many tasks offer it."""

from functools import partial

from goodcall.byte_bounded import ByteBoundedCache, CacheUse
from goodcall.dialects.fault import MalformedTools
from goodcall.dialects.losses import Loss, LossKind
from goodcall.dialects.tools import NormalisedTool, read_tool
from goodcall.errors import UnusableTask
from goodcall.reasons import Reason
from goodcall.schema_bounds import DEFAULT_BOUNDS, SchemaBounds, tools_beyond_bounds
from goodcall.schemas import Tool, Toolbox, compile_tool
from goodcall.tool_definitions import malformed_tools, read_definition, split_definitions
from goodcall.types import Place


class ToolCompiler:
    """Makes toolboxes, and remembers the tools in them. Not thread-safe.

    Args:
        cache_bytes: what the remembered tools may be reckoned at; 0 remembers none.
        bounds: what the tools of a task may be at most.
    """

    __slots__ = ("_bounds", "_tools")

    def __init__(self, cache_bytes: int = 0, bounds: SchemaBounds = DEFAULT_BOUNDS) -> None:
        self._bounds = bounds
        self._tools: ByteBoundedCache[bytes, Tool] = ByteBoundedCache(cache_bytes)

    @property
    def use(self) -> CacheUse:
        """What is remembered, and what that was good for."""
        return self._tools.use

    def toolbox(self, text: bytes) -> Toolbox:
        """The tools of one task, ready to check calls against.

        Args:
            text: JSON text of a list of function definitions, each in any of the dialects that ``goodcall.dialects``
                reads.

        Raises:
            UnusableTask: the text is no such list, two definitions of a name differ, a tool's parameters don't
                compile offline or have a type that no dialect knows, or something is beyond the bounds.
        """
        tools: dict[str, Tool] = {}
        definitions = split_definitions(text)
        if len(definitions) > self._bounds.max_tools:
            raise tools_beyond_bounds("", f"at most {self._bounds.max_tools} tools")
        for index, definition in enumerate(definitions):
            tool = self._tools.get(definition) or self._compile(definition, f"/{index}")
            known = tools.setdefault(tool.name, tool)
            if known is not tool and known.parameters != tool.parameters:
                raise malformed_tools(_normalised(definition, f"/{index}").pointer, "one definition a name")
        return Toolbox(tools)

    def _compile(self, definition: bytes, pointer: str) -> Tool:
        if len(definition) > self._bounds.max_tool_bytes:
            raise tools_beyond_bounds(pointer, f"a definition of at most {self._bounds.max_tool_bytes} bytes of JSON")
        tool = compile_tool(_normalised(definition, pointer), self._bounds)
        self._tools.put(definition, tool, tool_weight(definition) + tool.cost.pattern_bytes)
        return tool


def tool_weight(definition: bytes) -> int:
    """The bytes that a compiled tool is reckoned at, its text included; measured by resident memory."""
    return 2048 + 12 * len(definition)


def _normalised(definition: bytes, pointer: str) -> NormalisedTool:
    losses: list[Loss] = []
    try:
        tool = read_tool(read_definition(definition), pointer, None, losses)
    except MalformedTools as fault:
        raise malformed_tools(fault.pointer, fault.expected) from None
    for loss in losses:
        # A verdict must not rest on a parameter that nothing checks because its type was misspelt.
        if loss.kind is LossKind.UNKNOWN_TYPE:
            place = partial(Place, pointer=loss.pointer, expected="a type that is known", got=loss.lost)
            raise UnusableTask(Reason.TOOL_SCHEMA_INVALID, place)
    return tool
