"""Trains tool-calling policies with GRPO on rewards from a Goodcall service.

The service is known by its wire alone, through `goodcall_client`. Importing this package imports nothing heavy;
the modules that train do.
"""

__version__ = "0.1.0"
