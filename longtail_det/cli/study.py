"""Train and test every method of a study, and write its page: all methods share one budget, differences have intervals.

STUDY is a YAML or Python file that lists methods, samplers and seeds (docs/study.md). A run that is done is skipped,
and one that was interrupted goes on from its last checkpoint: give the same command again. A run that fails is one
line; the others go on, and the exit code is 1.

Start the command several times, on one machine or on several that share the folder of the runs, and each takes runs
that no other one has. `--launcher slurm` writes an array job of such workers, and `--submit` submits it; CPUS_PER_TASK
(5), GPUS_PER_NODE (1) and SBATCH_ARGS are read from the environment.

Example:
    longtail-det study configs/study/study.yml --jobs 2
    longtail-det study configs/study/study.yml --status
    longtail-det study configs/study/study.yml --report-only
    longtail-det study configs/study/study.yml --launcher slurm --partition gpu --jobs 8 --submit
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from .arguments import CommandParser, numeric
from .errors import UserError, one_line_errors, user_errors

if TYPE_CHECKING:
    from longtail_det.reports.study import Run, Study


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument('study', metavar='STUDY', help='.yml or .py file')
    parser.add_argument(
        '--jobs', type=numeric(1, is_whole=True), default=1, metavar='N', help='runs at a time; default: 1'
    )
    parser.add_argument(
        '--only', nargs='+', metavar='NAME', help='do these entries and what they need; * and ? stand for anything'
    )
    parser.add_argument('--seeds', nargs='+', type=int, metavar='N', help='do these seeds only')
    parser.add_argument('--work-dir', metavar='DIR', help='folder of the runs; default: what STUDY says')
    parser.add_argument('--out', metavar='DIR', help='folder of the page and the CSV files; default: what STUDY says')
    parser.add_argument('--device', choices=['auto', 'cpu', 'cuda'], help='default: what STUDY says')
    what = parser.add_mutually_exclusive_group()
    what.add_argument('--status', action='store_true', help='only show which runs are done')
    what.add_argument('--report-only', action='store_true', help='do no run; write CSV files and page of those done')
    what.add_argument(
        '--check', action='store_true', help='write nothing; exit code 1 where page or README are not what the CSV says'
    )
    parser.add_argument('--launcher', choices=['none', 'slurm'], default='none', help='slurm: print an array job')
    parser.add_argument('--partition', metavar='P', help='Slurm partition')
    parser.add_argument('--submit', action='store_true', help='with --launcher slurm, hand the job to sbatch')
    return parser


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = build_parser().parse_args(argv)
    if args.launcher == 'none' and (args.partition or args.submit):
        raise UserError('--partition and --submit belong to --launcher slurm; add it')
    if not Path(args.study).is_file():
        raise UserError(f'no file {args.study}; expected a study, such as configs/study/study.yml')
    with user_errors():
        study = _read(args)
        if args.launcher == 'slurm':
            from .study_slurm import launch

            return launch(args)
        from longtail_det.reports.study import stale_files, study_runs

        if args.check:
            return _check(stale_files(study, args.study))
        runs = _selected(list(study_runs(study)), args.only, args.seeds)
        if args.status:
            from .study_progress import status_table

            print(status_table(runs))
            return 0
        failed = [] if args.report_only else _work(study, args, runs)
        return _report(study, args, failed)


def _read(args: argparse.Namespace) -> Study:
    import msgspec

    from longtail_det.reports.study import parse_study

    from .config import read_config

    study = parse_study(read_config(args.study, ()).to_dict(), args.study)
    given = {'work_dir': args.work_dir, 'out': args.out, 'device': args.device}
    return msgspec.structs.replace(study, **{key: value for key, value in given.items() if value})


def _selected(runs: Sequence[Run], patterns: Sequence[str] | None, seeds: Sequence[int] | None) -> list[Run]:
    """Return the runs of some entries and seeds, and those that they need, in the order of the study."""
    for pattern in patterns or ():
        if not any(fnmatch(run.name, pattern) for run in runs):
            names = ', '.join(dict.fromkeys(run.name for run in runs))
            raise UserError(f'--only {pattern}: no such entry; there are {names}')
    unknown = set(seeds or ()) - {run.seed for run in runs}
    if unknown:
        raise UserError(f'--seeds {min(unknown)}: the study has {sorted({run.seed for run in runs})}')
    chosen: set[tuple[str, int]] = set()
    # what a run needs comes before it
    for run in reversed(runs):
        wanted = any(fnmatch(run.name, pattern) for pattern in patterns or ['*']) and run.seed in (seeds or [run.seed])
        if wanted or (run.name, run.seed) in chosen:
            chosen |= {(run.name, run.seed), *((name, run.seed) for name in run.needs)}
    return [run for run in runs if (run.name, run.seed) in chosen]


def _check(stale: Sequence[Path]) -> int:
    if stale:
        print(f'out of date: {", ".join(map(str, stale))}; run longtail-det study --report-only', file=sys.stderr)
    return 1 if stale else 0


def _work(study: Study, args: argparse.Namespace, runs: Sequence[Run]) -> list[Run]:
    """Do the runs, and return those that failed."""
    from longtail_det.reports.study import study_runs

    from .config import check_config
    from .study_commands import Commands
    from .study_facts import study_facts
    from .study_progress import Progress
    from .study_worker import Worker

    for config in dict.fromkeys(run.config for run in runs):
        check_config(config)
    for file in (study.train_ann, study.test_ann):
        if not Path(file).is_file():
            raise UserError(f'no file {file}; the study wants it, longtail-det make-glyphs makes LongTailGlyphs')
    commands = Commands(study, list(study_runs(study)), study.device, args.jobs)
    signal.signal(signal.SIGTERM, _leave)
    progress = Progress(runs)
    worker = Worker(runs, commands, args.jobs, study_facts(study, args.jobs), progress.show)
    worker.work()
    progress.finish(worker)
    return [run for run in runs if worker.failed(run)]


def _leave(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does, which ends the trainings too."""
    raise KeyboardInterrupt


def _report(study: Study, args: argparse.Namespace, failed: Sequence[Run]) -> int:
    from longtail_det.reports.study import collect, publish

    from .study_progress import failure_line
    from .study_scores import scores_of

    scores = scores_of(study, args.jobs)
    collect(study, scores)
    if scores or args.report_only:
        for path in publish(study, args.study):
            print(path)
    for run in failed:
        print(failure_line(run), file=sys.stderr)
    return 1 if failed else 0
