"""The one reader of LVIS and COCO files: records, checks, tables, classes."""

from .checks import ON_BAD, BadRecords
from .classes import category_groups, match_classes
from .counting import count_annotations, load_class_statistics
from .file import AnnotationFile, read_annotation_file, read_categories
from .packed_mask import PackedMask
from .statistics_source import StatisticsSource, as_class_statistics
from .table import AnnotationTable, ImageTable, find_rows

__all__ = [
    'ON_BAD',
    'AnnotationFile',
    'AnnotationTable',
    'BadRecords',
    'ImageTable',
    'PackedMask',
    'StatisticsSource',
    'as_class_statistics',
    'category_groups',
    'count_annotations',
    'find_rows',
    'load_class_statistics',
    'match_classes',
    'read_annotation_file',
    'read_categories',
]
