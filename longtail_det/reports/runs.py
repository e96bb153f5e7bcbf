"""The runs of a report: their work directories, and the data that they were trained and tested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .run_directory import (
    DataSource,
    Results,
    data_source,
    evaluation_command,
    find_config,
    find_predictions,
    find_results,
    read_dumped_config,
)


@dataclass
class Run:
    """A work directory and what is in it.

    Args:
        name: what the report calls it.
        folder: the work directory.
        config: the newest config in it; None without.
        predictions: file of its predictions; None without.
        results: metric -> `{'AP': ..., ...}` in [0, 1]; empty where only predictions are there.
        source: where the results are from.
    """

    name: str
    folder: Path
    config: Path | None
    predictions: Path | None
    results: Results = field(default_factory=dict)
    source: str = ''


def find_runs(
    folders: Sequence[Path], names: Sequence[str] | None = None, predictions: Sequence[Path] | None = None
) -> list[Run]:
    """Return results, config and predictions of each run.

    Args:
        folders: one for each run.
        names: what to call the runs, by default their folders.
        predictions: file of each run, by default `results.npz`, `results.pkl` or `results.json` in its folder.

    Raises:
        ValueError: not one name or file for each run, or a name twice.
        FileNotFoundError: no such folder or file, or a folder without results and predictions.
    """
    names = names or [folder.resolve().name for folder in folders]
    for option, given in (('--names', names), ('--results', predictions)):
        if given is not None and len(given) != len(folders):
            raise ValueError(f'{option} gives {len(given)} for {len(folders)} runs; give one per RUN, in order')
    _require_distinct(names)
    return [
        _find_run(name, folder, predictions[i] if predictions else None)
        for i, (name, folder) in enumerate(zip(names, folders, strict=True))
    ]


def lone_runs(files: Sequence[Path], names: Sequence[str] | None = None) -> list[Run]:
    """Return a run for each file of predictions, of which nothing else is known.

    Args:
        files: one for each run.
        names: what to call the runs, by default their files, or the folder of a file called results.

    Raises:
        ValueError: not one name for each file, or a name twice.
        FileNotFoundError: no such file.
    """
    names = names or [path.resolve().parent.name if path.stem == 'results' else path.stem for path in files]
    if len(names) != len(files):
        raise ValueError(f'--names gives {len(names)} for {len(files)} files; give one per file of --results, in order')
    _require_distinct(names)
    for path in files:
        if not path.is_file():
            raise FileNotFoundError(f'no predictions at {path}; correct --results')
    return [Run(name, path.parent, None, path) for name, path in zip(names, files, strict=True)]


def _require_distinct(names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        raise ValueError(f'two runs are called {max(names, key=names.count)!r}; tell them apart with --names')


def _find_run(name: str, folder: Path, predictions: Path | None) -> Run:
    if not folder.is_dir():
        raise FileNotFoundError(f'no folder {folder}; give the work directory of a run of tools/train.py')
    if predictions is not None and not predictions.is_file():
        raise FileNotFoundError(f'no predictions at {predictions}; make them with {evaluation_command(folder)}')
    run = Run(name, folder, find_config(folder), predictions or find_predictions(folder))
    try:
        run.results, source = find_results(folder)
        run.source = str(source)
    except FileNotFoundError:
        if run.predictions is None:
            raise
    return run


def data_of_runs(
    runs: Sequence[Run], ann_file: str | None = None, train_ann: str | None = None, *, trust_config: bool = False
) -> tuple[DataSource, str]:
    """Return the tested and the training data of some runs.

    Args:
        runs: one or more.
        ann_file: annotations of the tested images, by default from the config of the first run.
        train_ann: training annotations or class statistics, by default from there too.
        trust_config: run a config as Python where it is more than data.

    Returns:
        The tested data, and the file of the training annotations.

    Raises:
        FileNotFoundError: no config and no files given.
        ValueError: the runs were tested on different data, or a config is more than data.
    """
    first = runs[0]
    try:
        if first.config is None:
            raise FileNotFoundError(
                f'no config in {first.folder}; name the annotation files with --ann and --train-ann'
            )
        config = read_dumped_config(first.config, trust=trust_config)
    except (FileNotFoundError, ValueError):
        if not (ann_file and train_ann):
            raise
        return DataSource(ann_file, None), train_ann
    tested = data_source(config, 'test_dataloader', str(first.config))
    for run in runs[1:]:
        other = tested
        if run.config and not ann_file:
            other = data_source(read_dumped_config(run.config, trust=trust_config), 'test_dataloader', str(run.config))
        if other.ann_file != tested.ann_file and not ann_file:
            raise ValueError(
                f'{first.folder} was tested on {tested.ann_file}, {run.folder} on {other.ann_file}; compare runs on '
                'the same images, or give --ann if these are'
            )
    train_ann = train_ann or data_source(config, 'train_dataloader', str(first.config)).ann_file
    return DataSource(ann_file or tested.ann_file, tested.classes, tested.img_folder), train_ann
