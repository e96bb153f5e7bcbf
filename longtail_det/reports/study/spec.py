"""The runs of a study: methods x samplers x seeds, from the values of its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from .entries import Entry, Section, Study

#: end of the name of a calibration whose strength is the best one on training images
BEST = '-best'
#: variant of the run that tries the strengths
SEARCH = 'search'


@dataclass(frozen=True)
class Run:
    """One training and its test, or one test of a checkpoint.

    Args:
        name: of the entry, `{method}_{sampler}`, with `+{variant}`.
        title: what a reader calls it.
        section: title of its table; empty for a search, which has no row.
        config: path of the config.
        seed: of the training.
        folder: where everything of it lies.
        of: name of the entry whose checkpoint is tested; empty where the run trains.
        options: of the entry.
        calibration: as in `Entry`.
        first_stage: name of an entry.
        baseline: name of an entry.
        processes: of the training.
    """

    name: str
    title: str
    section: str
    config: str
    seed: int
    folder: Path
    of: str = ''
    options: tuple[str, ...] = ()
    calibration: str = ''
    first_stage: str = ''
    baseline: str = ''
    processes: int = 1

    @property
    def is_search(self) -> bool:
        """Whether this tries strengths and leaves no detections."""
        return not self.section

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the entries whose run of the same seed has to be done before."""
        search = f'{self.of}+{SEARCH}' if self.calibration.endswith(BEST) else ''
        return tuple(filter(None, (self.first_stage, self.of, search)))

    @property
    def label(self) -> str:
        """Name and seed, for messages."""
        return f'{self.name} seed {self.seed}'


def parse_study(values: Mapping[str, Any], source: str) -> Study:
    """Return a study from the values of its file.

    Args:
        values: as read.
        source: path of the file, for messages.

    Raises:
        ValueError: an unknown or missing key, a value of another type, a name twice or one that is no entry.
    """
    try:
        study = msgspec.convert(values, Study)
    except msgspec.ValidationError as error:
        raise ValueError(f'{source}: {error}; the keys are those of docs/study.md') from None
    for config in (study.config, *(section.config for section in study.sections)):
        try:
            config.format(method='', sampler='')
        except (KeyError, IndexError, ValueError):
            raise ValueError(f'{source}: config {config!r}; expected a path with {{method}} and {{sampler}}') from None
    _check_names(study, source)
    return study


def _check_names(study: Study, source: str) -> None:
    runs = list(study_runs(study))
    keys = [(run.name, run.seed) for run in runs]
    twice = next((run for run, key in zip(runs, keys, strict=True) if keys.count(key) > 1), None)
    if twice is not None:
        raise ValueError(f'{source}: {twice.label} is there twice; tell them apart by a variant')
    names = {name for name, _ in keys}
    if study.baseline not in names:
        raise ValueError(
            f'{source}: baseline {study.baseline!r} is no entry; expected one of {", ".join(sorted(names))}'
        )
    for run in runs:
        if not run.config and run.of in {'', *names}:
            found = f'of {run.of!r}' if run.of else 'neither method nor of'
            raise ValueError(f'{source}: an entry has {found}; expected method and sampler, or of an entry above it')
        unknown = [name for name in (*run.needs, run.baseline) if name not in names]
        missing = [name for name in run.needs if (name, run.seed) not in set(keys)]
        if unknown or missing:
            what = f'{unknown[0]!r} is no entry' if unknown else f'{missing[0]} has no seed {run.seed}'
            raise ValueError(f'{source}: {run.label} needs {(unknown or missing)[0]}, but {what}; add it')


def study_runs(study: Study) -> Iterator[Run]:
    """Yield the runs of a study in the order in which they are to be done: section by section, seed by seed.

    Args:
        study: from `parse_study`.
    """
    known: dict[str, Run] = {}
    for section in study.sections:
        entries = [single for entry in section.runs for single in _singles(entry)]
        for seed in study.seeds if section.seeds is None else section.seeds:
            searched = set[str]()
            for entry in entries:
                if _calibration(entry).endswith(BEST) and entry.of not in searched:
                    searched.add(entry.of)
                    search = Entry(of=entry.of, variant=SEARCH)
                    yield _run(study, Section('', [search]), search, known, seed)
                run = _run(study, section, entry, known, seed)
                known.setdefault(run.name, run)
                yield run


def _singles(entry: Entry) -> Iterator[Entry]:
    samplers = [entry.sampler] if isinstance(entry.sampler, str) else entry.sampler
    calibrations = [entry.calibration] if isinstance(entry.calibration, str) else entry.calibration
    for sampler in samplers:
        for calibration in calibrations:
            yield msgspec.structs.replace(entry, sampler=sampler, calibration=calibration)


def _calibration(entry: Entry) -> str:
    assert isinstance(entry.calibration, str), 'of a single entry'
    return entry.calibration


def _run(study: Study, section: Section, entry: Entry, known: Mapping[str, Run], seed: int) -> Run:
    tested = known.get(entry.of)
    name, config, variant = entry.of, tested.config if tested else '', entry.variant or _calibration(entry)
    if entry.method:
        name, variant = f'{entry.method}_{entry.sampler}', entry.variant
        config = (section.config or study.config).format(method=entry.method, sampler=entry.sampler)
    full = f'{name}+{variant}' if variant else name
    stem = Path(config).stem + (f'+{variant}' if variant else '')
    return Run(
        name=full,
        title=entry.title or full,
        section=section.title,
        config=config,
        seed=seed,
        folder=Path(study.work_dir) / stem / f'seed_{seed}',
        of=entry.of,
        # what was trained with an option is tested with it
        options=(*(tested.options if tested else ()), *entry.options),
        calibration=_calibration(entry),
        first_stage=entry.first_stage,
        baseline=entry.baseline or entry.of or study.baseline,
        processes=entry.processes,
    )
