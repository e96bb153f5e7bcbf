"""Calibrations: test-time corrections of class scores for any trained box head (docs/calibration.md)."""

from .base import Calibration, CountCalibration
from .fracal import FRACAL
from .iif import IIF
from .log_n import LogN
from .logit_adjustment import LogitAdjustment
from .logit_statistics import LogitStatistics
from .norcal import NorCal

#: what a box head can name as its `calibration`
CALIBRATIONS = (FRACAL, IIF, LogN, LogitAdjustment, NorCal)

__all__ = [
    'CALIBRATIONS',
    'FRACAL',
    'IIF',
    'Calibration',
    'CountCalibration',
    'LogN',
    'LogitAdjustment',
    'LogitStatistics',
    'NorCal',
]
