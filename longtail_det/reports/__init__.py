"""A run directory -> tables and one page."""

from .details import Details
from .report import ReportFigure, write_report
from .report_tables import classes_csv, report_markdown, results_csv
from .run_directory import (
    DataSource,
    Results,
    data_source,
    evaluation_command,
    find_config,
    find_predictions,
    read_config,
    read_results,
    read_train_log,
)
from .run_predictions import RunPredictions, read_image_paths, read_predictions
from .runs import Run, data_of_runs, find_runs

__all__ = [
    'DataSource',
    'Details',
    'ReportFigure',
    'Results',
    'Run',
    'RunPredictions',
    'classes_csv',
    'data_of_runs',
    'data_source',
    'evaluation_command',
    'find_config',
    'find_predictions',
    'find_runs',
    'read_config',
    'read_image_paths',
    'read_predictions',
    'read_results',
    'read_train_log',
    'report_markdown',
    'results_csv',
    'write_report',
]
