"""Keeps parts of a model as they are while the rest trains: the second stage of a decoupled training."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import Any

from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import MMDistributedDataParallel, is_model_wrapper
from torch import nn

from .name_patterns import select_names
from .statistics_sync_hook import unwrapped


@HOOKS.register_module()
class FreezeHook(Hook):
    """Freeze parts of a model: no gradient, no update or weight decay, no new norm statistics, no dropout.

    The optimizer was built before, with all parameters; one that never has a gradient is left out of its steps and
    has no state. A distributed model is wrapped anew, so that no rank waits for the gradients of frozen parameters;
    `find_unused_parameters` is not needed. Frozen modules are put into eval mode again before every iteration,
    because mmengine's loops call `model.train()`.

    Args:
        frozen: names of modules or parameters, everything inside of them included, or shell patterns of names
            ('backbone.layer[12]').
        trained: instead of `frozen`, the only parts that train; everything else is frozen.

    Raises:
        ValueError: both or neither of the two, a pattern that matches nothing, nothing left to train, or a model
            wrapped in anything but DistributedDataParallel.

    Example:
        In a config::

            custom_hooks = [dict(type='FreezeHook', frozen=['backbone', 'neck', 'rpn_head', 'roi_head.mask_head'])]
    """

    # before hooks that copy the model
    priority = 'VERY_HIGH'

    def __init__(self, frozen: Sequence[str] | None = None, trained: Sequence[str] | None = None) -> None:
        if (frozen is None) == (trained is None):
            raise ValueError(f'FreezeHook: frozen={frozen}, trained={trained}; expected exactly one of the two')
        self.frozen = frozen
        self.trained = trained
        self._still: list[nn.Module] = []

    def before_run(self, runner: Any) -> None:
        """Freeze before the first forward pass, and before a checkpoint is loaded."""
        model = unwrapped(runner.model)
        self._still = freeze(model, self.frozen, self.trained)
        if is_model_wrapper(runner.model):
            self._wrap_again(runner, model)

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Put the frozen modules back into eval mode."""
        for module in self._still:
            module.eval()

    @staticmethod
    def _wrap_again(runner: Any, model: nn.Module) -> None:
        if not isinstance(runner.model, MMDistributedDataParallel):
            raise ValueError(
                f'FreezeHook: the model is wrapped in {type(runner.model).__name__}; it works in one process or in '
                'MMDistributedDataParallel'
            )
        runner.model = None
        gc.collect()  # the reducer of the first wrapper takes its hooks off the parameters when it is gone
        runner.model = runner.wrap_model(runner.cfg.get('model_wrapper_cfg'), model)


def freeze(
    model: nn.Module, frozen: Sequence[str] | None = None, trained: Sequence[str] | None = None
) -> list[nn.Module]:
    """Stop the gradients of parts of a model and put these parts into eval mode.

    Args:
        model: any module.
        frozen: names of modules or parameters, or patterns of names; see `FreezeHook`.
        trained: instead of `frozen`, the only parts that train.

    Returns:
        The outermost frozen modules, to be put into eval mode again after `model.train()`.

    Raises:
        ValueError: a pattern that matches nothing, or nothing left to train.

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
        >>> [type(module).__name__ for module in freeze(model, trained=['2'])]
        ['Linear', 'BatchNorm1d']
    """
    parameters = dict(model.named_parameters())
    modules = {name: module for name, module in model.named_modules() if name}
    if frozen is not None:
        names = select_names(frozen, [*modules, *parameters], 'frozen')
    else:
        kept = select_names(trained or (), [*modules, *parameters], 'trained')
        names = parameters.keys() - kept
    # modules without parameters, such as losses, go on as they are unless they are named
    names |= {name for name, module in modules.items() if _holds_only(name, module, names)}
    for name in names & parameters.keys():
        parameters[name].requires_grad_(False)
    left = sum(parameter.numel() for parameter in parameters.values() if parameter.requires_grad)
    if not left:
        raise ValueError(f'frozen={frozen}, trained={trained} leaves no parameter of {type(model).__name__} to train')
    total = sum(parameter.numel() for parameter in parameters.values())
    print_log(f'{total - left} of {total} parameters are frozen, {left} are trained', logger='current')
    still = [module for name, module in modules.items() if name in names and name.rpartition('.')[0] not in names]
    for module in still:
        module.eval()
    return still


def _holds_only(prefix: str, module: nn.Module, names: set[str]) -> bool:
    inner = [f'{prefix}.{name}' for name, _ in module.named_parameters()]
    return bool(inner) and names.issuperset(inner)
