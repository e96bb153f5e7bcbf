"""Checkpoints of mmdet 2.x and detectron2, renamed for the models of mmdet 3.x."""

from .comparison import Comparison, compare, describe_classes
from .detectron2 import expected_style, from_detectron2, source_input
from .image_input import ImageInput, fold_input
from .mmdet2 import from_mmdet2
from .renaming import Renamed
from .report import dropped_lines, report_lines
from .source import detect_source, read_source

__all__ = [
    'Comparison',
    'ImageInput',
    'Renamed',
    'compare',
    'describe_classes',
    'detect_source',
    'dropped_lines',
    'expected_style',
    'fold_input',
    'from_detectron2',
    'from_mmdet2',
    'read_source',
    'report_lines',
    'source_input',
]
