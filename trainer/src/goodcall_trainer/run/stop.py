"""How a run ends before its last step: with a reason for people and an exit code for whatever started it."""

MISSED, USAGE, ENVIRONMENT, INTERRUPTED = 1, 2, 3, 130
"""Exit codes: a threshold was missed, usage, the service or the environment, interrupted."""


class RunStopped(Exception):
    """Training must not go on. The newest checkpoint is from before the fault; nothing was saved after it.

    `str` is the reason: what was seen, what was expected, and what to do.
    """

    def __init__(self, reason: str, *, exit_code: int) -> None:
        super().__init__(reason)
        self.exit_code = exit_code


class CannotResume(RunStopped):
    """What is asked for is not the run that lies in the folder, so going on would not be the same run."""

    def __init__(self, reason: str, *, exit_code: int = USAGE) -> None:
        super().__init__(reason, exit_code=exit_code)


class AllStepsDone(Exception):
    """The checkpoint that a run would go on from is that of its last step; transformers would take one step more."""
