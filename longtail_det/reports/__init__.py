"""A run directory -> tables and one page."""

from .details import Details
from .page_parts import ReportFigure, ReportSection
from .report import write_report
from .report_tables import classes_csv, report_markdown, results_csv
from .run_directory import DataSource, evaluation_command
from .runs import Run, data_of_runs, find_runs

__all__ = [
    'DataSource',
    'Details',
    'ReportFigure',
    'ReportSection',
    'Run',
    'classes_csv',
    'data_of_runs',
    'evaluation_command',
    'find_runs',
    'report_markdown',
    'results_csv',
    'write_report',
]
