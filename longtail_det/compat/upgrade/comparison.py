"""Renamed weights beside the model that should take them: what fits, what is missing, what is left over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_MEASURED = ('running_mean', 'running_var')


@dataclass(frozen=True)
class Comparison:
    """What of a checkpoint fits a model.

    Args:
        state: what the model can load: the weights that fit, and the buffers of `fresh`.
        fresh: buffers that the checkpoint lacks and the model has by itself: counters, class statistics, feature
            banks (training fills them), tables that follow from the config.
        missing: weights of the model that the checkpoint lacks.
        unused: weights of the checkpoint that the model lacks.
        wrong_shape: name -> shape in the checkpoint, shape in the model.
    """

    state: dict[str, Tensor]
    fresh: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    wrong_shape: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]

    @property
    def is_complete(self) -> bool:
        """Whether every weight found its place and every place its weight."""
        return not (self.missing or self.unused or self.wrong_shape)


def compare(weights: Mapping[str, Tensor], model: nn.Module) -> Comparison:
    """Report which names and shapes agree, both ways.

    Args:
        weights: by name in mmdet 3.x.
        model: built from the config, with real (not meta) buffers.

    Returns:
        What fits, in the model's order and dtypes, and what does not.
    """
    wanted = model.state_dict()
    buffers = {name for name, _ in model.named_buffers()}
    absent = [name for name in wanted if name not in weights]
    fresh = tuple(name for name in absent if name in buffers and not name.endswith(_MEASURED))
    shapes = {
        name: (tuple(weights[name].shape), tuple(value.shape))
        for name, value in wanted.items()
        if name in weights and weights[name].shape != value.shape
    }
    state = {
        # a view of a larger tensor would be saved with all of it
        name: (value if name in fresh else weights[name].to(value.dtype)).detach().clone().contiguous()
        for name, value in wanted.items()
        if name not in shapes and (name in weights or name in fresh)
    }
    return Comparison(
        state,
        fresh,
        missing=tuple(name for name in absent if name not in fresh),
        unused=tuple(name for name in weights if name not in wanted),
        wrong_shape=shapes,
    )


def describe_classes(weights: Mapping[str, Tensor], model: nn.Module) -> str | None:
    """Report in one sentence that a checkpoint is of another number of classes, or of another kind of loss.

    Args:
        weights: by name in mmdet 3.x.
        model: built from the config.

    Returns:
        The sentence, or None where the classes agree or neither side tells.
    """
    found, wanted = _rows(weights), _rows(model.state_dict())
    theirs, ours = _num_classes(found), _num_classes(wanted)
    if theirs is not None and ours is not None and theirs != ours:
        return f'the checkpoint has {theirs} classes, the config {ours}; set num_classes={theirs} in the config'
    logits, columns = found.get('fc_cls'), wanted.get('fc_cls')
    if logits is not None and columns is not None and logits != columns:
        return (
            f'the classifier has {logits} columns in the checkpoint and {columns} in the config'
            + (f', both of {ours} classes' if ours is not None else '')
            + ': EQL and DropLoss have one per class, Seesaw two more, all others one more; take the config of the '
            'loss that the checkpoint was trained with'
        )
    return None


def _rows(weights: Mapping[str, Tensor]) -> dict[str, int]:
    """Return the rows of the layers that count classes, by the last part of their name."""
    layers = ('fc_cls', 'fc_reg', 'conv_logits')
    found = {}
    for name, value in weights.items():
        parts = name.split('.')
        if parts[0] == 'roi_head' and parts[-1] == 'weight' and parts[-2] in layers and isinstance(value, torch.Tensor):
            found[parts[-2]] = value.size(0)
    return found


def _num_classes(rows: Mapping[str, int]) -> int | None:
    """Return the classes, where a layer is specific to them: one mask, or four box deltas each."""
    if rows.get('conv_logits', 1) > 1:
        return rows['conv_logits']
    return rows['fc_reg'] // 4 if rows.get('fc_reg', 4) > 4 else None
