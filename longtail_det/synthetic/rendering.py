"""Images: glyphs of random size, turn, slant and color, side by side on a textured background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .characters import fonts_with
from .outlines import outline, rasterize, rotation, transform_outline

# Glyph masks are drawn this many times finer than the image, both for smooth edges and for exact polygons.
SUBPIXELS = 4

_MAX_TURN = 20.0
_MAX_SLANT = 0.2
_ASPECTS = (0.85, 1.15)
# Longest side of a glyph before it is turned, as a share of the image side.
_SIZES = (0.2, 0.45)
# On a crowded image glyphs shrink, so that together they cover at most about this share of it.
_COVER = 0.4
_SHRINK = 0.9
_MARGIN = 1
_NOISE = 4.0
_MIN_CONTRAST = 70.0
_LUMA = np.array([0.114, 0.587, 0.299], dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Glyph:
    """A glyph on an image.

    Args:
        class_index: index of its character.
        left: first column of its mask, in pixels of the image.
        top: first row of its mask.
        mask: (height * SUBPIXELS, width * SUBPIXELS) uint8, 1 on the glyph.
    """

    class_index: int
    left: int
    top: int
    mask: NDArray[np.uint8]

    @property
    def coverage(self) -> NDArray[np.float32]:
        """Return the (height, width) share of each pixel that the glyph covers, in [0, 1]."""
        height, width = self.mask.shape[0] // SUBPIXELS, self.mask.shape[1] // SUBPIXELS
        mask = self.mask.astype(np.float32)
        return np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA), dtype=np.float32)


def render_image(
    classes: NDArray[np.int64], characters: Sequence[str], image_size: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], list[Glyph]]:
    """Return one image and its glyphs.

    Args:
        classes: (K,) class index of every glyph to draw.
        characters: the character of each class index.
        image_size: width and height in pixels.
        rng: the source of everything random.

    Returns:
        (image_size, image_size, 3) uint8 BGR, and its glyphs in the order of `classes`; no two of their boxes meet.
    """
    canvas = _background(image_size, rng)
    glyphs = _place(classes, characters, image_size, rng)
    for glyph in glyphs:
        height, width = glyph.mask.shape[0] // SUBPIXELS, glyph.mask.shape[1] // SUBPIXELS
        region = canvas[glyph.top : glyph.top + height, glyph.left : glyph.left + width]
        color = _color_unlike(region.mean(axis=(0, 1)), rng)
        region += glyph.coverage[:, :, None] * (color - region)
    canvas += rng.normal(0, _NOISE, canvas.shape).astype(np.float32)
    return np.clip(canvas, 0, 255).astype(np.uint8), glyphs


def _background(size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return (size, size, 3) of noise at three scales over a gradient and, half of the time, stripes."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    canvas = np.full((size, size, 3), rng.uniform(50, 205, 3), dtype=np.float32)
    for cells in (3, 8, 24):
        noise = rng.normal(0, rng.uniform(4, 14), (cells, cells, 3)).astype(np.float32)
        canvas += np.asarray(cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC), dtype=np.float32)
    angle = rng.uniform(0, 2 * np.pi, 2)
    gradient = (x * np.cos(angle[0]) + y * np.sin(angle[0])) * rng.uniform(0, 50)
    if rng.random() < 0.5:
        waves = rng.uniform(4, 20) * 2 * np.pi * (x * np.cos(angle[1]) + y * np.sin(angle[1]))
        gradient = gradient + rng.uniform(4, 14) * np.sin(waves)
    canvas += gradient.astype(np.float32)[:, :, None]
    return canvas


def _place(
    classes: NDArray[np.int64], characters: Sequence[str], image_size: int, rng: np.random.Generator
) -> list[Glyph]:
    """Return every glyph shaped and put where its box is free, all of them smaller whenever one finds no room."""
    scale: float = image_size * min(1.0, (_COVER / max(len(classes), 1)) ** 0.5 / (sum(_SIZES) / 2))
    while True:
        taken = np.zeros((image_size, image_size), dtype=np.uint8)
        glyphs = []
        for c in classes:
            mask = _glyph_mask(characters[c], rng.uniform(*_SIZES) * scale, rng)
            corner = _free_corner(taken, mask.shape[0] // SUBPIXELS, mask.shape[1] // SUBPIXELS, rng)
            if corner is None:
                break
            glyphs.append(Glyph(int(c), *corner, mask))
        if len(glyphs) == len(classes):
            return glyphs
        scale *= _SHRINK


def _glyph_mask(char: str, side: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a mask of a character in a random font and pose: `side` pixels long before the turn, a pixel of margin."""
    fonts = fonts_with(char)
    contours = outline(fonts[rng.integers(len(fonts))], char)
    slant = np.array([[1.0, rng.uniform(-_MAX_SLANT, _MAX_SLANT)], [0.0, rng.uniform(*_ASPECTS)]])
    pose = rotation(rng.uniform(-_MAX_TURN, _MAX_TURN)) @ slant * side * SUBPIXELS
    posed = transform_outline(contours, pose)
    points = np.concatenate(posed)
    low, high = points.min(axis=0), points.max(axis=0)
    # a random part of a pixel, so that edges fall anywhere
    offset = (_MARGIN + rng.random(2)) * SUBPIXELS - low
    width, height = np.ceil((high + offset) / SUBPIXELS).astype(int) + _MARGIN
    return rasterize(tuple(contour + offset for contour in posed), int(height) * SUBPIXELS, int(width) * SUBPIXELS)


def _free_corner(taken: NDArray[np.uint8], height: int, width: int, rng: np.random.Generator) -> tuple[int, int] | None:
    """Select uniformly among all (left, top) where a box is free, mark it as taken, or return None."""
    if height > taken.shape[0] or width > taken.shape[1]:
        return None
    integral = cv2.integral(taken)
    inside = integral[height:, width:] - integral[:-height, width:] - integral[height:, :-width]
    free = np.flatnonzero(inside + integral[:-height, :-width] == 0)
    if not free.size:
        return None
    top, left = divmod(int(free[rng.integers(free.size)]), inside.shape[1])
    taken[top : top + height, left : left + width] = 1
    return left, top


def _color_unlike(color: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a random color that is clearly brighter or darker than another one."""
    while True:
        drawn = rng.uniform(0, 255, 3).astype(np.float32)
        if abs(float((drawn - color) @ _LUMA)) >= _MIN_CONTRAST:
            return drawn
