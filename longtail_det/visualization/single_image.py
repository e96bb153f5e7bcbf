"""One image with its objects: boxes, masks and names that do not cover each other, colored by frequency group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from .image_grid import DrawnInstances, draw_mask, group_legend
from .style import GROUP_COLORS, NEUTRAL, PIXELS_PER_INCH, figure_style, short_name

_LEAST_SIDE, _MOST_SIDE = 640, 1600  # pixels of the longer side as it is drawn
_STRIP = 34  # pixels of title and legend below the image
_LONGEST_NAME = 28


def plot_image(image: NDArray[np.uint8], instances: DrawnInstances, title: str = '') -> Figure:
    """Draw the objects of one image over it; where two overlap, the first of them is on top.

    Args:
        image: (H, W, 3) uint8 RGB; a small one is drawn larger, so that names can be read.
        instances: its objects, the most important first.
        title: short name of the image, below it.

    Returns:
        A figure with the image to its edges, and below it the title and a legend of the group colors.
    """
    height, width = image.shape[:2]
    scale = max(_LEAST_SIDE / max(height, width), 1) * min(_MOST_SIDE / max(height, width), 1)
    wide, high = max(round(width * scale), _LEAST_SIDE // 2), round(height * scale)
    with figure_style():
        figure = Figure(figsize=(wide / PIXELS_PER_INCH, (high + _STRIP) / PIXELS_PER_INCH), dpi=PIXELS_PER_INCH)
        axes = figure.add_axes((0, _STRIP / (high + _STRIP), 1, high / (high + _STRIP)))
        axes.set_axis_off()
        axes.imshow(image, interpolation='nearest' if scale > 1 else 'antialiased')
        colors = [GROUP_COLORS.get(group, NEUTRAL) for group in instances.groups]
        for i in reversed(range(len(colors))):
            if instances.masks is not None:
                draw_mask(axes, instances.masks[i], colors[i])
            x1, y1, x2, y2 = instances.boxes[i].tolist()
            corner = x1 - 0.5, y1 - 0.5
            axes.add_patch(Rectangle(corner, x2 - x1, y2 - y1, fill=False, edgecolor=colors[i], linewidth=1.2))
        axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
        _write_names(figure, axes, instances, colors)
        middle = _STRIP / 2 / (high + _STRIP)
        figure.text(8 / wide, middle, short_name(title, 40), fontsize=7, color=NEUTRAL, va='center')
        if instances.groups:
            box = (1 - 2 / wide, middle)
            handles = group_legend(set(instances.groups))
            figure.legend(handles=handles, loc='center right', bbox_to_anchor=box, ncols=4, fontsize=7, borderpad=0)
    return figure


def _write_names(figure: Figure, axes: Axes, instances: DrawnInstances, colors: Sequence[str]) -> None:
    """Write each name at the side of its box where it covers the least of those already there."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    placed: list[Bbox] = []
    for i, (box, color) in enumerate(zip(instances.boxes.tolist(), colors, strict=True)):
        score = '' if instances.scores is None else f' {100 * instances.scores[i]:.0f}'
        frame = {'facecolor': color, 'edgecolor': 'none', 'pad': 1.0, 'alpha': 0.85}
        text = axes.text(
            0,
            0,
            f'{short_name(instances.names[i], _LONGEST_NAME)}{score}',
            fontsize=7,
            color='white',
            clip_on=True,
            bbox=frame,
            zorder=4 - i / len(colors),
        )
        corners = axes.transData.transform([[box[0] - 0.5, box[3] - 0.5], [box[2] - 0.5, box[1] - 0.5]])
        options = list(_places(Bbox(corners), text.get_window_extent(renderer).padded(3), axes.bbox))
        best = min(options, key=lambda option: sum(_shared_area(option, other) for other in placed))
        placed.append(best)
        _move(text, axes, best)


def _places(box: Bbox, size: Bbox, image: Bbox) -> Iterator[Bbox]:
    """Where a name may stand in pixels, the best place first: above, below, then inside its box; never outside."""
    lefts = box.x0, box.x1 - size.width
    bottoms = box.y1, box.y0 - size.height, box.y1 - size.height, box.y0
    for bottom in bottoms:
        for left in lefts:
            x = min(max(left, image.x0), max(image.x1 - size.width, image.x0))
            y = min(max(bottom, image.y0), image.y1 - size.height)
            yield Bbox.from_bounds(x, y, size.width, size.height)


def _shared_area(first: Bbox, second: Bbox) -> float:
    shared = Bbox.intersection(first, second)
    return 0.0 if shared is None else float(shared.width * shared.height)


def _move(text: Text, axes: Axes, place: Bbox) -> None:
    x, y = axes.transData.inverted().transform((place.x0 + 3, (place.y0 + place.y1) / 2)).tolist()
    text.set_position((x, y))
    text.set(ha='left', va='center_baseline')
