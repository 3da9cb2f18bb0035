"""Scores tool-calling completions through a Goodcall service; see `AsyncClient` and `Client`.

It never returns a score that the service did not give: whatever cannot be scored raises a `GoodcallError`, or has
the score None where the caller asks for that.
"""

from ._client import AsyncClient, __version__
from ._errors import (
    AuthenticationFailed,
    GoodcallError,
    InvalidItem,
    InvalidResponse,
    RequestRejected,
    RewardChanged,
    ServiceUnavailable,
    UnknownReward,
)
from ._sync import Client
from ._types import (
    Detail,
    Item,
    ItemVerdicts,
    JSONText,
    RewardCatalogue,
    RewardInfo,
    ScoreResult,
    Verdict,
)

__all__ = [
    "AsyncClient",
    "AuthenticationFailed",
    "Client",
    "Detail",
    "GoodcallError",
    "InvalidItem",
    "InvalidResponse",
    "Item",
    "ItemVerdicts",
    "JSONText",
    "RequestRejected",
    "RewardCatalogue",
    "RewardChanged",
    "RewardInfo",
    "ScoreResult",
    "ServiceUnavailable",
    "UnknownReward",
    "Verdict",
    "__version__",
]
