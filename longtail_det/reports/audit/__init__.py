"""The audit of a data set: what is wrong with its balance, and what to do."""

from .audit import Audit, RareImages, ResamplingRow, TailRow, make_audit
from .findings import Finding, ValCounts, match_classes
from .names import SimilarNames, find_similar_names
from .page import write_audit_page
from .split import Split, read_split
from .tables import Table, class_table, resampling_table, suggestion_table, tail_table

__all__ = [
    'Audit',
    'Finding',
    'RareImages',
    'ResamplingRow',
    'SimilarNames',
    'Split',
    'Table',
    'TailRow',
    'ValCounts',
    'class_table',
    'find_similar_names',
    'make_audit',
    'match_classes',
    'read_split',
    'resampling_table',
    'suggestion_table',
    'tail_table',
    'write_audit_page',
]
