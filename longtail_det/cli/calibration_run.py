"""The command calibrate with a model: search, comparison on the test set, files."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from mmengine.runner import Runner
from mmengine.runner.checkpoint import CheckpointLoader
from tqdm import tqdm

from longtail_det.calibration import CALIBRATIONS, CountCalibration
from longtail_det.engine import collect_logit_statistics, find_file_statistics, training_batches
from longtail_det.evaluation import read_ground_truth
from longtail_det.files import replacing
from longtail_det.models.bbox_heads import LongTailBBoxHead
from longtail_det.statistics import ClassStatistics

from .calibrated_model import read_statistics, set_calibration
from .calibration import calibration_name
from .calibration_comparison import PLAIN, Chosen, ap_cells, compare, comparison_table
from .calibration_search import Candidate, KeptOutputs, keep_outputs, score_candidate, training_images
from .commands import note
from .errors import Progress, UserError
from .runner import StartHook, build_runner
from .text_table import text_table


def calibrate(cfg: Config, args: argparse.Namespace, wanted: Mapping[str, Any] | None, progress: Progress) -> None:
    """Search, compare, print and write.

    Args:
        cfg: config of the detector.
        args: of the command line.
        wanted: config of the one calibration asked for, or None for all.
        progress: is told when the model runs.

    Raises:
        UserError: the config or a file does not fit.
    """
    set_calibration(cfg, wanted or {'type': 'NorCal'})  # refuses heads that take none
    cfg.load_from, cfg.resume = args.checkpoint, False
    runner = build_runner(cfg)
    runner.register_hook(StartHook(progress, loops=()), priority='HIGHEST')
    heads = [module for module in runner.model.modules() if isinstance(module, LongTailBBoxHead)]
    for head in heads:
        head.calibration = None
    runner.load_or_resume()
    model = runner.model.eval()
    report: dict[str, Any] = {'checkpoint': args.checkpoint}
    chosen: Chosen
    if wanted and wanted['type'] == 'LogN':
        progress.started = True
        name, config = calibration_name(wanted), dict(wanted)
        chosen = {head: MODELS.build({**wanted, 'num_classes': head.num_classes}) for head in heads}
        gather_logits(model, chosen, cfg, args.images)
    else:
        images = training_images(cfg, args.images, (cfg.get('randomness') or {}).get('seed') or 0)
        classes = images.metainfo['classes']
        statistics = read_statistics(args.ann, classes) if args.ann else find_file_statistics(images)
        candidates = make_candidates(wanted, args.strengths, statistics)
        progress.started = True
        scores = search(model, heads[-1], images, candidates, cfg)
        rows = [[name, *ap_cells(row)] for name, row in scores.items()]
        print(text_table(['calibration', 'box AP', 'r', 'c', 'f'], rows))
        best = max(candidates[1:], key=lambda candidate: scores[candidate.name]['AP'])
        name, config, chosen = best.name, best.config or {}, {heads[-1]: best.calibration}
        print(f'best of {len(images)} training images: {name}')
        report |= {'training_images': len(images), 'search': scores}
    report |= {'chosen': name, 'config': config}
    if not args.no_test:
        report['test'] = compare(runner, name, chosen)
        print(comparison_table(report['test']))
    if args.out:
        write_outcome(Path(args.out), report, model, chosen)


def make_candidates(
    wanted: Mapping[str, Any] | None, strengths: Sequence[float] | None, statistics: ClassStatistics
) -> list[Candidate]:
    """Return no calibration, then every method asked for with every strength to try.

    Args:
        wanted: config of the one method, or None for all that count.
        strengths: to try; None: the one of `wanted`, else the method's own list.
        statistics: of the training set.

    Raises:
        UserError: strengths for a method that has none, or that says its own.
    """
    found = [Candidate(PLAIN, None, None)]
    for kind in CALIBRATIONS:
        if not issubclass(kind, CountCalibration) or (wanted and wanted['type'] != kind.__name__):
            continue
        config = {'type': kind.__name__, **(wanted or {})}
        key = kind.strength_name
        if strengths and (not key or key in config):
            raise UserError(f'--strengths, but {calibration_name(config)} leaves no strength open')
        open_strengths = [None] if not key or key in config else strengths or kind.strengths
        for strength in open_strengths:
            own = config if strength is None else {**config, key: strength}
            module = MODELS.build({**own, 'num_classes': statistics.num_classes, 'class_statistics': statistics})
            found.append(Candidate(calibration_name(own), own, module))
    return found


def search(
    model: Any, head: LongTailBBoxHead, images: Any, candidates: Sequence[Candidate], cfg: Config
) -> dict[str, dict[str, float]]:
    """Return the box AP of each candidate on some images, by its name.

    Args:
        model: the detector, in evaluation mode.
        head: its last box head.
        images: dataset of the images.
        candidates: what to try.
        cfg: config of the run.
    """
    gt = read_ground_truth(images.ann_file, ['bbox'])
    scores = {}
    with KeptOutputs(head) as kept:
        keep_outputs(model, images, cfg.test_dataloader, kept)
        note(f'kept {kept.num_bytes / 2**20:.0f} MiB of logits and boxes; trying {len(candidates)} candidates ...')
        for candidate in tqdm(candidates, desc='strengths'):
            scores[candidate.name] = score_candidate(candidate, kept, gt, images.cat_ids, model.roi_head.test_cfg)
    return scores


def gather_logits(model: Any, chosen: Chosen, cfg: Config, num_images: int) -> None:
    """Fill the logit statistics of each head from training batches.

    Args:
        model: the detector.
        chosen: a LogN for each head.
        cfg: config of the run.
        num_images: training images to look at, rounded up to batches.
    """
    for head, module in chosen.items():
        head.calibration = module
    model.to(next(model.parameters()).device)
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    collect_logit_statistics(model, tqdm(training_batches(loader, num_images), desc='training batches', unit='batch'))


def write_outcome(folder: Path, report: Mapping[str, Any], model: torch.nn.Module, chosen: Chosen) -> None:
    """Write calibration.json, and calibrated.pth with the buffers of the calibration.

    Args:
        folder: is made.
        report: what was found; its `checkpoint` is the one that was calibrated.
        model: the detector.
        chosen: the calibration of each head that gets one.
    """
    for head, module in chosen.items():
        head.calibration = module
    saved = CheckpointLoader.load_checkpoint(report['checkpoint'], map_location='cpu')
    weights = saved.get('state_dict', saved)
    weights |= {key: value.cpu() for key, value in model.state_dict().items() if '.calibration.' in key}
    with replacing(folder / 'calibration.json') as unfinished:
        unfinished.write_text(json.dumps(report, indent=1) + '\n')
    with replacing(folder / 'calibrated.pth') as unfinished:
        torch.save(saved, unfinished)
    print(f'written to {folder}: calibration.json, calibrated.pth')
