"""What a vLLM server on a CPU needs to take new weights from files: an extension of its workers.

    python -m vllm.entrypoints.openai.api_server --worker-extension-cls goodcall_trainer.rollouts.worker.TakesWeights …

It is imported in the server's processes, so it imports nothing of the trainer's but what stands here.
"""

from collections.abc import Iterable
from typing import Any


class TakesWeights:
    """Mixed into vLLM's worker class; its methods can be named in `POST /collective_rpc`."""

    model_runner: Any

    def take_weights(self, folder: str) -> bool:
        """Loads the safetensors files in `folder` into the running model."""
        self.reload_weights(weights_path=folder)  # type: ignore[attr-defined]  # the worker's
        repack_output_layers(self.model_runner.get_model())
        return True


def take_weights(model_runner: Any, weights: Iterable[tuple[str, Any]]) -> None:
    """Loads named tensors into a model runner of this process."""
    model_runner.reload_weights(weights_iterator=weights)
    repack_output_layers(model_runner.get_model())


def repack_output_layers(model: Any) -> None:
    """Lets the output layer of a model whose embeddings are tied see the embeddings that were just loaded.

    On CPUs vLLM multiplies with a packed copy of each matrix and packs anew whatever it loads. A tied output layer has
    no weights of its own in a checkpoint, so it is never loaded, and keeps the copy of the weights it started with.
    """
    from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead  # noqa: PLC0415 - only where it is

    for layer in model.modules():
        if isinstance(layer, ParallelLMHead):
            layer.quant_method.process_weights_after_loading(layer)
