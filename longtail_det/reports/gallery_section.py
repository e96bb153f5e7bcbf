"""The section of a report with the objects of the classes and what the runs made of them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from longtail_det import visualization as vis
from longtail_det.evaluation.diagnosis import ClassTable
from longtail_det.statistics import FREQUENCY_GROUPS

from .details import Details
from .page_parts import ReportSection, class_anchor, data_uri

_SHOWN_CLASSES = 4  # of the worst and of the best rare ones
_MOST_PIXELS = 160  # of a side of a crop
_QUALITY = 85  # of its JPEG
_MASK_OPACITY = 90  # of 255
_CAPTION = (
    'The largest objects of each class, one an image. Dashed: the annotated box; in the color of its group: the best '
    'detections on it, with their score in percent below; the mask is that of the best one.'
)


def gallery_classes(
    table: ClassTable, run: str, metric: str, count: int, shown: Sequence[str]
) -> list[tuple[str, list[int]]]:
    """Select the classes that get a gallery.

    Args:
        table: the classes.
        run: whose AP ranks them.
        metric: 'bbox', 'segm' or 'boundary'.
        count: how many, at most.
        shown: groups whose worst and best classes are shown at once.

    Returns:
        Title and classes: the worst and the best of each group in `shown`, four each if there are as many; last, with
        the title '', others: those of the lowest AP of the rare, then of the common, then of the frequent classes.
    """
    chosen: list[tuple[str, list[int]]] = []
    taken: set[int] = set()
    for group in shown:
        ranked = table.ranked(run, metric, group).tolist()
        half = (len(ranked) + 1) // 2
        for kind, labels in (('Worst', ranked[:half]), ('Best', ranked[half:][::-1])):
            labels = labels[: min(_SHOWN_CLASSES, count - len(taken))]
            taken.update(labels)
            chosen.append((f'{kind} {FREQUENCY_GROUPS[group]} classes', labels))
    all_ranked = [label for group in FREQUENCY_GROUPS for label in table.ranked(run, metric, group).tolist()]
    others = [label for label in all_ranked if label not in taken]
    return [*chosen, ('', others[: count - len(taken)])]


def gallery_section(
    details: Details, metric: str, count: int, shown: Sequence[str], img_root: Path | None, notes: list[str]
) -> tuple[ReportSection | None, list[str]]:
    """Return the galleries of some classes, and the names of these classes.

    Args:
        details: classes with groups, runs with `metric`.
        metric: 'bbox' or 'segm'.
        count: classes, at most.
        shown: groups whose worst and best classes are shown at once.
        img_root: folder of the images where it is not the one of the test.
        notes: what is missing is added here.

    Raises:
        FileNotFoundError: an image is not there.
    """
    table, runs = details.table, details.runs_with(metric)
    assert table is not None
    for group in shown:
        if not len(table.ranked(runs[0], metric, group)):
            words = f'{FREQUENCY_GROUPS[group]} class'
            notes.append(f'No {words} has an object on the tested images, so no galleries of {words}es.')
    of_run = f' of {runs[0]}' if len(runs) > 1 else ''
    parts, names = [], []
    for title, labels in gallery_classes(table, runs[0], metric, count, shown):
        galleries = [_gallery(details, table, label, metric, img_root, shown=bool(title)) for label in labels]
        names += [table.names[label] for label, html in zip(labels, galleries, strict=True) if html]
        if any(galleries):
            heading = f'{title}{of_run}' if title else 'Other classes'
            hint = '' if title else '<p>Follow the name of a class in the table: its objects appear here.</p>'
            parts.append(f'<h3>{escape(heading)}</h3>{hint}{"".join(galleries)}')
    if not names:
        return None, []
    ranked = sum(len(table.ranked(runs[0], metric, group)) for group in FREQUENCY_GROUPS)
    if ranked > len(names):
        parts.append(f'<p>{len(names)} of {ranked} classes have a gallery; --gallery-classes {ranked} makes all.</p>')
    return ReportSection('Galleries', f'<section>{"".join(parts)}<p class="date">{_CAPTION}</p></section>'), names


def _gallery(
    details: Details, table: ClassTable, label: int, metric: str, img_root: Path | None, *, shown: bool
) -> str:
    """Return the objects of a class as html; '' where it has none on the images."""
    runs = details.runs_with(metric)
    paths = details.predictions[runs[0]].image_paths  # the same images for every run
    crops = {}
    for run in runs:
        columns = details.predictions[run].of_metric(metric)
        assert columns is not None
        loaded = vis.load_gallery(details.gt, columns, paths, [label], [''], img_root=img_root)
        if not loaded:
            return ''
        crops[run] = loaded[0].crops
    name, group = table.names[label], str(table.groups[label])
    ap = ', '.join(
        f'{f"{run} " if len(runs) > 1 else ""}AP {100 * table.ap[run][metric][label]:.1f}'
        for run in runs
        if np.isfinite(table.ap[run][metric][label])
    )
    facts = (
        f'{FREQUENCY_GROUPS[group]}, {table.train_images[label]} training images, '
        f'{table.num_objects[label]} tested objects; {ap}'
    )
    rows = []
    for number, run in enumerate(runs):
        items = [
            _crop(crop, f'crop-{label}-{place}', name, is_first=number == 0) for place, crop in enumerate(crops[run])
        ]
        rows.append(f'<p>{escape(run)}</p>' if len(runs) > 1 else '')
        rows.append(f'<ul class="run">{"".join(items)}</ul>')
    return (
        f'<article class="gallery{" shown" if shown else ""}" id="{class_anchor(name)}" tabindex="-1">'
        f'<h4 class="{group}">{escape(name)}</h4><p>{escape(facts)} (<a href="#classes">table</a>)</p>'
        f'{"".join(rows)}</article>\n'
    )


def _crop(crop: vis.GalleryCrop, image_id: str, name: str, *, is_first: bool) -> str:
    """Return an object with the detections of a run; the first run brings the image, the others show it again."""
    left, top, right, bottom = map(round, crop.window)
    width, height = right - left, bottom - top
    size = f'width="{width}" height="{height}"'
    parts = [f'<use href="#{image_id}"/>']
    if is_first:
        uri = data_uri(_jpeg(crop.image[top:bottom, left:right]), 'image/jpeg')
        parts = [f'<image id="{image_id}" {size} href="{uri}"/>']
    found = crop.found
    if found.masks is not None and len(found.masks):
        tint = _tint(found.masks[0][top:bottom, left:right], vis.GROUP_COLORS.get(found.groups[0], '#5F6368'))
        parts.append(f'<image {size} href="{data_uri(tint, "image/png")}"/>')
    boxes = [('under', crop.truth.boxes[0]), ('truth', crop.truth.boxes[0])]
    boxes += [(group, box) for group, box in zip(found.groups, found.boxes, strict=True)][::-1]  # the best one on top
    for kind, (x1, y1, x2, y2) in boxes:
        place = f'x="{x1 - left:.1f}" y="{y1 - top:.1f}" width="{x2 - x1:.1f}" height="{y2 - y1:.1f}"'
        parts.append(f'<rect class="{kind}" {place}/>')
    answers = _answers(found, name)
    return (
        f'<li><svg viewBox="0 0 {width} {height}" role="img" aria-label="an object of {escape(name)}">'
        f'{"".join(parts)}</svg>{answers}</li>'
    )


def _answers(found: vis.DrawnInstances, name: str) -> str:
    """Return the detections on an object; a cross marks another class than the right one."""
    scores: Sequence[float] = [] if found.scores is None else found.scores.tolist()
    lines = [
        f'<div class="{group}">{"✓" if answer == name else "✗"} {escape(answer)} {100 * score:.0f}</div>'
        for answer, group, score in zip(found.names, found.groups, scores, strict=True)
    ]
    return ''.join(lines) or '<div>missed</div>'


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    picture, buffer = Image.fromarray(image), io.BytesIO()
    picture.thumbnail((_MOST_PIXELS, _MOST_PIXELS))
    picture.save(buffer, 'JPEG', quality=_QUALITY)
    return buffer.getvalue()


def _tint(mask: NDArray[np.bool_], color: str) -> bytes:
    """Return a PNG of two colors, a half-transparent one on the mask and none beside it."""
    picture, buffer = Image.fromarray(mask.astype(np.uint8), 'P'), io.BytesIO()
    picture.putpalette([0, 0, 0, *(int(color[i : i + 2], 16) for i in (1, 3, 5))])
    picture.thumbnail((_MOST_PIXELS, _MOST_PIXELS), Image.Resampling.NEAREST)
    picture.save(buffer, 'PNG', transparency=bytes([0, _MASK_OPACITY]), optimize=True)
    return buffer.getvalue()
