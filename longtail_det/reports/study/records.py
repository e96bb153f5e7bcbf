"""The rows of a study: one for each run that is done, from its folder or from the committed CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from longtail_det.files import replacing
from longtail_det.reports.run_directory import read_train_log

from .scores import RunScores
from .spec import Run

#: what a run that is done leaves in its folder
RECORD = 'run.json'
_RowType = TypeVar('_RowType', bound=msgspec.Struct)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a study; AP in [0, 1], None where there is nothing to find.

    Args:
        name: of the entry.
        seed: of the training.
        config: path of the config.
        options: those of the entry, separated by blanks.
        first_stage: name of the entry that a second stage went on from.
        of: name of the entry whose checkpoint was tested.
        calibration: as the study names it.
        steps: of the training, without those of a first stage.
        commit: of the code.
        versions: of the packages.
        machine: where it ran.
        finished: time, UTC.
        train_wall_s: seconds of the training.
        train_cpu_s: seconds of processor time of the training; None where it was interrupted and resumed.
        test_wall_s: seconds of the test.
        peak_rss_mb: largest memory of a process, MiB.
        peak_gpu_mb: largest memory on the GPU, MiB.
        box_ap: box AP, and of rare, common, frequent classes.
        mask_ap: mask AP, and of rare, common, frequent classes.
    """

    name: str
    seed: int
    config: str
    options: str = ''
    first_stage: str = ''
    of: str = ''
    calibration: str = ''
    steps: int | None = None
    commit: str = ''
    versions: str = ''
    machine: str = ''
    finished: str = ''
    train_wall_s: float | None = None
    train_cpu_s: float | None = None
    test_wall_s: float | None = None
    peak_rss_mb: int | None = None
    peak_gpu_mb: int | None = None
    box_ap: float | None = None
    box_apr: float | None = None
    box_apc: float | None = None
    box_apf: float | None = None
    mask_ap: float | None = None
    mask_apr: float | None = None
    mask_apc: float | None = None
    mask_apf: float | None = None

    def ap(self, kind: str, group: str = '') -> float | None:
        """Return the AP of 'box' or 'mask', of a group 'r', 'c' or 'f' or of all classes."""
        value: float | None = getattr(self, f'{kind}_ap{group}')
        return value


class RunRecord(msgspec.Struct, frozen=True):
    """What a run wrote into its folder when it was done; other keys are left out."""

    commit: str = ''
    versions: dict[str, str] = {}
    cpu: str = ''
    finished: str = ''
    train_wall_s: float | None = None
    train_cpu_s: float | None = None
    test_wall_s: float | None = None
    peak_rss_mb: int | None = None


def row_of(run: Run, scores: RunScores) -> Row:
    """Return the row of a run that is done.

    Args:
        run: of a study.
        scores: of its detections.

    Raises:
        ValueError: its record is not what a run writes.
    """
    path = run.folder / RECORD
    try:
        record = msgspec.json.decode(path.read_bytes(), type=RunRecord)
    except msgspec.DecodeError as error:
        raise ValueError(f'{path}: {error}; delete the file to have it written again') from None
    log = [entry for entry in read_train_log(run.folder) if 'loss' in entry]
    gpu = [entry['memory'] for entry in log if 'memory' in entry]
    return Row(
        name=run.name,
        seed=run.seed,
        config=run.config,
        options=' '.join(run.options),
        first_stage=run.first_stage,
        of=run.of,
        calibration=run.calibration,
        steps=log[-1]['step'] if log else None,
        commit=record.commit,
        versions=', '.join(f'{name} {version}' for name, version in record.versions.items()),
        machine=record.cpu,
        finished=record.finished,
        train_wall_s=record.train_wall_s,
        train_cpu_s=None if _was_resumed(run.folder) else record.train_cpu_s,
        test_wall_s=record.test_wall_s,
        peak_rss_mb=record.peak_rss_mb,
        peak_gpu_mb=max(gpu) if gpu else None,
        **{f'{kind}_ap{group}': scores.ap(kind, group) for kind in ('box', 'mask') for group in ('', 'r', 'c', 'f')},
    )


def _was_resumed(folder: Path) -> bool:
    return sum('"loss"' in path.read_text() for path in folder.glob('*/vis_data/scalars.json')) > 1


def read_rows(path: Path, kind: type[_RowType]) -> list[_RowType]:
    """Read the rows of a CSV file; none where there is no file.

    Args:
        path: the file.
        kind: `Row` or `Difference`.

    Raises:
        ValueError: a column is missing or holds something else.
    """
    if not path.is_file():
        return []
    with path.open(newline='', encoding='utf-8') as stream:
        found = list(csv.DictReader(stream))
    texts = {field.name for field in msgspec.structs.fields(kind) if field.type is str}
    try:
        return [msgspec.convert(_given(cells, texts), kind, strict=False) for cells in found]
    except msgspec.ValidationError as error:
        raise ValueError(f'{path}: {error}; longtail-det study writes this file, restore it') from None


def _given(cells: Mapping[str, str], texts: set[str]) -> dict[str, Any]:
    return {key: value if value or key in texts else None for key, value in cells.items()}


def write_rows(path: Path, kind: type[_RowType], rows: Iterable[_RowType]) -> None:
    """Write rows as CSV, in full precision.

    Args:
        path: the file.
        kind: `Row` or `Difference`.
        rows: in order.
    """
    names = [field.name for field in msgspec.structs.fields(kind)]
    values = ([_cell(getattr(row, name)) for name in names] for row in rows)
    write_text(path, csv_text([names, *values]))


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as the text of a CSV file.

    Args:
        rows: the header first.
    """
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator='\n').writerows(rows)
    return buffer.getvalue()


def write_text(path: Path, text: str) -> None:
    """Write a file that is never seen half written.

    Args:
        path: the file.
        text: all of it.
    """
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding='utf-8')


def _cell(value: object) -> object:
    return '' if value is None else value
