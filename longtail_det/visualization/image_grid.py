"""Images with ground truth beside predictions: boxes, masks and names, colored by frequency group."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from .style import GROUP_COLORS, NEUTRAL, figure_style, group_name, new_figure

_IMAGES_PER_ROW = 2
_MASK_ALPHA = 0.35


@dataclass(frozen=True)
class DrawnInstances:
    """Objects of one image, ready to be drawn.

    Args:
        boxes: (n, 4) xyxy in pixels.
        names: n class names.
        groups: n frequency groups 'r', 'c' or 'f'; '' where unknown.
        masks: (n, H, W) bool, or None where there are only boxes.
        scores: (n,) in [0, 1], or None for ground truth.
    """

    boxes: NDArray[np.float64]
    names: Sequence[str]
    groups: Sequence[str]
    masks: NDArray[np.bool_] | None = None
    scores: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class GridSample:
    """One image with what is on it and what was found.

    Args:
        image: (H, W, 3) uint8 RGB.
        ground_truth: annotated objects.
        predictions: detections, those to be shown.
        title: short name of the image.
    """

    image: NDArray[np.uint8]
    ground_truth: DrawnInstances
    predictions: DrawnInstances
    title: str = ''


def plot_image_grid(samples: Sequence[GridSample]) -> Figure:
    """Draw each image twice, ground truth left and predictions right.

    Args:
        samples: images in the order of drawing, two of them a row.

    Returns:
        A figure of as many rows as needed, with a legend of the group colors.

    Raises:
        ValueError: no sample.
    """
    if not samples:
        raise ValueError('no image to draw; expected at least one GridSample')
    images = min(_IMAGES_PER_ROW, len(samples))
    rows = math.ceil(len(samples) / images)
    with figure_style():
        figure = new_figure(4.8 * images, 2.55 * rows + 0.4)
        panels = figure.subplots(rows, 2 * images, squeeze=False)
        for axes in panels.flat:
            axes.set_axis_off()
        for i, sample in enumerate(samples):
            row, column = divmod(i, images)
            left, right = panels[row, 2 * column : 2 * column + 2]
            _draw(left, sample.image, sample.ground_truth, f'{sample.title} ground truth'.strip())
            _draw(right, sample.image, sample.predictions, 'predictions')
        used = {group for each in samples for drawn in (each.ground_truth, each.predictions) for group in drawn.groups}
        figure.legend(handles=group_legend(used), loc='outside lower center', ncols=4)
    return figure


def group_legend(used: Collection[str]) -> list[Patch]:
    """Return the patches of a legend for the frequency groups in use, of 'r', 'c', 'f' and ''."""
    handles = [Patch(color=color, label=group_name(group)) for group, color in GROUP_COLORS.items() if group in used]
    return handles + ([Patch(color=NEUTRAL, label='group unknown')] if '' in used else [])


def _draw(axes: Axes, image: NDArray[np.uint8], instances: DrawnInstances, title: str) -> None:
    height, width = image.shape[:2]
    axes.imshow(image, interpolation='nearest' if width <= 256 else 'antialiased')
    axes.set_title(title, fontsize=8, pad=3, fontweight='normal', color=NEUTRAL)
    colors = [GROUP_COLORS.get(group, NEUTRAL) for group in instances.groups]
    if instances.masks is not None:
        for mask, color in zip(instances.masks, colors, strict=True):
            draw_mask(axes, mask, color)
    for i, ((x1, y1, x2, y2), color) in enumerate(zip(instances.boxes.tolist(), colors, strict=True)):
        axes.add_patch(Rectangle((x1 - 0.5, y1 - 0.5), x2 - x1, y2 - y1, fill=False, edgecolor=color, linewidth=1.2))
        score = '' if instances.scores is None else f' {100 * instances.scores[i]:.0f}'
        at_right = x1 > 0.6 * width
        axes.text(
            x2 - 0.5 if at_right else x1,
            y1 - 0.5,
            f'{instances.names[i]}{score}',
            fontsize=6,
            color='white',
            ha='right' if at_right else 'left',
            va='bottom' if y1 > 0.06 * height else 'top',
            clip_on=True,
            zorder=4 - i / len(instances.boxes),  # the best one on top where names overlap
            bbox={'facecolor': color, 'edgecolor': 'none', 'pad': 0.8, 'alpha': 0.9},
        )
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def draw_mask(axes: Axes, mask: NDArray[np.bool_], color: str) -> None:
    """Draw an (H, W) bool mask over an image, in a color '#RRGGBB'."""
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return
    # only the window of the object: most are small, and the image may be large
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    window = mask[top:bottom, left:right]
    overlay = np.zeros((*window.shape, 4))
    overlay[window] = (red, green, blue, _MASK_ALPHA)
    edges = left - 0.5, right - 0.5, bottom - 0.5, top - 0.5
    axes.imshow(overlay, interpolation='nearest', extent=edges)
    x, y = np.arange(left - 1, right + 1), np.arange(top - 1, bottom + 1)
    axes.contour(x, y, np.pad(window, 1).astype(float), [0.5], colors=[color], linewidths=0.9)
