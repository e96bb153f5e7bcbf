"""Images per second and peak memory of Mask R-CNN R50: mmdet's own heads beside ours, with and without mixed precision.

    train               forward, backward and update on --batch images of --num-rois RoIs each
    heads               forward and backward of the box and the mask head of such a step: the memory is theirs
    predict + evaluate  up to 300 detections with masks of each of --images images, and their box and mask AP: mmdet's
                        masks and `LVISMetric` beside encoded masks and `FastLVISMetric`

Every case runs in a process of its own. Weights are random, and the logits spread so that about a tenth of all (RoI,
class) pass the score threshold. Goals on a GPU: 1.5 times the training throughput, half the memory of the heads, 5
times the images in prediction with evaluation.

Example:
    python tools/benchmarks/throughput.py --device cuda
    python tools/benchmarks/throughput.py --image-size 96 128 --num-classes 30 --num-rois 16 --batch 1 --steps 1 \
        --images 2
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import longtail_det  # noqa: F401  (first of all: it makes mmdet importable without compiled mmcv)

# isort: split
import torch
from harness import Step, machine, markdown_table, peak_memory, require_device, settle_allocator, synchronize
from lvis_like import HEIGHT, WIDTH, LVISLike
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper
from vocabulary_case import Recorder, build_model, make_batch, spread_logits, total_loss, train_step

METRICS = {'stock': 'LVISMetric', 'ours': 'FastLVISMetric'}
#: what is measured -> whether images per second and whether memory have a goal, ours / mmdet
GOALS = {'train': (1.5, None), 'heads': (None, 0.5), 'predict + evaluate': (5.0, None)}
HEADER = ['what', 'precision', 'mmdet, img/s', 'ours, img/s', 'ours / mmdet', 'mmdet, MiB', 'ours, MiB', 'ours / mmdet']


class MixedPrecision(OptimWrapper):
    """Forward in half precision on any device; mmengine's own wants a GPU. A loss scale would cost both alike."""

    def optim_context(self, model: torch.nn.Module) -> AbstractContextManager[None]:
        """Autocast around the forward pass."""
        return half_precision(next(model.parameters()).device.type)


def half_precision(device: str) -> torch.autocast:
    """float16 on a GPU, bfloat16 on a CPU."""
    return torch.autocast(device, dtype=torch.float16 if device == 'cuda' else torch.bfloat16)


def run(code: str, amp: bool, args: argparse.Namespace) -> dict[str, tuple[float, float]]:
    """Measure one case.

    Args:
        code: 'stock' or 'ours'.
        amp: mixed precision.
        args: the command line.

    Returns:
        What -> images per second, and bytes at the peak above what was there before.
    """
    MMLogger.get_instance('benchmark', log_level='WARNING')
    torch.set_num_threads(args.threads)
    settle_allocator()
    model = build_model(code, args.num_classes).to(args.device)
    model.roi_head.bbox_sampler.num = args.num_rois
    model.rpn_head.test_cfg.max_per_img = 2 * args.num_rois
    # a trained RPN fills the quota of foreground RoIs; this random one does only where little overlap is enough
    for threshold in ('pos_iou_thr', 'neg_iou_thr', 'min_pos_iou'):
        setattr(model.roi_head.bbox_assigner, threshold, 0.1)
    recorder = Recorder(model.roi_head, ['bbox_loss', 'mask_loss'])
    batch = make_batch(args.batch, args.image_size, args.num_classes, num_objects=20)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6, momentum=0.9, weight_decay=1e-4)
    wrapper = (MixedPrecision if amp else OptimWrapper)(optimizer)
    precision = (lambda: half_precision(args.device)) if amp else nullcontext
    results = {'train': measure(lambda: train_step(model, batch, wrapper), args.batch, args.steps, args.device)}

    def heads() -> None:
        with precision():
            loss = sum(total_loss(call()) for call in recorder.calls.values())
        loss.backward()

    results['heads'] = measure(heads, args.batch, args.steps, args.device)
    model.zero_grad(set_to_none=True)
    model.eval()
    # lvis-api prints its numbers
    with torch.no_grad(), precision(), redirect_stdout(io.StringIO()):
        results['predict + evaluate'] = evaluation(code, model, args)
    return results


