"""Evaluators of other projects: pinned releases, each in a folder of its own, and how each scores a results json.

None of them is a requirement. All five know LVIS's federated rules.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from longtail_det.compat.lvis_api import import_lvis

Scores = dict[str, float]
Evaluator = Callable[[Any, Any, str], Scores]

#: what pip installs, without what these need: numpy is there
RELEASES = {
    'hotcoco': ('hotcoco==1.3.0',),
    'vernier': ('vernier==0.5.4', 'pyarrow==26.0.1'),
    'ultrafast-pycocotools': ('ultrafast-pycocotools==0.1.14',),
    'faster-coco-eval': ('faster-coco-eval==1.8.0',),
}
_KEYS = ('AP', 'AP50', 'AP75', 'APs', 'APm', 'APl')
_RECALL_KEYS = ('AR@300', 'ARs@300', 'ARm@300', 'ARl@300')


def install(folder: Path) -> None:
    """Install the releases that `folder` lacks, each into a folder of its own."""
    for name, requirements in RELEASES.items():
        if not (folder / name).is_dir():
            command = [sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps', '--target', str(folder / name)]
            subprocess.run([*command, *requirements], check=True)


def load(name: str, folder: str | Path) -> Evaluator:
    """Import an evaluator, so that its imports are not timed.

    Args:
        name: 'lvis-api' or one of `RELEASES`.
        folder: where `install` put them; not used for lvis-api.

    Returns:
        A function of annotation file, results json and 'bbox' or 'segm' that gives the numbers by lvis-api's names;
        that of faster-coco-eval also takes what the files hold, and modifies it.
    """
    if name != 'lvis-api':
        sys.path.insert(0, str(Path(folder) / name))
    return _LOADERS[name]()


def _lvis_api() -> Evaluator:
    _, evaluator_class, _ = import_lvis()

    def evaluate(gt: str, results: str, metric: str) -> Scores:
        evaluator = evaluator_class(gt, results, metric)
        evaluator.run()
        return dict(evaluator.get_results())

    return evaluate


def _hotcoco() -> Evaluator:
    import hotcoco

    def evaluate(gt: str, results: str, metric: str) -> Scores:
        truth = hotcoco.LVIS(gt)
        evaluator = hotcoco.LVISEval(truth, hotcoco.LVISResults(truth, results), metric)
        evaluator.run()
        return dict(evaluator.get_results())

    return evaluate


def _vernier() -> Evaluator:
    from vernier import instance

    kinds = {'bbox': instance.Bbox(), 'segm': instance.Segm()}

    def evaluate(gt: str, results: str, metric: str) -> Scores:
        truth = instance.CocoDataset.from_lvis_json(Path(gt).read_bytes())
        # the ladder of limits that its summary wants; LVIS's is the last one
        evaluator = instance.Evaluator(iou=kinds[metric], max_dets=(1, 10, 300))
        stats = evaluator.evaluate(truth, Path(results).read_bytes(), num_threads=1).stats
        return dict(zip(_KEYS + _RECALL_KEYS, [*stats[:6], *stats[8:12]], strict=True))

    return evaluate


def _ultrafast() -> Evaluator:
    from ultrafast_pycocotools.coco import COCO
    from ultrafast_pycocotools.cocoeval import COCOeval

    def evaluate(gt: str, results: str, metric: str) -> Scores:
        truth = COCO(gt)
        evaluator = COCOeval(truth, truth.loadRes(results), metric, lvis_style=True)
        return _run(evaluator)

    return evaluate


def _faster() -> Evaluator:
    from faster_coco_eval import COCO, COCOeval_faster

    def evaluate(gt: str, results: str, metric: str) -> Scores:
        truth = COCO(gt)
        evaluator = COCOeval_faster(
            truth, truth.loadRes(results), metric, print_function=lambda *_: None, lvis_style=True
        )
        evaluator.params.maxDets = [300]
        scores = _run(evaluator)
        names = ('AP_all', 'AP_50', 'AP_75', 'AP_small', 'AP_medium', 'AP_large')
        recalls = ('AR_all', 'AR_small', 'AR_medium', 'AR_large')
        groups = {key: scores[key] for key in ('APr', 'APc', 'APf')}
        return {**dict(zip(_KEYS + _RECALL_KEYS, map(scores.get, names + recalls), strict=True)), **groups}

    return evaluate


def _run(evaluator: Any) -> Scores:
    for step in ('evaluate', 'accumulate', 'summarize'):
        getattr(evaluator, step)()
    return dict(evaluator.stats_as_dict)


def largest_difference(found: Mapping[str, float], expected: Mapping[str, float]) -> float:
    """Return the largest difference of the numbers that both give, those that are not defined left out."""
    shared = [key for key in expected if key in found and expected[key] >= 0]
    return max(abs(found[key] - expected[key]) for key in shared)


_LOADERS: dict[str, Callable[[], Evaluator]] = {
    'lvis-api': _lvis_api,
    'hotcoco': _hotcoco,
    'vernier': _vernier,
    'ultrafast-pycocotools': _ultrafast,
    'faster-coco-eval': _faster,
}
