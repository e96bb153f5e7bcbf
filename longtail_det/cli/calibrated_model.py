"""A calibration in the config of a model, and class statistics in a built one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmdet.registry import MODELS
from mmengine.config import Config
from torch import nn

from longtail_det.annotations import load_class_statistics
from longtail_det.calibration import CountCalibration
from longtail_det.models import LongTailBBoxHead
from longtail_det.statistics import ClassStatistics

from .errors import UserError, user_errors


def set_calibration(cfg: Config, calibration: Mapping[str, Any]) -> None:
    """Give every box head of a config a calibration.

    Args:
        cfg: with `model`.
        calibration: config of the calibration.

    Raises:
        UserError: no box heads, or of a type that takes none.
    """
    heads = (cfg.model.get('roi_head') or {}).get('bbox_head')
    if not heads:
        raise UserError('--calibration works on box heads, and the model of this config has no roi_head.bbox_head')
    for head in heads if isinstance(heads, list | tuple) else [heads]:
        kind = MODELS.get(head['type']) if isinstance(head['type'], str) else head['type']
        if kind is None or not issubclass(kind, LongTailBBoxHead):
            raise UserError(
                f'--calibration needs a LongTailBBoxHead, and model.roi_head.bbox_head has type {head["type"]}; '
                'LongTailBBoxHead takes the same arguments and weights as Shared2FCBBoxHead, set type to it'
            )
        head['calibration'] = dict(calibration)


def read_statistics(path: str, classes: Sequence[str]) -> ClassStatistics:
    """Return the statistics of a training set in the order of the model's classes.

    Args:
        path: training annotations, or the json of their counts.
        classes: names.

    Raises:
        UserError: no such file, or it lacks a class.
    """
    with user_errors():
        try:
            return load_class_statistics(path).of_classes(classes)
        except ValueError as error:
            raise ValueError(f'--ann {path}: {error}') from None


def give_statistics(model: nn.Module, path: str, classes: Sequence[str]) -> None:
    """Give the calibrations of a model the counts of a training set; they win over those of a checkpoint.

    Args:
        model: with or without wrapper.
        path: training annotations, or the json of their counts.
        classes: names of the model's classes in order.

    Raises:
        UserError: nothing takes counts, or the file does not fit.
    """
    takers = [module for module in model.modules() if isinstance(module, CountCalibration)]
    if not takers:
        raise UserError('--ann gives counts to a calibration, and the model has none that counts; add --calibration')
    statistics = read_statistics(path, classes)
    with user_errors():
        for taker in takers:
            taker.init_table(statistics)
