"""Whether a dataset and a checkpoint are of the model that a config builds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from .errors import UserError

_COUNTER = '.num_batches_tracked'
_MEASURED = ('.running_mean', '.running_var')


def check_classes(model: torch.nn.Module, dataset: Any, split: str) -> None:
    """Compare the number of classes of the heads with that of a dataset.

    Raises:
        UserError: they differ; names the keys to change. RPN and semantic heads count otherwise and are left out.
    """
    classes = getattr(dataset, 'metainfo', {}).get('classes')
    if classes is None:
        return
    if isinstance(classes, str):
        raise UserError(f"metainfo classes of the {split} dataset is the text {classes!r}; write ('{classes}',)")
    wrong = {
        f'model.{name}.num_classes': module.num_classes
        for name, module in model.named_modules()
        if '_head' in name
        and not ('rpn_head' in name or 'semantic' in name)
        and isinstance(getattr(module, 'num_classes', None), int)
        and module.num_classes != len(classes)
    }
    if wrong:
        found = ', '.join(f'{key}={value}' for key, value in wrong.items())
        raise UserError(
            f'the {split} dataset has {len(classes)} classes, but {found}; '
            f'set num_classes={len(classes)} there, or give the dataset the classes that the model was made for'
        )


@dataclass(frozen=True)
class Fit:
    """A checkpoint beside the model that loads it.

    Args:
        fitting: names of weights that are in both, in the same shape.
        missing: weights that the checkpoint lacks.
        unexpected: weights that only the checkpoint has.
        wrong_shape: name -> shape in the checkpoint and in the model.
        left_out: parts of the checkpoint that the config builds no model for, such as `roi_head.mask_head`.
    """

    fitting: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    wrong_shape: dict[str, tuple[Any, Any]]
    left_out: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every weight of the model is there, and no other."""
        return not (self.missing or self.unexpected or self.wrong_shape)

    def __str__(self) -> str:
        shapes = [f'{name}: {old}, in the model {new}' for name, (old, new) in self.wrong_shape.items()]
        kinds = {'missing': self.missing, 'unexpected': self.unexpected, 'of another shape': shapes}
        found = [
            f'{len(names)} {kind} ({", ".join(names[:2])}{", ..." * (len(names) > 2)})'
            for kind, names in kinds.items()
            if names
        ]
        total = len(self.fitting) + len(self.missing) + len(self.wrong_shape)
        return ', '.join([f'{len(self.fitting)} of {total} weights fit', *found])


def compare_weights(model: torch.nn.Module, checkpoint: Any) -> Fit:
    """Compare the weights of a checkpoint with those of a model, by name and shape.

    Buffers that training fills or that follow from the config (counters, class statistics, feature banks) may be absent
    or of another size; running means and variances may not. Those of a calibration may be there in any case.

    Args:
        model: without wrapper.
        checkpoint: as saved: `state_dict`, or the weights alone.

    Raises:
        UserError: it holds no weights.
    """
    loaded = checkpoint.get('state_dict', checkpoint) if isinstance(checkpoint, Mapping) else checkpoint
    if not isinstance(loaded, Mapping):
        raise UserError(f'the checkpoint holds a {type(loaded).__name__}; expected the weights of a model by name')
    found = {str(name).removeprefix('module.'): value for name, value in loaded.items()}
    wanted = model.state_dict()
    weights = {name for name, _ in model.named_parameters()} | {name for name in wanted if name.endswith(_MEASURED)}
    weights &= wanted.keys()
    shapes = {name: tuple(value.shape) if isinstance(value, torch.Tensor) else None for name, value in found.items()}
    wrong = {
        name: (shapes[name], tuple(wanted[name].shape))
        for name in wanted
        if name in weights & found.keys() and shapes[name] != wanted[name].shape
    }
    parts = {_part(name) for name in wanted}
    unknown = [
        name for name in found if name not in wanted and not name.endswith(_COUNTER) and '.calibration.' not in name
    ]
    return Fit(
        fitting=tuple(name for name in wanted if name in weights & found.keys() and name not in wrong),
        missing=tuple(name for name in wanted if name in weights and name not in found),
        unexpected=tuple(name for name in unknown if _part(name) in parts),
        wrong_shape=wrong,
        left_out=tuple(dict.fromkeys(_part(name) for name in unknown if _part(name) not in parts)),
    )


def check_weights(model: torch.nn.Module, checkpoint: Any, *, exact: bool, hint: str = '') -> Fit:
    """Compare a checkpoint with the model, and raise where a run with it would be of no use.

    Args:
        model: without wrapper.
        checkpoint: as saved.
        exact: where a run tests or resumes; fine-tuning and a second stage take what fits.
        hint: what to do about a checkpoint that fits in part.

    Raises:
        UserError: not one weight fits, or, where `exact`, one does not.
    """
    fit = compare_weights(model, checkpoint)
    if not fit.fitting and (fit.missing or fit.wrong_shape):
        held = next(iter((*fit.unexpected, *fit.left_out)), None)
        raise UserError(
            f'the checkpoint is not of this model: {fit}' + (f'; it holds {held} and the like' if held else '')
        )
    if exact and not fit.is_whole:
        raise UserError(
            f'the checkpoint is cut down or of another variant of this model (other num_classes?): {fit}{hint}'
        )
    return fit


def _part(name: str) -> str:
    return '.'.join(name.split('.')[:2])
