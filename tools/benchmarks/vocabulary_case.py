"""One case of vocabulary.py: Mask R-CNN R50 with one number of classes, stock heads or ours, measured in this process.

--calibration measures one piece alone: what a calibration adds to the scores of one image's RoIs.

Example:
    python tools/benchmarks/vocabulary_case.py --code ours --num-classes 1203
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from harness import peak_memory, settle_allocator, synchronize, time_side_by_side
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

import longtail_det  # noqa: F401  (first: it makes mmdet importable)

MODEL = Path(__file__).parents[2] / 'configs' / '_base_' / 'models' / 'mask-rcnn_r50_fpn.py'
STOCK = {'bbox_head': 'Shared2FCBBoxHead', 'mask_head': 'FCNMaskHead'}
#: methods of mmdet's StandardRoIHead that are also measured alone
PIECES = {
    'train: box head': 'bbox_loss',
    'train: mask head': 'mask_loss',
    'predict: boxes': 'predict_bbox',
    'predict: masks': 'predict_mask',
}
#: spread of the logits at prediction; a few classes of a RoI stand out, about a tenth pass the score threshold
LOGIT_STD = 3.0


def build_model(code: str, num_classes: int) -> Any:
    """Build the detector of our configs, or the same with mmdet's own two heads, randomly initialized.

    All cases have the same backbone and RPN, so the same proposals and as many foreground RoIs.
    """
    from mmdet.registry import MODELS

    init_default_scope('mmdet')
    cfg = Config.fromfile(MODEL).model
    cfg.backbone.init_cfg = None
    for name, stock in STOCK.items():
        head = cfg.roi_head[name]
        head.num_classes = num_classes
        if code == 'stock':
            cfg.roi_head[name] = dict(head, type=stock)
    model = MODELS.build(cfg)
    torch.manual_seed(0)  # again: building heads of different sizes has drawn different amounts of random numbers
    model.init_weights()
    return model


def make_batch(num_images: int, size: int, num_classes: int, num_objects: int) -> dict[str, Any]:
    """Random square images with random boxes, filled as masks, in the form of mmdet's data loader."""
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import BitmapMasks

    rng = np.random.default_rng(0)
    inputs, samples = [], []
    for index in range(num_images):
        corners = rng.uniform(0, size * 0.7, (num_objects, 2))
        boxes = np.concatenate([corners, corners + rng.uniform(size * 0.1, size * 0.3, (num_objects, 2))], axis=1)
        masks = np.zeros((num_objects, size, size), dtype=np.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes.astype(int), strict=True):
            mask[y1:y2, x1:x2] = 1
        sample = DetDataSample(
            metainfo=dict(
                img_id=index,
                img_shape=(size, size),
                ori_shape=(size, size),
                scale_factor=(1.0, 1.0),
                batch_input_shape=(size, size),
                pad_shape=(size, size),
            )
        )
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor(boxes, dtype=torch.float32),
            labels=torch.tensor(rng.integers(num_classes, size=num_objects)),
            masks=BitmapMasks(masks, size, size),
        )
        inputs.append(torch.tensor(rng.integers(0, 255, (3, size, size)), dtype=torch.uint8))
        samples.append(sample)
    return {'inputs': inputs, 'data_samples': samples}


def spread_logits(model: Any, batch: dict[str, Any]) -> None:
    """Scale the classifier so that its logits on this batch have the wanted spread."""
    head, seen = model.roi_head.bbox_head, []
    handle = head.fc_cls.register_forward_hook(lambda module, args, logits: seen.append(logits.std()))
    scoreless = model.roi_head.test_cfg.score_thr
    model.roi_head.test_cfg.score_thr = 2.0
    model.val_step(batch)
    model.roi_head.test_cfg.score_thr = scoreless
    handle.remove()
    with torch.no_grad():
        head.fc_cls.weight *= LOGIT_STD / seen[0]


class Recorder:
    """Keeps the arguments of the last call of some methods of an object, so that each can be called again alone."""

    def __init__(self, owner: Any, names: Sequence[str]) -> None:
        self.calls: dict[str, Callable[[], Any]] = {}
        for name in names:
            self._watch(owner, name)

    def _watch(self, owner: Any, name: str) -> None:
        method = getattr(owner, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] = lambda: method(*map(leaf, args), **kwargs)
            return method(*args, **kwargs)

        setattr(owner, name, watched)


def leaf(value: Any) -> Any:
    """Feature maps as leaves of a new graph; anything else as it is."""
    if isinstance(value, (tuple, list)) and value and isinstance(value[0], torch.Tensor):
        return tuple(each.detach().requires_grad_(each.requires_grad) for each in value)
    return value


