"""multiclass_nms of this package beside mmdet's: time, peak memory and equality of the results.

RoIs lie around objects as a detector's do. Softmax-like scores fall below the threshold as the vocabulary grows,
sigmoid-like ones do not. mmdet's function is called once per row, and not at all beyond --stock-up-to classes, where
it takes minutes; ours is the median of --rounds.

Example:
    python tools/benchmarks/nms.py --num-classes 80 1203 13204
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import torch
from harness import (
    machine,
    markdown_table,
    peak_memory,
    require_device,
    settle_allocator,
    synchronize,
    time_side_by_side,
)

from longtail_det.models.layers import multiclass_nms
from longtail_det.models.layers.bbox_nms import mmdet_multiclass_nms

HEADER = ['scores', 'classes', 'candidates', 'mmdet s', 'ours s', 'ratio', 'mmdet MB', 'ours MB', 'equal']


def make_input(args: argparse.Namespace, kind: str, num_classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes and scores of one image: RoIs scattered around objects, each object with a class of its own."""
    generator = torch.Generator().manual_seed(0)
    corners = 700 * torch.rand(args.objects, 2, generator=generator)
    objects = torch.cat([corners, corners + 30 + 300 * torch.rand(args.objects, 2, generator=generator)], dim=1)
    owner = torch.randint(args.objects, (args.num_rois,), generator=generator)
    boxes = objects[owner] + 12 * torch.randn(args.num_rois, 4, generator=generator)
    if args.class_specific:
        boxes = boxes.repeat(1, num_classes)
        boxes += torch.randn(boxes.shape, generator=generator)
    logits = 1.5 * torch.randn(args.num_rois, num_classes + 1, generator=generator)
    classes = torch.randint(num_classes, (args.objects,), generator=generator)
    logits[torch.arange(args.num_rois), classes[owner]] += 6
    scores = logits.softmax(1) if kind == 'softmax' else (logits - 6.5).sigmoid()
    return boxes.clamp(0, 1000).to(args.device), scores.to(args.device)


def measure(args: argparse.Namespace, kind: str, num_classes: int) -> list[str]:
    """One row of the table."""
    boxes, scores = make_input(args, kind, num_classes)
    arguments = (boxes, scores, args.score_thr, {'type': 'nms', 'iou_threshold': 0.5}, args.max_per_img)
    candidates = int((scores[:, :-1] > args.score_thr).sum())

    def ours() -> tuple[torch.Tensor, ...]:
        return multiclass_nms(*arguments, return_inds=True)

    seconds = time_side_by_side({'ours': ours}, rounds=args.rounds, device=args.device)['ours']
    row = [kind, str(num_classes), str(candidates)]
    memory = f'{peak_memory(ours, args.device) / 1e6:.0f}'
    if num_classes > args.stock_up_to:
        return [*row, 'skipped', f'{seconds:.4f}', '', '', memory, '']
    results = []

    def stock() -> None:
        results.append(mmdet_multiclass_nms(*arguments, return_inds=True))

    synchronize(args.device)
    start = time.perf_counter()
    stock()
    synchronize(args.device)
    stock_seconds = time.perf_counter() - start
    stock_memory = f'{peak_memory(stock, args.device) / 1e6:.0f}' if args.stock_memory else ''
    equal = all(map(torch.equal, ours(), results[0]))
    ratio = f'{stock_seconds / seconds:.0f}'
    return [*row, f'{stock_seconds:.3f}', f'{seconds:.4f}', ratio, stock_memory, memory, 'yes' if equal else 'no']


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--num-classes', type=int, nargs='+', default=[80, 1203, 13204], help='foreground classes')
    parser.add_argument('--stock-up-to', type=int, default=1203, help='most classes to run mmdet with')
    parser.add_argument('--stock-memory', action='store_true', help="also mmdet's peak memory (two calls more)")
    parser.add_argument('--num-rois', type=int, default=1000, help='RoIs of an image')
    parser.add_argument('--objects', type=int, default=40, help='objects they lie around')
    parser.add_argument('--class-specific', action='store_true', help='a box of its own for every RoI and class')
    parser.add_argument('--score-thr', type=float, default=1e-4, help='score threshold')
    parser.add_argument('--max-per-img', type=int, default=300, help='detections kept')
    parser.add_argument('--rounds', type=int, default=5, help='timed rounds of ours; the median is printed')
    parser.add_argument('--threads', type=int, default=1, help='CPU threads')
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table and return the exit code."""
    args = build_parser().parse_args(argv)
    require_device(args.device)
    torch.set_num_threads(args.threads)
    settle_allocator()
    print(
        f'{machine(args.device)}; {args.num_rois} RoIs, class-{"specific" if args.class_specific else "agnostic"} '
        f'boxes, score_thr {args.score_thr}, {args.max_per_img} kept'
    )
    rows = [measure(args, kind, number) for number in args.num_classes for kind in ('softmax', 'sigmoid')]
    print(markdown_table(HEADER, rows))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
