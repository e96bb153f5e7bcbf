"""Write one self-contained html report of a run, or of several side by side, and the numbers as csv and markdown.

A RUN is a work directory of tools/train.py and tools/test.py. The config in it names the annotation files; the
predictions are those of `tools/test.py ... --out RUN/results.pkl` (or results.json). With them the report shows AP over
training images, score calibration, what rare objects are taken for, and the best and worst rare classes; without them
the table of AP, AP by frequency group, losses and class frequency. Several runs are compared with the first one.

Beside OUT.html are OUT.csv (all numbers), OUT.classes.csv (one row per class) and OUT.md.

Example:
    python tools/analysis/report.py work_dirs/quickstart --out work_dirs/quickstart/report.html
    python tools/analysis/report.py work_dirs/softmax work_dirs/seesaw --out work_dirs/comparison.html
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))
sys.path.append(str(Path(__file__).resolve().parent))
import _report_sections as sections
from _cli import OneLineParser, UserError, describe, one_line_errors
from _report_details import Details, Results

import longtail_det
from longtail_det import visualization as vis
from longtail_det.annotations import load_class_statistics
from longtail_det.compat import installed_versions
from longtail_det.evaluation import ap_table
from longtail_det.statistics import ClassStatistics


@dataclass
class Run:
    """A work directory and what was found in it."""

    name: str
    folder: Path
    config: Path | None
    predictions: Path | None
    results: Results = field(default_factory=dict)
    source: str = ''


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = OneLineParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('runs', type=Path, nargs='+', metavar='RUN', help='work directories')
    parser.add_argument('--out', type=Path, help='html file to write (default: report.html in the first RUN)')
    parser.add_argument('--names', nargs='+', help='what to call the runs (default: their folders)')
    parser.add_argument(
        '--results',
        type=Path,
        nargs='+',
        help='predictions of tools/test.py --out, one file per RUN (default: RUN/results.pkl or RUN/results.json)',
    )
    parser.add_argument('--ann', help='annotation file of the tested images (default: from the config of the run)')
    parser.add_argument('--train-ann', help='training annotations or class statistics (default: from the config)')
    parser.add_argument('--img-root', type=Path, help='folder of the images, if they moved since the test')
    parser.add_argument(
        '--metric', choices=('bbox', 'segm'), help='AP of the figures by class (default: segm if tested)'
    )
    parser.add_argument('--title', help='headline (default: the names of the runs)')
    parser.add_argument(
        '--num-images', type=int, default=8, help='images to show; 0 for none and no galleries (default: %(default)s)'
    )
    parser.add_argument(
        '--score-thr', type=float, default=0.3, help='lowest score to show and to count as an answer (default: 0.3)'
    )
    return parser


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Write the report; 0 if that worked, 2 after a mistake of the user's."""
    argv = sys.argv[1:] if argv is None else argv
    args = build_parser().parse_args(argv)
    command = shlex.join(['python', 'tools/analysis/report.py', *argv])
    try:
        runs, path = make_report(args, command)
    except (ValueError, OSError) as error:
        raise UserError(describe(error)) from error
    for run in runs:
        print(f'{run.name}\n{ap_table(run.results)}\n' if len(runs) > 1 else f'{ap_table(run.results)}\n')
    print(f'report: {path}')
    return 0


def make_report(args: argparse.Namespace, command: str) -> tuple[list[Run], Path]:
    """Read what the runs left, draw it and write the pages; a line of progress before whatever takes time."""
    runs = find_runs(args)
    tested, train_ann = data_of_runs(args, runs)
    sections.progress(f'reading {train_ann} ...')
    stats = load_class_statistics(train_ann)
    notes: list[str] = []
    details = read_details(args, runs, tested, stats, notes)
    if details is not None and details.table is None:
        notes.append(
            f'No figures by class: {train_ann} does not know all classes of {tested.ann_file}; give --train-ann.'
        )
    figures = draw(args, runs, details, stats, notes)
    names = [run.name for run in runs]
    title = args.title or ' and '.join(filter(None, [', '.join(names[:-1]), names[-1]]))
    facts = {
        **{f'results{of(run, runs)}': run.source for run in runs},
        **{f'config{of(run, runs)}': str(run.config or '-') for run in runs},
        'tested on': tested.ann_file,
        'trained on': f'{train_ann}: {stats.summary()}',
        'versions': f'longtail_det {longtail_det.__version__}, '
        + ', '.join(f'{name} {version}' for name, version in installed_versions().items()),
        'command': command,
    }
    for line in (*notes, 'writing the page ...'):
        sections.progress(line)
    results = {run.name: run.results for run in runs}
    out = args.out or args.runs[0] / 'report.html'
    date = datetime.now().astimezone().strftime('%Y-%m-%d %H:%M %Z')
    page = vis.write_report(out, title, results, figures, date=date, facts=facts, notes=notes)
    table = details.table if details is not None else None
    out.with_suffix('.csv').write_text(vis.results_csv(results), encoding='utf-8')
    out.with_suffix('.md').write_text(vis.report_markdown(title, results, facts, notes, table), encoding='utf-8')
    if table is not None:
        out.with_suffix('.classes.csv').write_text(vis.classes_csv(table), encoding='utf-8')
    return runs, page


