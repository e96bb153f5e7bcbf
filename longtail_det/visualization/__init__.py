"""Figures and reports: data -> Figure -> html; nothing here computes a result or knows a model."""

from .ap_by_group import plot_ap_by_group
from .class_frequency import plot_class_frequency
from .class_frequency_resampled import plot_resampling
from .image_grid import DrawnInstances, GridSample, plot_image_grid
from .losses import plot_losses
from .report import ReportFigure, write_report
from .run_directory import (
    DataSource,
    data_source,
    evaluation_command,
    find_config,
    read_config,
    read_predictions,
    read_results,
    read_train_log,
)
from .samples import choose_images, load_grid_samples
from .style import GROUP_COLORS, figure_png

__all__ = [
    'GROUP_COLORS',
    'DataSource',
    'DrawnInstances',
    'GridSample',
    'ReportFigure',
    'choose_images',
    'data_source',
    'evaluation_command',
    'figure_png',
    'find_config',
    'load_grid_samples',
    'plot_ap_by_group',
    'plot_class_frequency',
    'plot_image_grid',
    'plot_losses',
    'plot_resampling',
    'read_config',
    'read_predictions',
    'read_results',
    'read_train_log',
    'write_report',
]
