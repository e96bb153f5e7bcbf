"""From the folders of the runs to the CSV files of a study, and from these to its page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from longtail_det.annotations import load_class_statistics
from longtail_det.evaluation.diagnosis import ClassTable
from longtail_det.files import replacing
from longtail_det.visualization import figure_png

from .classes import read_classes, write_classes
from .differences import Difference, Key, merge_differences, pairs
from .entries import Study
from .figures import DIFFERENCES, study_figures
from .numbers import StudyNumbers
from .page import readme_block, study_page, with_block
from .records import RECORD, Row, read_rows, row_of, write_rows, write_text
from .scores import KINDS, RunScores
from .spec import study_runs

ROWS, COMPARED, CLASSES, PAGE = 'runs.csv', 'differences.csv', 'classes.csv', 'README.md'


def collect(study: Study, scores: Mapping[Key, RunScores]) -> None:
    """Write the CSV files: what the runs at hand give, and of the others what the files hold already.

    Args:
        study: the study.
        scores: of the runs that are done and whose folders are here.

    Raises:
        ValueError: the record of a run, or a CSV file, is not what a study writes.
    """
    out, runs = Path(study.out), [run for run in study_runs(study) if not run.is_search]
    committed = {(row.name, row.seed): row for row in read_rows(out / ROWS, Row)}
    rows = []
    for run in runs:
        key = (run.name, run.seed)
        if key in scores and (run.folder / RECORD).is_file():
            rows.append(row_of(run, scores[key]))
        elif key in committed:
            rows.append(committed[key])
    compared = pairs(runs, study.baseline)
    differences = merge_differences(compared, rows, scores, read_rows(out / COMPARED, Difference))
    table = _class_table(study, rows, scores, read_classes(out / CLASSES))
    write_rows(out / ROWS, Row, rows)
    write_rows(out / COMPARED, Difference, differences)
    if table is not None:
        write_classes(out / CLASSES, table)


def _class_table(
    study: Study, rows: Sequence[Row], scores: Mapping[Key, RunScores], committed: ClassTable | None
) -> ClassTable | None:
    """AP of each class, mean over the seeds, of every entry; as committed where a run of it is not at hand."""
    ap = {}
    for name in dict.fromkeys(row.name for row in rows):
        own = [scores.get((row.name, row.seed)) for row in rows if row.name == name]
        here = [one for one in own if one is not None]
        if len(here) == len(own):
            ap[name] = {
                metric: np.mean([one.resampled[kind].point for one in here], axis=0)
                for kind, metric in KINDS.items()
                if all(kind in one.resampled for one in here)
            }
        elif committed is not None and name in committed.ap:
            ap[name] = dict(committed.ap[name])
    if not scores:
        return None if committed is None else replace(committed, ap=ap)
    classes = next(iter(scores.values())).class_columns()
    images = load_class_statistics(study.train_ann).of_classes(classes.names).image_count
    return replace(classes, train_images=np.asarray(images, dtype=np.int64), ap=ap)


def read_numbers(study: Study, source: str) -> StudyNumbers:
    """Read the CSV files of a study.

    Args:
        study: the study.
        source: path of its file.

    Raises:
        ValueError: there are no rows, or a file is not what a study writes.
    """
    out = Path(study.out)
    known = {(run.name, run.seed) for run in study_runs(study)}
    rows = [row for row in read_rows(out / ROWS, Row) if (row.name, row.seed) in known]
    if not rows:
        raise ValueError(f'no run is done yet: neither in {study.work_dir} nor in {out / ROWS}')
    names = {row.name for row in rows}
    differences = read_rows(out / COMPARED, Difference)
    differences = [d for d in differences if {d.name, d.baseline} <= names]
    return StudyNumbers(study, rows, differences, source, read_classes(out / CLASSES))


def publish(study: Study, source: str) -> list[Path]:
    """Write figures, page and README block from the CSV files, and return what was written.

    Args:
        study: the study.
        source: path of its file, for the command in the page.

    Raises:
        ValueError: there are no rows, or the README has no place for the block.
        FileNotFoundError: no README.
    """
    out, numbers = Path(study.out), read_numbers(study, source)
    texts, written = _texts(numbers), []
    for figure in study_figures(numbers):
        with replacing(out / figure.file) as unfinished:
            unfinished.write_bytes(figure_png(figure.draw()))
        written.append(out / figure.file)
    for path, text in texts.items():
        write_text(path, text)
        written.append(path)
    return written


def stale_files(study: Study, source: str) -> list[Path]:
    """Return the files whose text is not what the CSV files say; figures are not looked at.

    Args:
        study: the study.
        source: path of its file.
    """
    texts = _texts(read_numbers(study, source))
    return [path for path, text in texts.items() if not path.is_file() or path.read_text(encoding='utf-8') != text]


def _texts(numbers: StudyNumbers) -> dict[Path, str]:
    study, out = numbers.study, Path(numbers.study.out)
    texts = {out / PAGE: study_page(numbers, study_figures(numbers))}
    if study.readme:
        readme = Path(study.readme)
        here = Path(os.path.relpath(out, readme.parent))
        block = readme_block(numbers, str(here / DIFFERENCES), str(here / PAGE))
        texts[readme] = with_block(readme.read_text(encoding='utf-8'), block, study.readme)
    return texts