def of(run: Run, runs: Sequence[Run]) -> str:
    """Say which run, where there are several."""
    return f' of {run.name}' if len(runs) > 1 else ''


def find_runs(args: argparse.Namespace) -> list[Run]:
    """Look into the work directories."""
    names = args.names or [folder.resolve().name for folder in args.runs]
    for option, given in (('--names', names), ('--results', args.results)):
        if given is not None and len(given) != len(args.runs):
            raise ValueError(f'{option} gives {len(given)} for {len(args.runs)} runs; give one per RUN, in order')
    if len(set(names)) < len(names):
        raise ValueError(f'two runs are called {max(names, key=names.count)!r}; tell them apart with --names')
    runs = []
    for i, (name, folder) in enumerate(zip(names, args.runs, strict=True)):
        if not folder.is_dir():
            raise FileNotFoundError(f'no folder {folder}; give the work directory of a run of tools/train.py')
        predictions = args.results[i] if args.results else vis.find_predictions(folder)
        if args.results and not predictions.is_file():
            raise FileNotFoundError(f'no predictions at {predictions}; make them with {vis.evaluation_command(folder)}')
        run = Run(name, folder, vis.find_config(folder), predictions)
        try:
            run.results, source = vis.read_results(folder)
            run.source = str(source)
        except FileNotFoundError:
            if predictions is None:
                raise
        runs.append(run)
    return runs


def data_of_runs(args: argparse.Namespace, runs: Sequence[Run]) -> tuple[vis.DataSource, str]:
    """Where the tested and the training data are: from the command line, or else from the config of the first run."""
    first = runs[0]
    if first.config is None:
        if not (args.ann and args.train_ann):
            raise FileNotFoundError(
                f'no config in {first.folder}; name the annotation files with --ann and --train-ann'
            )
        return vis.DataSource(args.ann, None), args.train_ann
    config = vis.read_config(first.config)
    tested = vis.data_source(config, 'test_dataloader')
    for run in runs[1:]:
        other = vis.data_source(vis.read_config(run.config), 'test_dataloader') if run.config else tested
        if other.ann_file != tested.ann_file and not args.ann:
            raise ValueError(
                f'{first.folder} was tested on {tested.ann_file}, {run.folder} on {other.ann_file}; compare runs on '
                'the same images, or give --ann if these are'
            )
    train_ann = args.train_ann or vis.data_source(config, 'train_dataloader').ann_file
    return vis.DataSource(args.ann or tested.ann_file, tested.classes, tested.img_folder), train_ann


def read_details(
    args: argparse.Namespace, runs: Sequence[Run], tested: vis.DataSource, stats: ClassStatistics, notes: list[str]
) -> Details | None:
    """Read and match the predictions of the runs that have any; None where no run has."""
    for run in runs:
        if run.predictions is None:
            command = vis.evaluation_command(run.folder)
            notes.append(
                f'No predictions of {run.name}, so neither figures by class nor images; make them with {command}'
            )
    with_predictions = [run for run in runs if run.predictions is not None]
    if not with_predictions:
        return None
    wants_masks = args.metric != 'bbox' and any('segm' in run.results or not run.results for run in with_predictions)
    sections.progress(f'reading {tested.ann_file} ...')
    details = Details(tested, stats, wants_masks)
    for run in with_predictions:
        sections.progress(f'reading {run.predictions} ...')
        scored = details.add(run.name, run.predictions, run.folder)
        if not run.results:
            run.results, run.source = scored, 'scored now'
        run.source += f', {len(details.predictions[run.name].image_paths)} images'
    if args.metric and not any(args.metric in metrics for metrics in details.scored.values()):
        raise ValueError(f'--metric {args.metric}, but no run has predictions for it')
    return details


def draw(
    args: argparse.Namespace,
    runs: Sequence[Run],
    details: Details | None,
    stats: ClassStatistics,
    notes: list[str],
) -> list[vis.ReportFigure]:
    """All figures, in the order of the page; what cannot be drawn is noted."""
    results = {run.name: run.results for run in runs}
    figures = [sections.groups_figure(results), *sections.pareto_figures(results, args.metric)]
    if details is not None and details.table is not None:
        metric = args.metric or details.main_metric()
        figures += sections.class_figures(details, metric, args.score_thr)
        if args.num_images:
            sections.progress('drawing images ...')
            figures += sections.galleries(details, metric, args.img_root, notes)
    if details is not None and args.num_images:
        images = sections.image_figures(details, args.num_images, args.score_thr, args.img_root)
        notes += [] if images else [f'No object on the tested images in {details.tested.ann_file}, so no images.']
        figures += images
    figures.append(sections.frequency_figure(stats))
    for run in runs:
        losses = sections.loss_figures(run.folder, of(run, runs))
        notes += [] if losses else [f'No training log in {run.folder}, so no curves of the losses.']
        figures += losses
    return figures


if __name__ == '__main__':
    sys.exit(main())
