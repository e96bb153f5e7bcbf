"""Write one self-contained HTML report of a run, or of several side by side, and the numbers as CSV and markdown.

A RUN is a work directory of tools/train.py and tools/test.py. The config in it names the annotation files; the
predictions are those of `tools/test.py ... --out RUN/results.npz` (or .json, .pkl). With them the report shows AP over
training images, score calibration, what rare objects are confused with, and the best and worst rare classes; without
them the table of AP, AP by frequency group, losses and class frequency. Several runs are compared with the first one.

Without a RUN, each file of --results (a results JSON of any detector, or what tools/test.py --out wrote) is scored on
--ann and shown beside its objects. Groups and training images of the classes are those of the categories of --ann, as
LVIS has them, or of --train-ann; the images are looked for near --ann, or in --img-root.

Beside OUT.html are OUT.csv (all numbers), OUT.classes.csv (one row per class) and OUT.md.

Example:
    longtail-det report work_dirs/quickstart --out work_dirs/quickstart/report.html
    longtail-det report work_dirs/softmax work_dirs/seesaw --out work_dirs/comparison.html
    longtail-det report --results results.json --ann data/lvis_v1/annotations/lvis_v1_val.json --out results.html
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from longtail_det.annotations import load_class_statistics
from longtail_det.compat import installed_versions
from longtail_det.evaluation import ap_table, read_ground_truth
from longtail_det.evaluation.diagnosis import RESAMPLES
from longtail_det.statistics import FREQUENCY_GROUPS, ClassStatistics
from longtail_det.version import __version__

from .arguments import CommandParser, numeric
from .commands import as_typed, note
from .errors import one_line_errors, user_errors
from .outputs import check_output
from .report_inputs import check_inputs, find_inputs, name_of

if TYPE_CHECKING:
    from longtail_det.reports import DataSource, Details, ReportFigure, ReportSection, Run
    from longtail_det.reports.run_directory import Results

#: logged results may have three digits
_ROUNDING = 1e-3


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument('runs', type=Path, nargs='*', metavar='RUN', help='work directories')
    parser.add_argument(
        '--out',
        type=Path,
        help='html file to write (default: report.html in the first RUN, or beside the first of --results)',
    )
    parser.add_argument('--names', nargs='+', help='what to call the runs (default: their folders)')
    parser.add_argument(
        '--results',
        type=Path,
        nargs='+',
        help='predictions of tools/test.py --out, one per RUN (default: RUN/results.npz, .pkl or .json); without a '
        'RUN, the files to report',
    )
    parser.add_argument('--ann', help='annotation file of the tested images (default: from the config of the run)')
    parser.add_argument('--train-ann', help='training annotations or class statistics (default: from the config)')
    parser.add_argument(
        '--trust-config', action='store_true', help='run the config of a RUN as Python if it is more than dumped data'
    )
    parser.add_argument('--img-root', type=Path, help='folder of the images, if they moved since the test')
    parser.add_argument(
        '--metric', choices=('bbox', 'segm'), help='AP of the figures by class (default: segm if tested)'
    )
    parser.add_argument('--title', help='headline (default: the names of the runs)')
    parser.add_argument(
        '--num-images',
        type=numeric(0, is_whole=True),
        default=8,
        help='images to show; 0 for none and no galleries (default: %(default)s)',
    )
    parser.add_argument(
        '--gallery-classes',
        type=numeric(0, is_whole=True),
        default=100,
        metavar='N',
        help='classes whose objects are cut out, the rare ones of the lowest AP first (default: %(default)s)',
    )
    parser.add_argument(
        '--galleries',
        nargs='+',
        choices=tuple(FREQUENCY_GROUPS.values()),
        metavar='GROUP',
        help='rare, common, frequent: show their worst and best classes at once (default: rare; all without a RUN)',
    )
    parser.add_argument(
        '--score-thr',
        type=numeric(0, 1),
        default=0.3,
        help='lowest score to show and to count as an answer (default: 0.3)',
    )
    parser.add_argument(
        '--intervals',
        type=int,
        default=RESAMPLES,
        metavar='N',
        help='resamples of the images for the 95 %% intervals of AP and of its differences; 0 for none '
        '(default: %(default)s)',
    )
    return parser


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    args = build_parser().parse_args(argv)
    command = f'{as_typed("longtail-det report")} {shlex.join(argv)}'
    check_inputs(args)
    check_output('--out', args.out, ('.html', '.htm'))
    for suffix in ('.csv', '.md', '.classes.csv'):
        check_output('--out', args.out.with_suffix(suffix))
    with user_errors():
        runs, path = make_report(args, command)
    for run in runs:
        print(f'{run.name}\n{ap_table(run.results)}\n' if len(runs) > 1 else f'{ap_table(run.results)}\n')
    print(f'report: {path}')
    return 0


def make_report(args: argparse.Namespace, command: str) -> tuple[list[Run], Path]:
    """Read the runs, draw the figures and write the pages, with a note before each slow step."""
    from longtail_det import reports  # matplotlib, which --help does without

    notes: list[str] = []
    runs, tested, train_ann = find_inputs(args, notes)
    stats = None
    if train_ann is not None:
        note(f'reading {train_ann} ...')
        stats = load_class_statistics(train_ann)
    details = read_details(args, runs, tested, stats, notes)
    if details is not None and details.table is None:
        missing = 'the categories' if train_ann is None else train_ann
        what = 'lack image_count and frequency' if train_ann is None else 'does not know all classes'
        notes.append(f'No figures by class: {missing} {what} of {tested.ann_file}; give --train-ann.')
    figures = draw(args, runs, details, stats, notes)
    names = [run.name for run in runs]
    title = args.title or ' and '.join(filter(None, [', '.join(names[:-1]), names[-1]]))
    facts = {
        **{f'results{name_of(run, runs)}': run.source for run in runs},
        **{f'config{name_of(run, runs)}': str(run.config or '-') for run in runs},
        'tested on': tested.ann_file,
        **({} if stats is None else {'trained on': f'{train_ann}: {stats.summary()}'}),
        'versions': f'longtail_det {__version__}, '
        + ', '.join(f'{name} {version}' for name, version in installed_versions().items()),
        'command': command,
    }
    for line in (*notes, 'writing the page ...'):
        note(line)
    results = {run.name: run.results for run in runs}
    date = datetime.now().astimezone().strftime('%Y-%m-%d %H:%M %Z')
    page = reports.write_report(args.out, title, results, figures, date=date, facts=facts, notes=notes)
    table = details.table if details is not None else None
    args.out.with_suffix('.csv').write_text(reports.results_csv(results), encoding='utf-8')
    markdown = reports.report_markdown(title, results, facts, notes, table)
    args.out.with_suffix('.md').write_text(markdown, encoding='utf-8')
    if table is not None:
        args.out.with_suffix('.classes.csv').write_text(reports.classes_csv(table), encoding='utf-8')
    return runs, page


def read_details(
    args: argparse.Namespace, runs: Sequence[Run], tested: DataSource, stats: ClassStatistics | None, notes: list[str]
) -> Details | None:
    """Read and match the predictions of the runs that have any; None where no run has."""
    from longtail_det.reports import Details, evaluation_command

    for run in runs:
        if run.predictions is None:
            command = as_typed(evaluation_command(run.folder))
            notes.append(
                f'No predictions of {run.name}, so neither figures by class nor images; make them with {command}'
            )
    predicted = [(run, run.predictions) for run in runs if run.predictions is not None]
    if not predicted:
        return None
    wants_masks = args.metric != 'bbox' and any('segm' in run.results or not run.results for run, _ in predicted)
    note(f'reading {tested.ann_file} ...')
    metrics = ('bbox', 'segm') if wants_masks else ('bbox',)
    details = Details(tested, read_ground_truth(tested.ann_file, metrics), stats, metrics, args.intervals)
    for run, path in predicted:
        note(f'reading {path} ...')
        scored = details.add(run.name, path, run.folder)
        if not run.results:
            run.results, run.source = scored, 'scored now'
        else:
            add_intervals(run.results, scored)
        run.source += f', {len(details.predictions[run.name].image_paths)} images'
    if args.metric and not any(args.metric in metrics for metrics in details.scored.values()):
        raise ValueError(f'--metric {args.metric}, but no run has predictions for it')
    return details


def add_intervals(results: Results, scored: Results) -> None:
    """Add the ends of the intervals to the results of a test, where the predictions are those of that test."""
    for metric, values in scored.items():
        if metric in results and abs(values['AP'] - results[metric]['AP']) < _ROUNDING:
            ends = {key: value for key, value in values.items() if key.endswith(('_low', '_high'))}
            results[metric] = {**ends, **results[metric]}


def draw(
    args: argparse.Namespace,
    runs: Sequence[Run],
    details: Details | None,
    stats: ClassStatistics | None,
    notes: list[str],
) -> list[ReportFigure | ReportSection]:
    """Draw all figures in the order of the page; note what cannot be drawn."""
    from longtail_det.reports import sections

    results = {run.name: run.results for run in runs}
    figures: list[ReportFigure | ReportSection] = [sections.groups_figure(results)]
    figures += sections.pareto_figures(results, args.metric)
    if details is not None and details.table is not None:
        metric = args.metric or details.main_metric()
        count = args.gallery_classes if args.num_images else 0
        if count:
            note('cutting out the objects of the galleries ...')
        names = args.galleries or (['rare'] if args.runs else FREQUENCY_GROUPS.values())
        shown = [group for group, name in FREQUENCY_GROUPS.items() if name in names]
        figures += sections.class_sections(details, metric, count, shown, args.img_root, notes)
        figures += sections.class_figures(details, metric, args.score_thr)
    if details is not None and args.num_images:
        note('drawing images ...')
        images = sections.image_figures(details, args.num_images, args.score_thr, args.img_root)
        notes += [] if images else [f'No object on the tested images in {details.tested.ann_file}, so no images.']
        figures += images
    if stats is not None:
        figures.append(sections.frequency_figure(stats))
    for run in runs if args.runs else ():
        losses = sections.loss_figures(run.folder, name_of(run, runs))
        notes += [] if losses else [f'No training log in {run.folder}, so no curves of the losses.']
        figures += losses
    return figures
