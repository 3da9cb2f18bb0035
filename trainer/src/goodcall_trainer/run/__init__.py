"""What keeps a run safe: its folder, its record, what it goes on from, and what stops it.

Nothing here trains. `goodcall_trainer.training` puts these pieces around TRL's trainer. `folder` and `record` import
nothing heavy.
"""
