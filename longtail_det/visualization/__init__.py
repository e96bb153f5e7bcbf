"""Figures and reports: data -> Figure -> html; nothing here computes a result or knows a model."""

from .ap_by_frequency import plot_ap_by_frequency
from .ap_by_group import metric_title, plot_ap_by_group
from .class_differences import plot_class_differences
from .class_frequency import plot_class_frequency
from .class_frequency_resampled import plot_resampling
from .class_gallery import GalleryCrop, GalleryRow, plot_class_gallery
from .class_marks import ClassMark, class_marks, mark_classes
from .confusion import plot_confusion
from .error_types import plot_error_types
from .gallery_samples import load_gallery
from .group_differences import plot_group_differences
from .image_grid import DrawnInstances, GridSample, plot_image_grid
from .losses import plot_losses
from .pareto import plot_pareto
from .reliability import plot_reliability
from .samples import choose_images, load_grid_samples
from .single_image import plot_image
from .study import Point, plot_forest, plot_over_steps, plot_tradeoff
from .style import GROUP_COLORS, figure_png
from .thresholds import ThresholdCurve, plot_thresholds
from .validation_counts import plot_validation_counts

__all__ = [
    'GROUP_COLORS',
    'ClassMark',
    'DrawnInstances',
    'GalleryCrop',
    'GalleryRow',
    'GridSample',
    'Point',
    'ThresholdCurve',
    'choose_images',
    'class_marks',
    'figure_png',
    'load_gallery',
    'load_grid_samples',
    'mark_classes',
    'metric_title',
    'plot_ap_by_frequency',
    'plot_ap_by_group',
    'plot_class_differences',
    'plot_class_frequency',
    'plot_class_gallery',
    'plot_confusion',
    'plot_error_types',
    'plot_forest',
    'plot_group_differences',
    'plot_image',
    'plot_image_grid',
    'plot_losses',
    'plot_over_steps',
    'plot_pareto',
    'plot_reliability',
    'plot_resampling',
    'plot_thresholds',
    'plot_tradeoff',
    'plot_validation_counts',
]
