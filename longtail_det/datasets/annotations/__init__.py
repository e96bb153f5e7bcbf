"""Reading annotation files: json -> tables of good records, and a name for each bad one."""

from .checks import ON_BAD, BadRecords
from .file import AnnotationFile, read_annotation_file, read_categories
from .packed_mask import PackedMask
from .table import AnnotationTable, ImageTable, find_rows

__all__ = [
    'ON_BAD',
    'AnnotationFile',
    'AnnotationTable',
    'BadRecords',
    'ImageTable',
    'PackedMask',
    'find_rows',
    'read_annotation_file',
    'read_categories',
]
