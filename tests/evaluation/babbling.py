"""Weights that have learnt nothing and say something else to each prompt."""

from typing import Any

import torch


def let_babble(policy: Any) -> Any:
    """The policy with an output layer of its own, lest it repeats one token, and with layers that are loud enough."""
    drawn = torch.Generator().manual_seed(1)
    policy.config.tie_word_embeddings = False
    policy.lm_head.weight = torch.nn.Parameter(torch.randn(policy.lm_head.weight.shape, generator=drawn))
    for weights in policy.model.layers.parameters():
        weights.data.mul_(4)
    return policy
