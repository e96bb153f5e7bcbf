"""One case of vocabulary.py: Mask R-CNN R50 with one number of classes, stock heads or ours."""

from __future__ import annotations

import argparse
import pickle
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from harness import peak_memory, settle_allocator, synchronize
from mmengine.config import Config
from mmengine.logging import MMLogger
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
    """Return the detector of our configs, or the same with mmdet's own two heads, randomly initialized.

    'fed' is ours with FedLoss on demand, 'calibrated' ours with a calibration of the scores at test. All cases have the
    same backbone and RPN, so the same proposals and as many foreground RoIs.
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
    statistics = dict(
        image_count=[100] * num_classes,
        instance_count=[200] * num_classes,
        num_images=10000,
        total_images=10000,
        fractal_dim=[1.5] * num_classes,
    )
    if code == 'fed':
        cfg.roi_head.bbox_head.cls_on_demand = True
        cfg.roi_head.bbox_head.loss_cls = dict(type='FedLoss', num_classes=num_classes, class_statistics=statistics)
    if code == 'calibrated':
        cfg.roi_head.bbox_head.calibration = dict(type='FRACAL', strength=2.0, class_statistics=statistics)
    model = MODELS.build(cfg)
    torch.manual_seed(0)  # again: building heads of different sizes has drawn different amounts of random numbers
    model.init_weights()
    return model


def make_batch(num_images: int, size: int | Sequence[int], num_classes: int, num_objects: int) -> dict[str, Any]:
    """Random images with random boxes, filled as masks, in the form of mmdet's data loader.

    Args:
        num_images: images.
        size: side of a square image, or height and width.
        num_classes: classes of the objects.
        num_objects: objects of each image.
    """
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import BitmapMasks

    rng = np.random.default_rng(0)
    height, width = (size, size) if isinstance(size, int) else size
    sides = np.array([width, height])
    inputs, samples = [], []
    for index in range(num_images):
        corners = rng.uniform(0, 0.7, (num_objects, 2)) * sides
        boxes = np.concatenate([corners, corners + rng.uniform(0.1, 0.3, (num_objects, 2)) * sides], axis=1)
        masks = np.zeros((num_objects, height, width), dtype=np.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes.astype(int), strict=True):
            mask[y1:y2, x1:x2] = 1
        shapes = dict.fromkeys(('img_shape', 'ori_shape', 'batch_input_shape', 'pad_shape'), (height, width))
        sample = DetDataSample(metainfo=dict(img_id=index, scale_factor=(1.0, 1.0), **shapes))
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor(boxes, dtype=torch.float32),
            labels=torch.tensor(rng.integers(num_classes, size=num_objects)),
            masks=BitmapMasks(masks, height, width),
        )
        inputs.append(torch.tensor(rng.integers(0, 255, (3, height, width)), dtype=torch.uint8))
        samples.append(sample)
    return {'inputs': inputs, 'data_samples': samples}


def make_loader(code: str) -> Callable[[], dict[str, Any]]:
    """Return what gives a batch of data_path.py's two images: its pipeline, and the way through the loader's queue."""
    import data_path
    from mmdet.registry import TRANSFORMS
    from mmengine.dataset import Compose, pseudo_collate

    steps = [*data_path.LOADERS['mmdet' if code == 'stock' else code], *data_path.AUGMENTATIONS]
    pipeline, items = Compose([TRANSFORMS.build(step) for step in steps]), data_path.draw_items()

    def load() -> dict[str, Any]:
        samples = data_path.run_pipeline(pipeline, items)
        return pickle.loads(pickle.dumps(pseudo_collate(samples)))

    return load


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


def measure(step: Callable[[], Any], device: str, repeats: int = 1) -> dict[str, float]:
    """Return the seconds of the fastest of some runs after one to warm up, and the bytes at the peak of one."""
    step()
    seconds = []
    for _ in range(repeats):
        synchronize(device)
        start = time.perf_counter()
        step()
        synchronize(device)
        seconds.append(time.perf_counter() - start)
    return {'seconds': min(seconds), 'bytes': peak_memory(step, device)}


def total_loss(losses: dict[str, Any]) -> torch.Tensor:
    """Sum of every loss among the results of a RoI head's method."""
    parts = next(
        value for key, value in losses.items() if key in ('loss_bbox', 'loss_mask') and isinstance(value, dict)
    )
    return sum(value for key, value in parts.items() if 'loss' in key)


def classifier_step(head: Any, num_classes: int, device: str) -> Callable[[], None]:
    """Return forward and backward of the classifier and its loss alone: 1024 RoIs, a quarter of them of 40 classes."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(1024, head.fc_cls.in_features, generator=generator).to(device)
    labels = torch.randint(40, (1024,), generator=generator).index_fill(0, torch.arange(256, 1024), num_classes)
    labels = labels.to(device)
    classify = getattr(head, 'classify', head.fc_cls)

    def step() -> None:
        logits = classify(features)
        if isinstance(logits, torch.Tensor):
            loss = head.loss_cls(logits, labels)
        else:
            classes = head.loss_cls.sample_classes(labels)
            loss = head.loss_cls.loss_of_columns(logits.columns(classes), labels, classes)
        loss.backward()
        head.zero_grad()

    return step


def run(code: str, num_classes: int, args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Return what a training step, a prediction and the four pieces take.

    Args:
        code: 'stock', 'ours', 'fed' or 'calibrated'.
        num_classes: foreground classes.
        args: of vocabulary.py; `image_size`, `threads`, `device`, `loader`, `train` and `classifier` are used.
    """
    MMLogger.get_instance('benchmark', log_level='WARNING')  # init_weights reports every parameter
    torch.set_num_threads(args.threads)
    settle_allocator()
    model = build_model(code, num_classes).to(args.device)
    if args.classifier:
        classifier = classifier_step(model.roi_head.bbox_head.train(), num_classes, args.device)
        return {'train: classifier and its loss': measure(classifier, args.device, repeats=15)}
    recorder = Recorder(model.roi_head, list(PIECES.values()))
    batch = make_batch(2, args.image_size, num_classes, num_objects=20)
    wrapper = build_optim_wrapper(
        model, dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=1e-6, momentum=0.9, weight_decay=1e-4))
    )
    if args.loader:
        load = make_loader(code)
        return {'train: step with loader': measure(lambda: train_step(model, load(), wrapper), args.device)}
    results = {'train: whole step': measure(lambda: train_step(model, batch, wrapper), args.device)}
    for name in ('train: box head', 'train: mask head'):
        call = recorder.calls[PIECES[name]]
        results[name] = measure(lambda call=call: total_loss(call()).backward(), args.device)
    model.zero_grad()
    if args.train:
        return results
    model.eval()
    one = make_batch(1, args.image_size, num_classes, num_objects=20)
    with torch.no_grad():
        spread_logits(model, one)
        results['predict: whole image'] = measure(lambda: model.val_step(one), args.device)
        for name in ('predict: boxes', 'predict: masks'):
            results[name] = measure(recorder.calls[PIECES[name]], args.device)
    return results


def train_step(model: Any, batch: dict[str, Any], wrapper: Any) -> None:
    """Forward, backward and update, with the same RoIs sampled every time."""
    torch.manual_seed(0)
    model.train_step(batch, wrapper)
