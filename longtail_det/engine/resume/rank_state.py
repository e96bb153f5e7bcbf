"""What a rank needs, beside the checkpoint of mmengine, to go on exactly."""

from __future__ import annotations

from typing import Any

from mmengine.dist import get_dist_info
from torch import nn

from .random_state import read_random_state, restore_random_state

#: key of a checkpoint
STATE_KEY = 'training_state'


def read_rank_state(
    model: nn.Module, place: tuple[int, int], images_per_step: int, seed: int, sampler_seed: int | None, steps: int
) -> dict[str, Any]:
    """Return the state of this rank.

    Args:
        model: without its distributed wrapper.
        place: pass over the training data, and batches of it that were trained on.
        images_per_step: images of a step on all ranks.
        seed: of the batches.
        sampler_seed: of the sampler, where it has one.
        steps: training steps done.

    Returns:
        Tensors, numbers and texts. The buffers are those of ranks other than 0, whose own are in the checkpoint; the
        gradients those that wait for more batches (`accumulative_counts`).
    """
    rank, world_size = get_dist_info()
    gradients = {name: p.grad.cpu() for name, p in model.named_parameters() if p.grad is not None}
    buffers = {name for name, _ in model.named_buffers()} if rank else set()
    return {
        'rank': rank,
        'world_size': world_size,
        'place': place,
        'images_per_step': images_per_step,
        'seed': seed,
        'sampler_seed': sampler_seed,
        'steps': steps,
        'random': read_random_state(),
        'gradients': gradients,
        'buffers': {name: value.cpu() for name, value in model.state_dict().items() if name in buffers},
    }


def restore_rank_state(model: nn.Module, state: dict[str, Any]) -> None:
    """Put back what `read_rank_state` returned.

    Args:
        model: without its distributed wrapper, with the weights of the checkpoint.
        state: of this rank.
    """
    if state['buffers']:
        # whole, for a module may take its size from what it loads
        model.load_state_dict({**model.state_dict(), **state['buffers']})
    for name, parameter in model.named_parameters():
        if name in state['gradients']:
            parameter.grad = state['gradients'][name].to(parameter)
    restore_random_state(state['random'])
