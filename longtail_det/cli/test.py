"""Test a detector: run a checkpoint over the test set of a config and print its metrics.

Example:
    longtail-det test configs/glyphs/CONFIG.py work_dirs/mine/iter_900.pth --eval bbox segm --out results.npz
    longtail-det test configs/glyphs/CONFIG.py --results results.npz --eval segm
    longtail-det test configs/glyphs/CONFIG.py work_dirs/mine/iter_900.pth --format-only --out results.json
    longtail-det test configs/glyphs/CONFIG.py work_dirs/mine/iter_900.pth --calibration norcal gamma=0.6 \\
        --ann data/glyphs/annotations/glyphs_train.json

The second one scores predictions again without the model; tools/analysis/eval_results.py does so without a config.

On several GPUs or processes use tools/dist_test.sh. The metrics are also written as JSON into the work dir. A
mistake in the command line or in the config is one line and exit code 2; LONGTAIL_DET_TRACEBACK=1 shows the traceback.
"""

from __future__ import annotations

import argparse
import inspect
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import CommandParser, add_common_arguments, numeric
from .calibration import add_calibration_arguments, read_calibration
from .errors import UserError, one_line_errors, setup_errors
from .outputs import RESULT_SUFFIXES, check_output

if TYPE_CHECKING:
    from mmengine.config import Config

_METRICS = ('bbox', 'segm', 'boundary', 'proposal', 'proposal_fast')


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', nargs='?', help='checkpoint file or URL; not with --results')
    parser.add_argument('--eval', nargs='+', choices=_METRICS, help='what to measure; default: what the config says')
    parser.add_argument(
        '--out',
        metavar='FILE',
        help='write all predictions to this .npz of arrays, to this .json in the standard results format of LVIS and '
        'COCO, or to this .pkl as mmdet does',
    )
    parser.add_argument(
        '--allow-partial', action='store_true', help='test a checkpoint that lacks weights of the model, or has others'
    )
    parser.add_argument('--format-only', action='store_true', help='write --out and measure nothing')
    parser.add_argument(
        '--results', metavar='FILE.npz', help='measure these predictions of --out (.npz or .pkl), without a model'
    )
    parser.add_argument('--show', action='store_true', help='show each image with its predictions')
    parser.add_argument('--show-dir', help='write the painted images to this folder inside the work dir')
    parser.add_argument('--wait-time', type=numeric(0), default=2, help='seconds that --show holds an image')
    parser.add_argument('--tta', action='store_true', help='test-time augmentation (flips, or tta_model of the config)')
    add_calibration_arguments(parser)
    add_common_arguments(parser)
    return parser


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = build_parser().parse_args(argv)
    with setup_errors() as progress:
        from .config import check_checkpoint, check_config, load_config

        _check_arguments(args)
        check_config(args.config)
        if not args.results:
            check_checkpoint(args.checkpoint)
        # torch takes seconds to import: a wrong path is reported before
        from .calibrated_model import give_statistics, set_calibration
        from .runner import StartHook, build_runner, prepare_processes, select_device

        device = select_device(args)
        cfg = load_config(args)
        if args.calibration:
            set_calibration(cfg, read_calibration(args.calibration))
        _apply_test_options(cfg, args)
        if args.results:
            from .offline_evaluation import evaluate_again

            evaluate_again(cfg, args.results, args.out)
            return 0
        prepare_processes(cfg, args, device)
        runner = build_runner(cfg)
        hook = StartHook(progress, loops=('test_loop',), allow_partial=args.allow_partial)
        runner.register_hook(hook, priority='HIGHEST')
        if args.ann:
            give_statistics(runner.model, args.ann, runner.test_loop.dataloader.dataset.metainfo['classes'])
        if args.out:
            from .predictions import prediction_writer

            dataset = runner.test_loop.dataloader.dataset
            runner.test_evaluator.metrics.append(prediction_writer(args.out, dataset))
        runner.test()
    return 0


def _check_arguments(args: argparse.Namespace) -> None:
    if args.results is None and args.checkpoint is None:
        raise UserError('give a checkpoint to test, or --results FILE.npz to measure predictions again')
    if args.results is not None:
        names = ('checkpoint', 'allow_partial', 'show', 'show_dir', 'tta', 'calibration', 'ann')
        given = {_spelled(name): getattr(args, name) for name in names}
        wrong = [name for name, value in given.items() if value]
        if wrong or args.launcher != 'none':
            raise UserError(f'--results runs no model, in one process; leave out {wrong[0] if wrong else "--launcher"}')
        if not os.path.isfile(args.results):
            raise UserError(f'no file {args.results}; --results wants what tools/test.py --out FILE.npz wrote')
    if args.format_only and not args.out:
        raise UserError('--format-only writes predictions; say where with --out FILE.json or FILE.npz')
    check_output('--out', args.out, RESULT_SUFFIXES)
    if args.format_only and args.eval:
        raise UserError('--format-only measures nothing; leave out --eval')


