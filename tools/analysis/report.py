"""Write one self-contained html report of a run: table of AP, AP by frequency group, losses, class frequency, images.

RUN_DIR is a work directory of tools/train.py and tools/test.py. The config in it names the annotation files; the
predictions are those of `tools/test.py ... --out RUN_DIR/results.pkl`.

Example:
    python tools/analysis/report.py work_dirs/quickstart --out work_dirs/quickstart/report.html
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import longtail_det
from longtail_det import visualization as vis
from longtail_det.compat import installed_versions
from longtail_det.evaluation import ap_table, load_ground_truth
from longtail_det.evaluation.functional import percent
from longtail_det.statistics import ClassStatistics, load_class_statistics

Results = dict[str, dict[str, float]]


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('run_dir', type=Path, metavar='RUN_DIR', help='work directory of the run')
    parser.add_argument('--out', type=Path, help='html file to write (default: RUN_DIR/report.html)')
    parser.add_argument(
        '--results', type=Path, help='predictions of tools/test.py --out (default: RUN_DIR/results.pkl)'
    )
    parser.add_argument('--ann', help='annotation file of the tested images (default: from the config of the run)')
    parser.add_argument('--train-ann', help='training annotations or class statistics (default: from the config)')
    parser.add_argument('--img-root', type=Path, help='folder of the images, if they moved since the test')
    parser.add_argument('--title', help='headline (default: name of RUN_DIR)')
    parser.add_argument('--num-images', type=int, default=8, help='images to show (default: %(default)s)')
    parser.add_argument('--score-thr', type=float, default=0.3, help='lowest score to show (default: %(default)s)')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Write the report; 0 if that worked, 2 after a mistake of the user's."""
    argv = sys.argv[1:] if argv is None else argv
    args = build_parser().parse_args(argv)
    args.title = args.title or args.run_dir.resolve().name
    args.command = shlex.join(['python', 'tools/analysis/report.py', *argv])
    try:
        results, path = make_report(args)
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    print(f'{ap_table(results)}\n\nreport: {path}')
    return 0


def make_report(args: argparse.Namespace) -> tuple[Results, Path]:
    """Read what the run left, draw it and write the page; a line of progress before whatever takes time."""
    if not args.run_dir.is_dir():
        raise FileNotFoundError(f'no folder {args.run_dir}; give the work directory of a run of tools/train.py')
    results, source = vis.read_results(args.run_dir)
    tested, train_ann = data_of_run(args)
    progress('reading predictions ...')
    predictions = vis.read_predictions(args.results or args.run_dir / 'results.pkl', args.run_dir)
    progress(f'reading {train_ann} ...')
    stats = load_class_statistics(train_ann)
    progress(f'reading {tested.ann_file} and drawing images ...')
    losses, images = loss_figures(args.run_dir), image_figures(args, tested, predictions)
    figures = [groups_figure(args.title, results), *losses, frequency_figure(stats), *images]
    notes = [] if losses else [f'No training log in {args.run_dir}, so no curves of the losses.']
    notes += [] if images else [f'No object on the tested images in {tested.ann_file}, so no images.']
    facts = {
        'results': f'{source}, {len(predictions)} images',
        'config': str(vis.find_config(args.run_dir) or '-'),
        'tested on': tested.ann_file,
        'trained on': f'{train_ann}: {stats.summary()}',
        'versions': f'longtail_det {longtail_det.__version__}, '
        + ', '.join(f'{name} {version}' for name, version in installed_versions().items()),
        'command': args.command,
    }
    date = datetime.now().astimezone().strftime('%Y-%m-%d %H:%M %Z')
    out = args.out or args.run_dir / 'report.html'
    for line in (*notes, 'writing the page ...'):
        progress(line)
    page = vis.write_report(out, args.title, {args.title: results}, figures, date=date, facts=facts, notes=notes)
    return results, page


def data_of_run(args: argparse.Namespace) -> tuple[vis.DataSource, str]:
    """Where the tested and the training data are: from the command line, or else from the config in the run."""
    path = vis.find_config(args.run_dir)
    if path is None:
        if not (args.ann and args.train_ann):
            raise FileNotFoundError(
                f'no config in {args.run_dir}; name the annotation files with --ann and --train-ann'
            )
        return vis.DataSource(args.ann, None), args.train_ann
    config = vis.read_config(path)
    tested = vis.data_source(config, 'test_dataloader')
    train_ann = args.train_ann or vis.data_source(config, 'train_dataloader').ann_file
    return vis.DataSource(args.ann or tested.ann_file, tested.classes), train_ann


def groups_figure(run: str, results: Results) -> vis.ReportFigure:
    """AP by frequency group."""
    values = '; '.join(
        f'{metric} AP {percent(v.get("AP"))}, rare {percent(v.get("APr"))}, common {percent(v.get("APc"))}, '
        f'frequent {percent(v.get("APf"))}'
        for metric, v in results.items()
    )
    caption = 'Average precision over all classes and over those rare, common and frequent in the training set.'
    return vis.ReportFigure(vis.plot_ap_by_group({run: results}), 'AP by frequency group', caption, f'Bars: {values}.')


def loss_figures(run_dir: Path) -> list[vis.ReportFigure]:
    """The loss curves; none where the run was only tested."""
    log = [record for record in vis.read_train_log(run_dir) if 'loss' in record]
    if not log:
        return []
    caption = 'Training losses as logged (faint) and their moving average over a twentieth of the log (bold).'
    alt = f'Curves of the losses; the total goes from {log[0]["loss"]:.3g} to {log[-1]["loss"]:.3g}.'
    return [vis.ReportFigure(vis.plot_losses(log), 'Losses', caption, alt)]


def frequency_figure(stats: ClassStatistics) -> vis.ReportFigure:
    """The long tail of the training set."""
    caption = 'Training images of every class on a log axis, with the borders of the rare and the common group.'
    count = sorted(stats.image_count.tolist()) or [0]
    alt = f'Sorted bars falling from {count[-1]} to {count[0]} images.'
    return vis.ReportFigure(vis.plot_class_frequency(stats), 'Class frequency', caption, alt)


def image_figures(
    args: argparse.Namespace, tested: vis.DataSource, predictions: Sequence[Mapping[str, Any]]
) -> list[vis.ReportFigure]:
    """Images with ground truth beside predictions; none where no tested image has an object."""
    samples = vis.load_grid_samples(
        load_ground_truth(tested.ann_file),
        predictions,
        classes=tested.classes,
        count=args.num_images,
        score_threshold=args.score_thr,
        img_root=args.img_root,
    )
    if not samples:
        return []
    caption = (
        f'Ground truth beside predictions with a score of at least {args.score_thr:.0%}. Colour: frequency group of '
        'the class; number: score in percent.'
    )
    alt = f'{len(samples)} images, each with its annotated and its predicted objects outlined and named.'
    return [vis.ReportFigure(vis.plot_image_grid(samples), 'Ground truth and predictions', caption, alt)]


def progress(text: str) -> None:
    """Say on stderr what is going on."""
    print(f'report: {text}', file=sys.stderr, flush=True)


if __name__ == '__main__':
    sys.exit(main())
