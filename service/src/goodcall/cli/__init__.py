"""The command line of the service."""

from goodcall.cli.app import main

__all__ = ["main"]
