"""What others scored, in percent, as printed: Tool-N1's tables (arXiv 2505.00024v2) and their baselines.

The Live and Overall columns of Tool-N1's own rows are means over the four Live categories, those of its baselines come
from the leaderboard (2025-04-13), which had live relevance and irrelevance in them. `live` takes the same mean of every
row's columns, so that rows can be compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from goodcall_trainer.evaluation import bfcl

LIVE_SIZES: Mapping[str, int] = MappingProxyType(
    {"live_simple": 258, "live_multiple": 1053, "live_parallel": 16, "live_parallel_multiple": 24}
)
"""Questions of each Live category."""

_COLUMNS = (*bfcl.NON_LIVE, *bfcl.LIVE)


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A model's row of the paper's BFCL table (Table 2)."""

    model: str
    columns: tuple[float, ...]
    """Of the non-live categories, then the Live ones; the first is over Python, Java and JavaScript."""
    printed_live: float
    printed_overall: float

    def score(self, name: str) -> float | None:
        """A category, or an average taken of the columns as ours is; None where the paper prints too little for it."""
        non_live, live = self.columns[:4], self.columns[4:]
        weights = LIVE_SIZES.values()
        live_means = {
            "live": sum(share * size for share, size in zip(live, weights, strict=True)) / sum(weights),
            "live_unweighted": sum(live) / 4,
        }
        known = {
            **dict(zip(_COLUMNS, self.columns, strict=True)),
            **live_means,
            "non_live": sum(non_live) / 4,
            **{name.replace("live", "overall", 1): (sum(non_live) / 4 + mean) / 2 for name, mean in live_means.items()},
        }
        return known.get(name)


BFCL_SOURCE = "arXiv 2505.00024v2, Table 2"
BFCL_ROWS = (
    PublishedRow("Tool-N1-7B", (77.00, 95.00, 94.50, 90.50, 82.17, 80.44, 62.50, 70.83), 80.38, 84.82),
    PublishedRow("Tool-N1-14B", (80.58, 96.00, 93.50, 92.00, 84.10, 81.10, 81.25, 66.67), 81.42, 85.97),
    PublishedRow("GPT-4o", (79.42, 95.50, 94.00, 83.50, 84.88, 79.77, 87.50, 75.00), 79.83, 83.97),
    PublishedRow("GPT-4o-mini", (80.08, 90.50, 89.50, 87.00, 81.40, 76.73, 93.75, 79.17), 76.50, 81.64),
    PublishedRow("GPT-3.5-Turbo-0125", (77.92, 93.50, 67.00, 53.00, 80.62, 78.63, 75.00, 58.33), 68.55, 70.70),
    PublishedRow("Gemini-2.0-Flash-001", (74.92, 89.50, 86.50, 87.00, 75.58, 73.12, 81.25, 83.33), 81.39, 82.94),
    PublishedRow("DeepSeek-R1", (76.42, 94.50, 90.05, 88.00, 84.11, 79.87, 87.50, 70.83), 74.41, 80.88),
    PublishedRow("Llama3.1-70B-Inst", (77.92, 96.00, 94.50, 91.50, 78.29, 76.16, 87.50, 66.67), 62.24, 76.11),
    PublishedRow("Llama3.1-8B-Inst", (72.83, 93.50, 87.00, 83.50, 74.03, 73.31, 56.25, 54.17), 61.08, 72.65),
    PublishedRow("Qwen2.5-7B-Inst", (75.33, 94.50, 91.50, 84.50, 76.74, 74.93, 62.50, 70.83), 67.44, 76.95),
    PublishedRow("xLAM-2-70b-fc-r", (78.25, 94.50, 92.00, 89.00, 77.13, 71.13, 68.75, 58.33), 72.95, 80.70),
    PublishedRow("ToolACE-8B", (76.67, 93.50, 90.50, 89.50, 73.26, 76.73, 81.25, 70.83), 78.59, 82.57),
    PublishedRow("Hammer2.1-7B", (78.08, 95.00, 93.50, 88.00, 76.74, 77.40, 81.25, 70.83), 75.11, 81.88),
)

APIBANK_SOURCE = "arXiv 2505.00024v2, its figure on API-Bank, Call mode"
APIBANK_CALL = MappingProxyType(
    {
        "Tool-N1-7B": 81.28,
        "Tool-N1-14B": 82.19,
        "GPT-4o": 77.16,
        "GPT-4o-mini": 73.10,
        "Llama-3.1-8B": 60.41,
    }
)
"""The paper does not say by which match, and its evaluation of API-Bank is not released."""
