"""The one reader of LVIS, COCO and YOLO: records, checks, tables, classes, and the memory-mapped store of them."""

from .bad_records import ON_BAD, BadRecords
from .classes import category_groups, category_image_counts, check_classes, select_categories
from .columns import AnnotationColumns, Segmentations, read_columns
from .counting import count_file, index_instances, load_class_statistics
from .file import AnnotationFile, read_annotation_file, read_categories, read_images, read_records, select_good
from .group_flags import read_group_flags
from .label_index import LabelIndex, Role, assign_roles, index_labels
from .masks import MaskKind
from .statistics_source import StatisticsSource, as_class_statistics
from .store import check_store, open_store
from .table import AnnotationTable, ImageTable, find_rows, find_sorted
from .yolo import NOMINAL_SIDE, read_yolo_columns

__all__ = [
    'NOMINAL_SIDE',
    'ON_BAD',
    'AnnotationColumns',
    'AnnotationFile',
    'AnnotationTable',
    'BadRecords',
    'ImageTable',
    'LabelIndex',
    'MaskKind',
    'Role',
    'Segmentations',
    'StatisticsSource',
    'as_class_statistics',
    'assign_roles',
    'category_groups',
    'category_image_counts',
    'check_classes',
    'check_store',
    'count_file',
    'find_rows',
    'find_sorted',
    'index_instances',
    'index_labels',
    'load_class_statistics',
    'open_store',
    'read_annotation_file',
    'read_categories',
    'read_columns',
    'read_group_flags',
    'read_images',
    'read_records',
    'read_yolo_columns',
    'select_categories',
    'select_good',
]
