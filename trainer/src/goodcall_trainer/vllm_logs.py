"""vLLM's log, kept out of what a command prints."""

import os


def quieten_vllm() -> None:
    """Leaves errors, on standard error, unless the environment says otherwise.

    vLLM would log everything it does to standard output. It and its processes read this when vLLM is imported, which
    importing TRL does.
    """
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
