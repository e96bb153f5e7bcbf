"""How time and memory of a step grow with the vocabulary: Mask R-CNN R50 with mmdet's heads beside ours.

A training step is forward, backward and update on 2 images of 512 sampled RoIs each; a prediction is one image with
1000 proposals and up to 300 detections with masks. Both are measured whole, and four pieces of them alone. Every case
(stock or ours, number of classes) runs in a process of its own, and the cases take turns in every round.

Stock heads with 13204 classes need more memory than most machines have and minutes for one image, so they run up to
--stock-limit classes only.

Other heads are ours with FedLoss on demand (`fed`) and ours with a calibration at test (`calibrated`), which must not
add to training. What it adds to a prediction is measured alone, by calibration.py.

Example:
    python tools/benchmarks/vocabulary.py --num-classes 80 1203 13204 --plot tools/benchmarks/vocabulary.png
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import vocabulary_case
from harness import machine, markdown_table, require_device
from matplotlib.figure import Figure
from tqdm import tqdm

from longtail_det.visualization import figure_png
from longtail_det.visualization.style import NEUTRAL, figure_style, new_figure

#: (code, number of classes) -> what was measured -> 'seconds' and 'bytes'
Results = dict[tuple[str, int], dict[str, dict[str, float]]]
#: heads that are drawn
COLORS = {'stock': NEUTRAL, 'ours': '#0072B2'}
CURVES = {'train: whole step': 'training step', 'predict: whole image': 'prediction'}


def cases(args: argparse.Namespace) -> Iterator[tuple[str, int]]:
    """What to measure, in turn."""
    for num_classes in args.num_classes:
        for code in args.heads:
            if code != 'stock' or num_classes <= args.stock_limit:
                yield code, num_classes


def measure(args: argparse.Namespace) -> Results:
    """Median over rounds of every case."""
    runs: dict[tuple[str, int], list[dict[str, dict[str, float]]]] = {case: [] for case in cases(args)}
    with tqdm(total=args.rounds * len(runs), unit='case') as progress:
        for _ in range(args.rounds):
            for (code, num_classes), measured in runs.items():
                progress.set_postfix_str(f'{code}, {num_classes} classes')
                with ProcessPoolExecutor(1, mp_context=get_context('spawn')) as process:
                    measured.append(process.submit(vocabulary_case.run, code, num_classes, args).result())
                progress.update()
    return {
        case: {
            what: {unit: statistics.median(run[what][unit] for run in measured) for unit in ('seconds', 'bytes')}
            for what in measured[0]
        }
        for case, measured in runs.items()
    }


def rows(results: Results) -> list[list[str]]:
    """Lines of the table; the growth is the time beside the same code's time with the fewest classes."""
    fewest = min(num_classes for _, num_classes in results)
    lines = []
    for (code, num_classes), measured in results.items():
        for what, value in measured.items():
            lines.append(
                [
                    what,
                    str(num_classes),
                    code,
                    f'{value["seconds"]:.4g}',
                    f'{value["bytes"] / 2**20:.0f}',
                    ratio(value, results.get((code, fewest)), what),
                    ratio(value, results.get(('stock', num_classes)) if code != 'stock' else None, what),
                ]
            )
    return sorted(lines, key=lambda line: (line[0], int(line[1])))


def ratio(value: dict[str, float], other: dict[str, dict[str, float]] | None, what: str) -> str:
    """Time as a part of another case's, which may not have been run."""
    return f'{value["seconds"] / other[what]["seconds"]:.3f}' if other else ''


def draw(results: Results) -> Figure:
    """Curves of time and of peak memory over the number of classes."""
    with figure_style():
        figure = new_figure(8.4, 5.0)
        for row, (what, title) in zip(figure.subplots(2, 2, sharex=True), CURVES.items(), strict=True):
            for axis, unit, scale in ((row[0], 'seconds', 1.0), (row[1], 'bytes', 2.0**30)):
                for code, color in COLORS.items():
                    if code not in {each for each, _ in results}:
                        continue
                    points = sorted(
                        (c, value[what][unit] / scale) for (each, c), value in results.items() if each == code
                    )
                    axis.plot(*zip(*points, strict=True), marker='o', color=color, label=code)
                axis.set_xscale('log')
                axis.set_ylim(0, 1.08 * max(value[what][unit] for value in results.values()) / scale)
                axis.set_title(f'{title}: {"time" if unit == "seconds" else "peak memory"}')
                axis.set_ylabel('s' if unit == 'seconds' else 'GiB')
                axis.set_xticks(classes := sorted({c for _, c in results}), [str(c) for c in classes])
                axis.minorticks_off()
        for axis in figure.axes[2:]:
            axis.set_xlabel('classes')
        figure.axes[0].legend()
    return figure


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--num-classes', type=int, nargs='+', default=[80, 1203, 13204])
    parser.add_argument(
        '--heads',
        nargs='+',
        default=['stock', 'ours'],
        choices=['stock', 'ours', 'fed', 'calibrated'],
        help='to measure',
    )
    parser.add_argument('--stock-limit', type=int, default=1203, help='most classes that the stock heads are run with')
    parser.add_argument('--image-size', type=int, default=512, help='side of the square images, pixels')
    parser.add_argument('--rounds', type=int, default=3, help='rounds over all cases; the medians are printed')
    parser.add_argument('--threads', type=int, default=1, help='CPU threads')
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        '--loader',
        action='store_true',
        help="measure a training step with its pipeline and the loader's queue instead, on the images of data_path.py",
    )
    what.add_argument('--train', action='store_true', help='measure training alone')
    what.add_argument('--classifier', action='store_true', help='measure the classifier and its loss alone')
    what.add_argument('--plot', type=Path, help='png file for the curves')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, draw the curves and return the exit code."""
    args = build_parser().parse_args(argv)
    require_device(args.device)
    results = measure(args)
    images = 'images of data_path.py' if args.loader else f'images of {args.image_size} x {args.image_size}'
    print(f'{machine(args.device)}; {images}, median of {args.rounds} rounds')
    header = ['what', 'classes', 'heads', 's', 'peak MiB', 'time / its own at fewest classes', 'ours / stock: time']
    print(markdown_table(header, rows(results)))
    if args.plot:
        args.plot.write_bytes(figure_png(draw(results)))
        print(f'curves: {args.plot}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
