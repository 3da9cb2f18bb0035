"""The tokenizer and the policy, both made on the spot: nothing is downloaded.

A Qwen3 of about 0.6 million parameters: small enough for two cores, large enough to copy arguments from a query.
Three things were learnt the hard way. The configuration is Qwen3's, because transformers rebuilds the tokenizer of a
"qwen2" model without the splitting below. Words never carry a leading space: with the usual byte-level splitting
" Oslo" in a query and "Oslo" in JSON are different tokens, and copying is no longer a copy. Embeddings
are tied, without which copying takes far longer to learn.
"""

from collections.abc import Iterable

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from goodcall_trainer.prompt import END_OF_TURN

PAD = "<|endoftext|>"
TAGS = ("<think>", "</think>", "<tool_call>", "</tool_call>")


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A byte-level BPE in which every word of `texts` is one token; decodes exactly what it encoded."""
    tokenizer = Tokenizer(models.BPE())
    words = pre_tokenizers.Split(Regex(r"\w+|\W+"), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [words, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    # Tags are ordinary text to everybody else, so they are no special tokens, as in Qwen3's own tokenizer.
    trainer = trainers.BpeTrainer(
        vocab_size=2048,
        special_tokens=[PAD, "<|im_start|>", END_OF_TURN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in TAGS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END_OF_TURN,
        pad_token=PAD,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def build_policy(tokenizer: PreTrainedTokenizerFast, *, seed: int) -> Qwen3ForCausalLM:
    """A freshly initialised Qwen3: 2 layers, hidden size 128, 4 heads, float32."""
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=-(-len(tokenizer) // 64) * 64,
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=32,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    return Qwen3ForCausalLM(config)
