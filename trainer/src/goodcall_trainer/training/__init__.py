"""Training by a recipe: `grpo` and `sft` put rows, prompts, policy, rewards and guards around TRL's trainers."""
