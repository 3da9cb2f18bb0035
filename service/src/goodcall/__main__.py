"""``python -m goodcall`` is the ``goodcall`` command."""

from goodcall.cli import main

main()
