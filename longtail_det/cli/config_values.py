"""Check the numbers of a config that mmdet and mmengine take as they are, before anything long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from longtail_det.checks import number, probability, whole

from .errors import UserError

Check = Callable[[str, Any], object]


def _whole_or_all(name: str, value: Any) -> None:
    """-1 stands for all."""
    if value != -1 or isinstance(value, bool):
        whole(name, value, 1)


_AT_LEAST_1: Check = partial(whole, low=1)
_AT_LEAST_0: Check = partial(number, low=0)
#: part of a config -> key anywhere in it -> check of a number that is not None
_CHECKS: Mapping[str, Mapping[str, Check]] = {
    'model': {
        'loss_weight': _AT_LEAST_0,
        'mask_thr_binary': number,
        'max_per_img': _whole_or_all,
        'min_bbox_size': number,
        'nms_pre': _whole_or_all,
        'num_classes': _AT_LEAST_1,
        **dict.fromkeys(('score_thr', 'iou_threshold', 'min_pos_iou', 'pos_fraction', 'pos_iou_thr'), probability),
    },
    'optim_wrapper': {
        'accumulative_counts': _AT_LEAST_1,
        'max_norm': partial(number, above=0),
        **dict.fromkeys(('lr', 'weight_decay', 'momentum'), _AT_LEAST_0),
    },
    'train_cfg': dict.fromkeys(('max_iters', 'max_epochs', 'val_interval'), _AT_LEAST_1),
    'default_hooks': {'interval': _whole_or_all},
    'randomness': {'seed': partial(whole, low=0, high=2**32 - 1)},
    **{
        f'{loop}_dataloader': {
            'batch_size': _AT_LEAST_1,
            'num_workers': partial(whole, low=0),
            'oversample_thr': probability,
            'prob': lambda name, value: isinstance(value, (list, tuple)) or probability(name, value),
        }
        for loop in ('train', 'val', 'test')
    },
}


def check_values(cfg: Mapping[str, Any]) -> None:
    """Raise for a number of a config that is out of its range.

    Args:
        cfg: the config.

    Raises:
        UserError: names the key, the value and the range.
    """
    for part, checks in _CHECKS.items():
        for path, key, value in _walk(cfg.get(part), part):
            # where it is a list, one for each level or class, only its owner knows what it means
            if key in checks and value is not None and not isinstance(value, (Mapping, list, tuple)):
                try:
                    checks[key](path, value)
                except ValueError as error:
                    raise UserError(f'the config has {error}') from None


def _walk(node: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield f'{path}.{key}', key, value
            yield from _walk(value, f'{path}.{key}')
    elif isinstance(node, (list, tuple)):
        for place, value in enumerate(node):
            yield from _walk(value, f'{path}.{place}')
