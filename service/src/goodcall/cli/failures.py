"""How a command ends when it does not end well: with one sentence that says what, where and what to do."""

THRESHOLD_MISSED = 1
USAGE = 2
ENVIRONMENT = 3
INTERRUPTED = 130


class CommandFailed(Exception):
    """The command can't go on, through the caller's doing; the message is for people and goes to standard error."""

    exit_code = USAGE


class EnvironmentFailed(CommandFailed):
    """The command can't go on, through the machine's doing: a missing package, a full disk, a taken port."""

    exit_code = ENVIRONMENT
