"""`goodcall-train`, but for the draws of the rollouts: each completion's are its own, whichever process makes it.

TRL seeds sampling by rank, so a run of two processes draws other completions than a run of one, and nothing
can be compared. Here the random numbers of a completion follow from its prompt and its number within the group; what
is drawn with them is still the policy's own distribution at that moment. So equal weights write equal completions,
and runs that differ in the number of processes only must agree in prompts, completions, rewards, losses and weights,
but for the order of floating-point sums.
"""

from collections import Counter

import torch
from trl import GRPOTrainer

from goodcall_trainer.cli import main


def generate(trainer, prompt_ids, *_unused, **_also_unused):
    """As many completions as there are prompts, a group's side by side; no log-probabilities, as from transformers."""
    seen = Counter()
    completions = []
    model = trainer.model_wrapped
    # The mode of the policy beneath: a wrapper for several processes has one of its own, which nobody sets.
    training = trainer.model.training
    trainer.model.eval()
    with torch.no_grad():
        for prompt in map(tuple, prompt_ids):
            seen[prompt] += 1
            # torch's own seeds want a number below 2**64; the hash of a tuple of integers is the same in every process.
            generator = torch.Generator().manual_seed(hash((*prompt, seen[prompt])) % 2**63)
            completions.append(complete(model, prompt, trainer, generator))
    trainer.model.train(training)
    return completions, None


def complete(model, prompt, trainer, generator):
    """One completion, by the inverse of the distribution; as many forward passes for every one, as shards need."""
    ids = list(prompt)
    for _ in range(trainer.max_completion_length):
        logits = model(input_ids=torch.tensor([ids])).logits[0, -1].float() / trainer.temperature
        cumulated = logits.softmax(0).cumsum(0)
        ids.append(int((cumulated < torch.rand((), generator=generator)).sum().clamp(max=len(logits) - 1)))
    completion = ids[len(prompt) :]
    ends = [number for number, token in enumerate(completion, 1) if token in trainer.eos_token_ids]
    return completion[: ends[0]] if ends else completion


GRPOTrainer._generate_single_turn = generate
if __name__ == "__main__":
    main()