def measure(step: Callable[[], Any], rounds: int, device: str) -> dict[str, float]:
    """Median seconds of some runs after one to warm up, and bytes at the peak of one."""
    step()
    seconds = []
    for _ in range(rounds):
        synchronize(device)
        start = time.perf_counter()
        step()
        synchronize(device)
        seconds.append(time.perf_counter() - start)
    return {'seconds': float(np.median(seconds)), 'bytes': peak_memory(step, device)}


def calibration_steps(model: Any) -> dict[str, Callable[[], Any]]:
    """The test scores of the last predicted image's RoIs, plain and by each calibration with random tables."""
    from longtail_det.calibration import CALIBRATIONS, CountCalibration
    from longtail_det.statistics import ClassStatistics

    head, seen = model.roi_head.bbox_head, []
    head.on_outputs = seen.append
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 2000, head.num_classes)
    spread = rng.uniform(1, 2, head.num_classes)
    tables = ClassStatistics(counts, counts, 2000, total_images=2000, fractal_dim=spread)
    calibrations = {
        kind.__name__: kind(num_classes=head.num_classes, class_statistics=tables).to(head.fc_cls.weight.device)
        for kind in CALIBRATIONS
        if issubclass(kind, CountCalibration)
    }

    def scores(calibration: Any) -> Any:
        head.calibration = calibration
        return head.test_scores(seen[-1].cls_score)

    steps = {'none': lambda: scores(None)}
    return steps | {name: (lambda each=each: scores(each)) for name, each in calibrations.items()}


def run_calibration(args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Measure a whole prediction once, and the scores of its RoIs many times, in turns."""
    model = build_model('ours', args.num_classes).to(args.device).eval()
    one = make_batch(1, args.image_size, args.num_classes, num_objects=20)
    with torch.no_grad():
        spread_logits(model, one)
        steps = calibration_steps(model)
        whole = measure(lambda: model.val_step(one), args.rounds, args.device)
        seconds = time_side_by_side(steps, rounds=20, device=args.device)
    parts = {
        name: {'seconds': value, 'share': (value - seconds['none']) / whole['seconds']}
        for name, value in seconds.items()
    }
    return {'predict: whole image': whole} | {f'scores: {name}': part for name, part in parts.items()}


def backward(losses: dict[str, Any]) -> None:
    """Backward of the sum of every loss among the results of a RoI head's method."""
    parts = next(
        value for key, value in losses.items() if key in ('loss_bbox', 'loss_mask') and isinstance(value, dict)
    )
    sum(value for key, value in parts.items() if 'loss' in key).backward()


def run(args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Measure a training step, a prediction, and the four pieces."""
    settle_allocator()
    model = build_model(args.code, args.num_classes).to(args.device)
    recorder = Recorder(model.roi_head, list(PIECES.values()))
    batch = make_batch(2, args.image_size, args.num_classes, num_objects=20)
    wrapper = build_optim_wrapper(
        model, dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=1e-6, momentum=0.9, weight_decay=1e-4))
    )
    steps: dict[str, Callable[[], Any]] = {'train: whole step': lambda: train_step(model, batch, wrapper)}
    results = {'train: whole step': measure(steps['train: whole step'], args.rounds, args.device)}
    for name in ('train: box head', 'train: mask head'):
        call = recorder.calls[PIECES[name]]
        results[name] = measure(lambda call=call: backward(call()), args.rounds, args.device)
    model.zero_grad()
    model.eval()
    one = make_batch(1, args.image_size, args.num_classes, num_objects=20)
    with torch.no_grad():
        spread_logits(model, one)
        results['predict: whole image'] = measure(lambda: model.val_step(one), args.rounds, args.device)
        for name in ('predict: boxes', 'predict: masks'):
            results[name] = measure(recorder.calls[PIECES[name]], args.rounds, args.device)
    return results


def train_step(model: Any, batch: dict[str, Any], wrapper: Any) -> None:
    """Forward, backward and update, with the same RoIs sampled every time."""
    torch.manual_seed(0)
    model.train_step(batch, wrapper)


def build_parser() -> argparse.ArgumentParser:
    """Command line of one case; vocabulary.py hands its own options on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--code', choices=['stock', 'ours'], required=True)
    parser.add_argument('--num-classes', type=int, required=True)
    parser.add_argument('--image-size', type=int, default=512, help='side of the square images, pixels')
    parser.add_argument('--rounds', type=int, default=3, help='timed runs of each; the median is given')
    parser.add_argument('--calibration', action='store_true', help='what calibrations add to a prediction, alone')
    parser.add_argument('--threads', type=int, default=1, help='CPU threads')
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the results as one line of json."""
    args = build_parser().parse_args(argv)
    torch.set_num_threads(args.threads)
    print(json.dumps(run_calibration(args) if args.calibration else run(args)))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
