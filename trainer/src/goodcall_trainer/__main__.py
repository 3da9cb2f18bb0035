"""`python -m goodcall_trainer`, the same as `goodcall-train`."""

from goodcall_trainer.cli import main

main()
