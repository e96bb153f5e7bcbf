"""A color for every class."""

from __future__ import annotations

import colorsys

_GOLDEN_RATIO = 0.618034


def make_palette(num_classes: int) -> list[tuple[int, int, int]]:
    """Return a color for every class, the same in every run; neighbors are far apart on the color wheel.

    Args:
        num_classes: C, any number.

    Returns:
        C colors, each red, green, blue in [0, 255].

    Example:
        >>> make_palette(2)
        [(242, 48, 48), (48, 105, 242)]
    """
    colors = []
    for c in range(num_classes):
        hue = c * _GOLDEN_RATIO % 1
        red, green, blue = colorsys.hsv_to_rgb(hue, (0.8, 0.55)[c // 3 % 2], (0.95, 0.75)[c // 7 % 2])
        colors.append((round(255 * red), round(255 * green), round(255 * blue)))
    return colors
