"""The one reader of LVIS and COCO files: records, checks, tables, classes."""

from .checks import ON_BAD, BadRecords
from .classes import category_groups, check_classes, select_categories
from .counting import count_file, load_class_statistics
from .file import AnnotationFile, read_annotation_file, read_categories, read_images, read_records
from .label_index import LabelIndex, Role, assign_roles, index_labels
from .packed_mask import PackedMask
from .statistics_source import StatisticsSource, as_class_statistics
from .table import AnnotationTable, ImageTable, find_rows, find_sorted

__all__ = [
    'ON_BAD',
    'AnnotationFile',
    'AnnotationTable',
    'BadRecords',
    'ImageTable',
    'LabelIndex',
    'PackedMask',
    'Role',
    'StatisticsSource',
    'as_class_statistics',
    'assign_roles',
    'category_groups',
    'check_classes',
    'count_file',
    'find_rows',
    'find_sorted',
    'index_labels',
    'load_class_statistics',
    'read_annotation_file',
    'read_categories',
    'read_images',
    'read_records',
    'select_categories',
]