def measure(step: Step, num_images: int, steps: int, device: str) -> tuple[float, float]:
    """Images per second over some steps after one to warm up, and the bytes at the peak of one."""
    step()
    synchronize(device)
    start = time.perf_counter()
    for _ in range(steps):
        step()
    synchronize(device)
    seconds = time.perf_counter() - start
    return num_images * steps / seconds, peak_memory(step, device)


def evaluation(code: str, model: Any, args: argparse.Namespace) -> tuple[float, float]:
    """Images per second and peak of predicting images of LVIS's size and scoring them."""
    from mmdet.registry import METRICS as REGISTRY

    from longtail_det.compat.lvis_api import import_lvis

    import_lvis()
    one = make_batch(1, args.image_size, args.num_classes, num_objects=20)
    sample, (height, width) = one['data_samples'][0], args.image_size
    sample.set_metainfo(dict(ori_shape=(HEIGHT, WIDTH), scale_factor=(width / WIDTH, height / HEIGHT)))
    spread_logits(model, one)

    def predict(img_id: int) -> list[dict[str, Any]]:
        sample.set_metainfo(dict(img_id=img_id))
        (found,) = model.val_step(one)
        for key in ('bboxes', 'scores'):  # mmdet's metric takes no bfloat16
            found.pred_instances.set_field(found.pred_instances[key].float(), key)
        return [found.to_dict()]

    with tempfile.TemporaryDirectory() as folder:
        truth = LVISLike(args.images, args.num_classes, num_detections=0)
        truth.write(Path(folder) / 'truth.json')
        metric = REGISTRY.build(
            dict(type=METRICS[code], ann_file=str(Path(folder) / 'truth.json'), metric=['bbox', 'segm'])
        )
        metric.dataset_meta = {'classes': tuple(category['name'] for category in truth.categories)}
        metric.process({}, predict(1))  # to warm up
        metric.evaluate(1)
        synchronize(args.device)
        start = time.perf_counter()
        for img_id in range(1, args.images + 1):
            metric.process({}, predict(img_id))
        metric.evaluate(args.images)
        synchronize(args.device)
        seconds = time.perf_counter() - start
    return args.images / seconds, peak_memory(lambda: predict(1), args.device)


def rows(results: dict[tuple[str, bool], dict[str, tuple[float, float]]]) -> list[list[str]]:
    """Lines of the table; a goal stands behind its ratio."""
    lines = []
    for what, goals in GOALS.items():
        for amp in sorted({amp for _, amp in results}):
            stock, ours = results['stock', amp][what], results['ours', amp][what]
            speed, memory = (
                f'{mine / theirs:.2f}' + (f' (goal {goal})' if goal else '')
                for mine, theirs, goal in zip(ours, stock, goals, strict=True)
            )
            cells = [f'{stock[0]:.2f}', f'{ours[0]:.2f}', speed]
            cells += [f'{stock[1] / 2**20:.0f}', f'{ours[1] / 2**20:.0f}', memory]
            lines.append([what, 'mixed' if amp else 'float32', *cells])
    return lines


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--num-classes', type=int, default=1203, help='foreground classes')
    parser.add_argument('--image-size', type=int, nargs=2, metavar=('H', 'W'), default=[800, 1333], help='pixels')
    parser.add_argument('--batch', type=int, default=2, help='images of a training step')
    parser.add_argument(
        '--num-rois', type=int, default=512, help='of an image in training; twice as many at prediction'
    )
    parser.add_argument('--steps', type=int, default=10, help='timed training steps')
    parser.add_argument('--images', type=int, default=30, help='images to predict and to score')
    parser.add_argument('--precisions', nargs='+', choices=['float32', 'mixed'], default=['float32', 'mixed'])
    parser.add_argument('--threads', type=int, default=1, help='CPU threads')
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table and return the exit code."""
    args = build_parser().parse_args(argv)
    require_device(args.device)
    results = {}
    for precision in args.precisions:
        for code in METRICS:
            with ProcessPoolExecutor(1, mp_context=get_context('spawn')) as process:
                results[code, precision == 'mixed'] = process.submit(run, code, precision == 'mixed', args).result()
    size = ' x '.join(map(str, args.image_size))
    print(f'{machine(args.device)}; {size}, {args.num_classes} classes, {args.batch} images a step')
    print(markdown_table(HEADER, rows(results)))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