def _spelled(name: str) -> str:
    return 'CHECKPOINT' if name == 'checkpoint' else f'--{name.replace("_", "-")}'


def _apply_test_options(cfg: Config, args: argparse.Namespace) -> None:
    if cfg.get('test_evaluator') is None or cfg.get('test_dataloader') is None:
        raise UserError(f'{args.config} has no test set; add test_dataloader, test_cfg and test_evaluator')
    cfg.load_from = args.checkpoint
    cfg.resume = False
    if args.format_only:
        cfg.test_evaluator = []
    if args.eval:
        select_metrics(cfg, args.eval)
    if args.show or args.show_dir:
        enable_drawing(cfg, args)
    if args.tta:
        enable_tta(cfg)


def select_metrics(cfg: Config, metrics: list[str]) -> None:
    """Select what every evaluator measures that has a choice."""
    selectable = [evaluator for evaluator in evaluators(cfg.test_evaluator) if _takes_metric(evaluator)]
    for evaluator in selectable:
        evaluator['metric'] = metrics
    if not selectable:
        raise UserError(f'--eval {" ".join(metrics)}, but no test_evaluator of the config has a choice of metric')


def evaluators(test_evaluator: Any) -> list[Any]:
    """Return the evaluators of a config, which writes one, a list, or an Evaluator that holds them."""
    if isinstance(test_evaluator, list | tuple):
        return list(test_evaluator)
    return list(test_evaluator['metrics']) if 'metrics' in test_evaluator else [test_evaluator]


def _takes_metric(evaluator: Any) -> bool:
    from mmdet.registry import METRICS

    kind = evaluator['type']
    metric_class = METRICS.get(kind) if isinstance(kind, str) else kind
    accepted = inspect.signature(metric_class).parameters if metric_class else ()
    return 'metric' in evaluator or 'metric' in accepted


def enable_drawing(cfg: Config, args: argparse.Namespace) -> None:
    """Set what --show and --show-dir ask for in the visualization hook."""
    if args.show and sys.platform == 'linux' and not (os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')):
        raise UserError('--show, but this machine has no display; write the images with --show-dir instead')
    hook = cfg.get('default_hooks', {}).get('visualization')
    if hook is None:
        raise UserError("--show needs default_hooks.visualization=dict(type='DetVisualizationHook') in the config")
    hook.update(draw=True, show=args.show, wait_time=args.wait_time)
    if args.show_dir:
        # the hook puts a folder named by the time between
        check_output('--show-dir', Path(cfg.get('work_dir', ''), 'TIME', args.show_dir), is_folder=True)
        hook['test_out_dir'] = args.show_dir


def enable_tta(cfg: Config) -> None:
    """Put the model into a test-time augmentation model, and the pipeline of its test set with it."""
    from longtail_det.sampling import unwrap

    if cfg.model.get('roi_head', {}).get('mask_head') and not cfg.get('tta_model'):
        raise UserError(
            "--tta, but mmdet's test-time augmentation merges boxes only, and this model has masks; add "
            '--eval bbox --cfg-options model.roi_head.mask_head=None'
        )
    tta_model = cfg.get('tta_model') or {
        'type': 'DetTTAModel',
        'tta_cfg': {'nms': {'type': 'nms', 'iou_threshold': 0.5}, 'max_per_img': 300},
    }
    dataset = unwrap(cfg.test_dataloader.dataset)
    dataset.pipeline = cfg.get('tta_pipeline') or _flip_pipeline(list(dataset.pipeline))
    cfg.model = {**tta_model, 'module': cfg.model}


def _flip_pipeline(pipeline: list[Any]) -> list[Any]:
    """Replace the last step, which packs the inputs, by packing each image as it is and flipped."""
    meta = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'flip', 'flip_direction')
    flips = [{'type': 'RandomFlip', 'prob': 1.0}, {'type': 'RandomFlip', 'prob': 0.0}]
    pack = {'type': 'PackDetInputs', 'meta_keys': meta}
    return [*pipeline[:-1], {'type': 'TestTimeAug', 'transforms': [flips, [pack]]}]
