"""Prints docs/reasons.md: every reason that a verdict can give, from the code itself."""

import sys

from goodcall.reasons import Reason, Stage

INTRODUCTION = """\
# Why a verdict is what it is

Every verdict has a reason from this closed list. A published code never changes its meaning; later versions may
add codes. With `explain`, a verdict also says where: the stage, a JSON Pointer, the offset in the completion, what
was expected and what was got.
"""


def document() -> str:
    """The document as Markdown."""
    sections = [INTRODUCTION]
    for stage in Stage:
        rows = [f"| `{reason.value}` | {reason.hint} |\n" for reason in Reason if reason.stage is stage]
        sections.append(f"## {stage.value}\n\n| reason | meaning |\n|---|---|\n{''.join(rows)}")
    return "\n".join(sections)


if __name__ == "__main__":
    sys.stdout.write(document())
