"""The file of a study: its keys and their types."""

from __future__ import annotations

import msgspec


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One method of a study, with one sampler or several.

    Args:
        method: fills `{method}` in the config of the study.
        sampler: fills `{sampler}`; of several each is an entry of its own.
        of: name of the entry whose checkpoints are tested; nothing is trained. Without `method`, by its config.
        title: what a reader calls it; default: its name.
        variant: tells apart entries of one config; part of the name and of the folder.
        options: KEY=VALUE for `--cfg-options`, in training and test.
        calibration: with `of`, a calibration or several; `norcal` at its default strength, `norcal-best` at the one
            that is best on training images.
        first_stage: name of the entry whose checkpoints a second stage goes on from.
        baseline: name of the entry that the method builds on; default: the baseline of the study.
        processes: of a training, which share the batch.
    """

    method: str = ''
    sampler: str | list[str] = ''
    of: str = ''
    title: str = ''
    variant: str = ''
    options: tuple[str, ...] = ()
    calibration: str | list[str] = ''
    first_stage: str = ''
    baseline: str = ''
    processes: int = 1


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the page.

    Args:
        title: its headline.
        runs: rows, in order.
        text: what to know of it.
        seeds: of its runs; default: those of the study.
        config: path of their configs, with `{method}` and `{sampler}` in it; default: that of the study.
    """

    title: str
    runs: list[Entry]
    text: str = ''
    seeds: tuple[int, ...] | None = None
    config: str = ''


class Study(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A study, as its file says it.

    Args:
        title: headline of the page.
        config: path of a config with `{method}` and `{sampler}` in it.
        train_ann: annotation file of the training images.
        test_ann: annotation file of the tested images.
        baseline: name of the entry that all others are compared with.
        sections: the tables of the page; their runs are done in this order, all entries of a seed before the next.
        seeds: of every training.
        options: KEY=VALUE for `--cfg-options` of every training.
        work_dir: folder of the runs.
        out: folder of the page, its figures and its CSV files.
        readme: file with a block `<!-- study -->`, which gets the first table; none where empty.
        device: auto, cpu or cuda.
        threads: of each process (OMP_NUM_THREADS); default: what the machine has for each.
        images: training images for the search of a strength.
        shown: names of the entries whose classes are drawn; default: the first six.
    """

    title: str
    config: str
    train_ann: str
    test_ann: str
    baseline: str
    sections: list[Section]
    seeds: tuple[int, ...] = (0, 1, 2)
    options: tuple[str, ...] = ()
    work_dir: str = 'work_dirs/study'
    out: str = 'docs/study'
    readme: str = ''
    device: str = 'auto'
    threads: int | None = None
    images: int = 600
    shown: tuple[str, ...] = ()
