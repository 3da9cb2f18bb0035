"""How others write tools and calls, read into the one form that the verifier works with.

``normalise`` takes tools in, ``read_toolrl_prompt`` finds them in prose; ``CALL_READERS`` has a reader for each way to
write calls. Nothing here knows rewards.
"""

from goodcall.dialects.calls import CALL_READERS, CallDialect, read_anthropic_message, read_openai_message
from goodcall.dialects.fault import DialectFault, MalformedTools
from goodcall.dialects.losses import Loss, LossKind
from goodcall.dialects.python_calls import read_python_calls, read_python_calls_leniently
from goodcall.dialects.toolrl import read_toolrl_answer, read_toolrl_prompt
from goodcall.dialects.tools import Normalised, NormalisedTool, ToolDialect, detect, normalise

__all__ = [
    "CALL_READERS",
    "CallDialect",
    "DialectFault",
    "Loss",
    "LossKind",
    "MalformedTools",
    "Normalised",
    "NormalisedTool",
    "ToolDialect",
    "detect",
    "normalise",
    "read_anthropic_message",
    "read_openai_message",
    "read_python_calls",
    "read_python_calls_leniently",
    "read_toolrl_answer",
    "read_toolrl_prompt",
]
