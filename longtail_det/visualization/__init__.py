"""Figures and reports: data -> Figure -> html; nothing here computes a result or knows a model."""

from .ap_by_frequency import plot_ap_by_frequency
from .ap_by_group import metric_title, plot_ap_by_group
from .class_differences import plot_class_differences
from .class_frequency import plot_class_frequency
from .class_frequency_resampled import plot_resampling
from .class_gallery import GalleryCrop, GalleryRow, plot_class_gallery
from .confusion import plot_confusion
from .gallery_samples import load_gallery
from .image_grid import DrawnInstances, GridSample, plot_image_grid
from .losses import plot_losses
from .pareto import plot_pareto
from .reliability import plot_reliability
from .report import ReportFigure, write_report
from .report_tables import classes_csv, report_markdown, results_csv
from .run_directory import (
    DataSource,
    data_source,
    evaluation_command,
    find_config,
    find_predictions,
    read_config,
    read_results,
    read_train_log,
)
from .run_predictions import RunPredictions, read_image_paths, read_predictions
from .samples import choose_images, load_grid_samples
from .style import GROUP_COLORS, figure_png

__all__ = [
    'GROUP_COLORS',
    'DataSource',
    'DrawnInstances',
    'GalleryCrop',
    'GalleryRow',
    'GridSample',
    'ReportFigure',
    'RunPredictions',
    'choose_images',
    'classes_csv',
    'data_source',
    'evaluation_command',
    'figure_png',
    'find_config',
    'find_predictions',
    'load_gallery',
    'load_grid_samples',
    'metric_title',
    'plot_ap_by_frequency',
    'plot_ap_by_group',
    'plot_class_differences',
    'plot_class_frequency',
    'plot_class_gallery',
    'plot_confusion',
    'plot_image_grid',
    'plot_losses',
    'plot_pareto',
    'plot_reliability',
    'plot_resampling',
    'read_config',
    'read_image_paths',
    'read_predictions',
    'read_results',
    'read_train_log',
    'report_markdown',
    'results_csv',
    'write_report',
]
