"""The parts of a page: sections of html, and figures whose classes can be pointed at."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from matplotlib.figure import Figure

from longtail_det.visualization import ClassMark, class_marks, figure_png

_LEAST_TARGET = 12.0  # pixels of the figure that a pointer must hit at least


@dataclass(frozen=True)
class ReportFigure:
    """A figure and what is said about it.

    Args:
        figure: drawn by this package or by the reader.
        title: headline.
        caption: what is drawn and how to read it.
        alt: what there is to see, for readers who cannot see it.
        class_names: the classes that the labels of its marks index (`visualization.mark_classes`); without them the
            figure is a picture.
    """

    figure: Figure
    title: str
    caption: str
    alt: str
    class_names: Sequence[str] = ()

    def html(self) -> str:
        """Return the figure as html, its classes as links to their galleries or rows of the table."""
        image = f'<img alt="{escape(self.alt)}" src="{data_uri(figure_png(self.figure), "image/png")}">'
        marks = class_marks(self.figure) if self.class_names else []
        if marks:
            width, height = self.figure.bbox.width, self.figure.bbox.height
            links = ''.join(_mark_html(mark, self.class_names[mark.label]) for mark in marks)
            svg = f'<svg class="marks" viewBox="0 0 {width:.0f} {height:.0f}" aria-hidden="true">{links}</svg>'
            image = f'<div class="plot">{image}{svg}</div>'
        return f'<h2>{escape(self.title)}</h2>\n<figure>{image}<figcaption>{escape(self.caption)}</figcaption></figure>'


@dataclass(frozen=True)
class ReportSection:
    """A section of html.

    Args:
        title: headline, plain text.
        body: html; who makes it escapes what is not of this package.
    """

    title: str
    body: str

    def html(self) -> str:
        """Return the section with its headline."""
        return f'<h2>{escape(self.title)}</h2>\n{self.body}'


def class_anchor(name: str) -> str:
    """Return the id of a class on the page, the same in every report; it is its own fragment in a link.

    Args:
        name: of the class, any text.

    Example:
        >>> class_anchor('traffic light')
        'class-traffic%20light'
    """
    return f'class-{quote(name, safe="")}'


def data_uri(data: bytes, kind: str) -> str:
    """Return a file as an address that holds it.

    Args:
        data: the bytes of the file.
        kind: such as 'image/png'.
    """
    return f'data:{kind};base64,{base64.b64encode(data).decode()}'


def _mark_html(mark: ClassMark, name: str) -> str:
    """A transparent link over a class. The table serves the keyboard, so the links are not in its way."""
    width, height = max(mark.width, 1.0), max(mark.height, _LEAST_TARGET)
    shape = f'<rect x="{mark.left:.1f}" y="{mark.top:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
    if mark.is_point:
        x, y = mark.left + mark.width / 2, mark.top + mark.height / 2
        shape = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{max(mark.width, _LEAST_TARGET) / 2:.1f}"/>'
    return f'<a href="#{class_anchor(name)}" tabindex="-1"><title>{escape(name)}</title>{shape}</a>'
