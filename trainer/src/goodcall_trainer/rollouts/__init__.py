"""Rollouts by vLLM, in the trainer's process or on a server, and proof that they come from the learner's weights."""
