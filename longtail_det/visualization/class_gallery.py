"""Rows of cut-out objects, one class a row, with what the detector made of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from .image_grid import DrawnInstances, draw_mask
from .style import GROUP_COLORS, NEUTRAL, figure_style, new_figure, short_name

_LABEL_WIDTH = 1.35  # of the column of class names, in crops


@dataclass(frozen=True)
class GalleryCrop:
    """One object and the detections on it.

    Args:
        image: (H, W, 3) uint8 RGB, whole.
        window: left, top, right, bottom of the part that is shown, pixels.
        truth: the object.
        found: detections on it, best first.
    """

    image: NDArray[np.uint8]
    window: tuple[float, float, float, float]
    truth: DrawnInstances
    found: DrawnInstances


@dataclass(frozen=True)
class GalleryRow:
    """A class and some of its objects.

    Args:
        name: of the class.
        group: 'r', 'c', 'f', or '' where unknown.
        caption: what is said of the class.
        crops: its objects.
    """

    name: str
    group: str
    caption: str
    crops: Sequence[GalleryCrop]


def plot_class_gallery(rows: Sequence[GalleryRow]) -> Figure:
    """Draw the objects of each class in a row: dashed the annotated box, in color the detections with their scores.

    Args:
        rows: one class each.

    Returns:
        A figure of as many rows; under each crop is what the object was confused with.

    Raises:
        ValueError: no row.
    """
    if not rows:
        raise ValueError('no class to draw; expected at least one GalleryRow')
    columns = max(len(row.crops) for row in rows)
    with figure_style():
        figure = new_figure(1.8 * (_LABEL_WIDTH + max(columns, 3)), 2.25 * len(rows) + 0.1)
        figure.set_layout_engine('constrained', h_pad=0.08)
        panels = figure.subplots(len(rows), columns + 1, squeeze=False, width_ratios=[_LABEL_WIDTH, *[1] * columns])
        for axes in panels.flat:
            axes.set_axis_off()
        for line, row in zip(panels, rows, strict=True):
            _draw_label(line[0], row)
            for axes, crop in zip(line[1:], row.crops, strict=False):
                _draw_crop(axes, crop)
                _say_answer(axes, row.name, crop.found)
    return figure


def _draw_label(axes: Axes, row: GalleryRow) -> None:
    color = GROUP_COLORS.get(row.group, NEUTRAL)
    axes.text(0, 0.55, _wrapped(row.name), fontsize=10, fontweight='bold', color=color, va='bottom')
    axes.text(0, 0.48, row.caption, fontsize=8, color=NEUTRAL, va='top')
    axes.set(xlim=(0, 1), ylim=(0, 1))


def _draw_crop(axes: Axes, crop: GalleryCrop) -> None:
    left, top, right, bottom = crop.window
    axes.imshow(crop.image, interpolation='nearest' if right - left <= 160 else 'antialiased')
    for x1, y1, x2, y2 in crop.truth.boxes.tolist():
        corner, size = (x1 - 0.5, y1 - 0.5), (x2 - x1, y2 - y1)
        axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor='black', linewidth=2.0))
        axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor='white', linewidth=1.1, linestyle=(0, (3, 2))))
    for i, (x1, y1, x2, y2) in reversed(list(enumerate(crop.found.boxes.tolist()))):  # the best one on top
        color = GROUP_COLORS.get(crop.found.groups[i], NEUTRAL)
        axes.add_patch(Rectangle((x1 - 0.5, y1 - 0.5), x2 - x1, y2 - y1, fill=False, edgecolor=color, linewidth=1.6))
        if i == 0 and crop.found.masks is not None:
            draw_mask(axes, crop.found.masks[i], color)
    axes.set(xlim=(left - 0.5, right - 0.5), ylim=(bottom - 0.5, top - 0.5))


def _say_answer(axes: Axes, name: str, found: DrawnInstances) -> None:
    """Write the detections on the object, one a line; a cross marks another class than the right one."""
    lines = [('missed', NEUTRAL)] if not len(found.boxes) else []
    scores = np.zeros(0) if found.scores is None else found.scores
    for i in range(len(found.boxes)):
        mark = '✓' if found.names[i] == name else '✗'
        color = GROUP_COLORS.get(found.groups[i], NEUTRAL)
        lines.append((f'{mark} {short_name(found.names[i], 18)} {100 * scores[i]:.0f}', color))
    for i, (text, color) in enumerate(lines):
        axes.annotate(
            text,
            (0, 0),
            xycoords='axes fraction',
            xytext=(0, -4 - 9 * i),
            textcoords='offset points',
            va='top',
            fontsize=7.5,
            color=color,
        )


def _wrapped(name: str, length: int = 17) -> str:
    """Return a long name broken at blanks and underscores."""
    lines = ['']
    for part in name.replace('_', '_ ').split(' '):
        piece = part if not lines[-1] or lines[-1].endswith('_') else f' {part}'
        if lines[-1] and len(lines[-1]) + len(piece) > length:
            lines.append(part)
        else:
            lines[-1] += piece
    return '\n'.join(lines)
