"""The tokenizer, the policy, the warm-up, and the completions that come out."""

import torch
from transformers import AutoTokenizer

from goodcall_trainer.demo.config import DemoConfig
from goodcall_trainer.demo.evaluate import complete
from goodcall_trainer.demo.policy import build_policy, train_tokenizer
from goodcall_trainer.demo.sft import warm_up
from goodcall_trainer.prompt import END_OF_TURN, render_prompt


def weights(policy):
    return torch.cat([parameter.detach().flatten() for parameter in policy.parameters()])


def test_the_tokenizer_decodes_what_it_encoded(tokenizer, demonstrations):
    for text in [d.prompt + d.completion for d in demonstrations] + ["Zürich, 東京 \u2014 \x00\t'"]:
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_prompt_and_completion_can_be_encoded_apart(tokenizer, demonstrations):
    """The warm-up encodes them apart, generation goes on after the prompt's tokens: both must see the same."""
    for d in demonstrations:
        apart = tokenizer(d.prompt)["input_ids"] + tokenizer(d.completion)["input_ids"]
        assert apart == tokenizer(d.prompt + d.completion)["input_ids"]


def test_the_tokenizer_depends_on_its_texts_alone(demonstrations):
    texts = [d.prompt + d.completion for d in demonstrations]
    first, second = train_tokenizer(texts), train_tokenizer(texts)
    assert [first(text)["input_ids"] for text in texts] == [second(text)["input_ids"] for text in texts]


def test_a_value_is_one_token_and_the_same_in_query_and_call(tokenizer):
    """Else copying is no copy, and is not learnt."""
    (city,) = tokenizer("Oslo")["input_ids"]
    assert city in tokenizer("What will the weather be in Oslo?")["input_ids"]
    assert city in tokenizer('{"city": "Oslo"}')["input_ids"]


def test_the_tokenizer_survives_saving(tokenizer, demonstrations, tmp_path):
    build_policy(tokenizer, seed=1).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    text = demonstrations[0].prompt + demonstrations[0].completion
    assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]


def test_no_completion_of_a_demonstration_is_longer_than_the_limit(tokenizer, demonstrations):
    limit = DemoConfig().max_completion_tokens
    assert max(len(tokenizer(d.completion)["input_ids"]) for d in demonstrations) <= limit


def test_the_seed_decides_the_initial_weights(tokenizer):
    first, second, other = (weights(build_policy(tokenizer, seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_the_warm_up_lowers_the_loss(policy, tokenizer, demonstrations):
    losses = []
    config = DemoConfig(sft_steps=12, sft_batch_size=8)
    warm_up(policy, tokenizer, demonstrations, config, lambda step, loss: losses.append((step, loss)))
    assert [step for step, _ in losses] == list(range(1, 13))
    assert losses[-1][1] < losses[0][1] - 1


def test_a_completion_ends_with_its_turn_and_holds_no_padding(policy, tokenizer, splits):
    completions = complete(policy, tokenizer, splits.heldout[:8], max_tokens=40, sample=True)
    assert len(completions) == 8
    assert all(END_OF_TURN not in completion.removesuffix(END_OF_TURN) for completion in completions)


def test_left_padding_does_not_change_greedy_completions(policy, tokenizer, splits):
    rows = sorted(splits.heldout[:6], key=lambda row: len(render_prompt(row)))
    together = complete(policy, tokenizer, rows, max_tokens=8, sample=False)
    alone = [complete(policy, tokenizer, [row], max_tokens=8, sample=False)[0] for row in rows]
    assert together == alone
