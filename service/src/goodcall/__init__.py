"""Was this a good tool call? The verifier, as a library; the service around it is ``goodcall.web``."""

from goodcall.errors import GoodcallError, MissingNeed, UnknownReward, UnsupportedCompletion
from goodcall.reasons import Reason, Stage
from goodcall.rewards import CATALOGUE, DEFAULT_REWARD, Reward, find_reward
from goodcall.scoring import Scorer, score
from goodcall.types import AssistantMessage, Completion, Context, Detail, MessageCall, TaskSource, Verdict

__all__ = [
    "CATALOGUE",
    "DEFAULT_REWARD",
    "AssistantMessage",
    "Completion",
    "Context",
    "Detail",
    "GoodcallError",
    "MessageCall",
    "MissingNeed",
    "Reason",
    "Reward",
    "Scorer",
    "Stage",
    "TaskSource",
    "UnknownReward",
    "UnsupportedCompletion",
    "Verdict",
    "find_reward",
    "score",
]

__version__ = "0.1.0"
