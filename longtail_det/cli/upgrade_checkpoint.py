"""Upgrade a checkpoint of mmdet 2.x (GOL, EQLv2) or of detectron2 (DropLoss, EQL, RIO) to the models of this package.

With --config every name and shape is checked both ways against the model of that config, and the report says what is
missing, unused or of another shape; any of these is exit code 2 and no file, unless --allow-partial. Without --config
names are changed and nothing is checked.

A detectron2 model was trained on BGR images with its own scale: its first convolution is changed to what
data_preprocessor of the config says, exactly. What changes besides is told in longtail_det/compat/upgrade.
Checkpoints of mmdet 3.x, such as mmdet's own of Seesaw, need no upgrade.

Example:
    longtail-det upgrade-checkpoint gol_r50.pth work_dirs/gol_r50.pth \\
        --config configs/gol/mask-rcnn_r50_fpn_droploss-gumbel-normed-mask-nms0.3_rfs-ms-2x_lvis-v1.py
    longtail-det upgrade-checkpoint model_final.pkl work_dirs/rio_r50.pth --from detectron2
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longtail_det.files import replacing
from longtail_det.version import __version__

from .arguments import CommandParser
from .errors import UserError, one_line_errors, setup_errors
from .outputs import check_output
from .published import sha256

if TYPE_CHECKING:
    from mmengine.config import Config
    from torch import nn

    from longtail_det.compat.upgrade import Renamed

_SHOWN = 20


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument('src', type=Path, metavar='SRC', help='checkpoint to read: .pth, or .pkl of detectron2')
    parser.add_argument('dst', type=Path, metavar='DST', help='.pth file to write')
    parser.add_argument('--config', help='config of the model that will load it')
    parser.add_argument(
        '--cfg-options', nargs='+', action='extend', default=[], metavar='KEY=VALUE', help='override its settings'
    )
    parser.add_argument(
        '--from', dest='source', choices=['auto', 'mmdet2', 'detectron2'], default='auto', help='who wrote SRC'
    )
    parser.add_argument(
        '--class-statistics',
        metavar='JSON',
        help='training annotations, or what tools/data/class_statistics.py made of them, for losses that keep such '
        'statistics; ClassRelativeActivations needs them to test',
    )
    parser.add_argument(
        '--style',
        choices=['caffe', 'pytorch'],
        help='where a detectron2 ResNet was trained with its strides; default caffe (ResNet), pytorch (ResNeXt)',
    )
    for name in ('mean', 'std'):
        parser.add_argument(
            f'--pixel-{name}',
            nargs=3,
            type=float,
            metavar=('B', 'G', 'R'),
            help=f"MODEL.PIXEL_{name.upper()} of a detectron2 model; default SRC's own, or detectron2's",
        )
    parser.add_argument('--allow-partial', action='store_true', help='write what fits although something does not')
    parser.add_argument('--overwrite', action='store_true', help='replace DST')
    parser.add_argument('--verbose', action='store_true', help=f'report all names, not {_SHOWN} of a kind')
    return parser


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = build_parser().parse_args(argv)
    with setup_errors():
        _check_paths(args)
        from longtail_det.compat import upgrade

        checkpoint = upgrade.read_source(args.src)
        source = upgrade.detect_source(checkpoint, args.src)
        if args.source not in ('auto', source):
            raise UserError(f'--from {args.source}, but {args.src} is of {source}')
        renamed = upgrade.from_mmdet2(checkpoint) if source == 'mmdet2' else upgrade.from_detectron2(checkpoint)
        print(f'{args.src}: {len(renamed.old_names)} weights of {source}')
        for line in upgrade.dropped_lines(renamed):
            print(line)
        state: Mapping[str, Any] = renamed.weights
        cfg = _read_config(args) if args.config else None
        notes = _adapt_input(renamed, checkpoint, cfg, args) if source == 'detectron2' else {}
        if cfg is not None:
            state = _fit(renamed, cfg, args)
        else:
            print('not checked against a model; give --config to do so')
        _save(args, state, source, checkpoint, renamed, notes)
    print(f'written to {args.dst}')
    return 0


def _check_paths(args: argparse.Namespace) -> None:
    if not args.src.is_file():
        raise UserError(f'checkpoint not found: {args.src}')
    check_output('DST', args.dst, ('.pth',))
    if args.dst.exists() and (not args.overwrite or args.dst.samefile(args.src)):
        raise UserError(f'{args.dst} exists already; choose another name, or give --overwrite (never SRC itself)')
    if args.config:
        from .config import check_config

        check_config(args.config)


def _read_config(args: argparse.Namespace) -> Config:
    from .config import read_config

    cfg = read_config(args.config, args.cfg_options)
    if 'model' not in cfg:
        raise UserError(f'{args.config} has no model')
    return cfg


def _adapt_input(
    renamed: Renamed, checkpoint: Mapping[str, Any], cfg: Config | None, args: argparse.Namespace
) -> dict[str, str]:
    """Change the first convolution to the images of the config, and check where the strides are."""
    from longtail_det.compat import upgrade

    source = upgrade.source_input(checkpoint)
    source = replace(source, mean=args.pixel_mean or source.mean, std=args.pixel_std or source.std)
    style = args.style or upgrade.expected_style(checkpoint)
    print(f"trained on images of {source}, strides of style='{style}'")
    name = 'backbone.conv1.weight'
    if cfg is None or name not in renamed.weights:
        print('the config has to say so in model.data_preprocessor and model.backbone.style')
        return {'image_input': str(source), 'style': style}
    found = cfg.model.backbone.get('style', 'pytorch')
    if found != style:
        raise UserError(
            f"the checkpoint was trained with strides of style='{style}', the config has model.backbone.style="
            f"'{found}', which fits in shape and gives other results; set that, or give --style {found} if you know"
        )
    target = _config_input(cfg)
    renamed.weights[name] = upgrade.fold_input(renamed.weights[name], source, target)
    print(f'first convolution changed to images of {target}')
    return {'image_input': str(target), 'style': style}


def _config_input(cfg: Config) -> Any:
    from longtail_det.compat.upgrade import ImageInput

    preprocessor = cfg.model.get('data_preprocessor') or {}
    if preprocessor.get('mean') is None or preprocessor.get('std') is None:
        raise UserError('the config has no model.data_preprocessor with mean and std, so its images are unknown')
    # images are read as BGR; of three equal ways to write this, bgr_to_rgb is the one in use
    is_rgb = bool(preprocessor.get('bgr_to_rgb')) or bool(preprocessor.get('rgb_to_bgr'))
    return ImageInput(tuple(preprocessor['mean']), tuple(preprocessor['std']), is_rgb)


def _fit(renamed: Renamed, cfg: Config, args: argparse.Namespace) -> dict[str, Any]:
    """Return what the model of the config can load, after a report of the differences."""
    from longtail_det.compat.upgrade import compare, describe_classes, report_lines

    model = _build(cfg, args.class_statistics)
    found = compare(renamed.weights, model)
    for line in report_lines(found, renamed, None if args.verbose else _SHOWN):
        print(line)
    if found.is_complete:
        return found.state
    reason = describe_classes(renamed.weights, model) or 'is it the config of this checkpoint?'
    counts = f'{len(found.missing)} missing, {len(found.unused)} unused, {len(found.wrong_shape)} of another shape'
    if not len(found.state) - len(found.fresh):
        raise UserError(f'not one weight of {args.src} fits {args.config} ({counts})')
    if not args.allow_partial:
        raise UserError(f'{counts}; {reason} --allow-partial writes what fits')
    print(f'partial: {counts}; {reason}')
    return found.state


def _build(cfg: Config, statistics: str | None) -> nn.Module:
    from mmdet.registry import MODELS
    from mmengine.registry import init_default_scope
    from mmengine.utils import import_modules_from_strings

    import_modules_from_strings(**(cfg.get('custom_imports') or {'imports': []}))
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    model: nn.Module = MODELS.build(cfg.model)
    if statistics is not None:
        from longtail_det.annotations import load_class_statistics

        stats = load_class_statistics(statistics)
        takers: list[Any] = [module for module in model.modules() if hasattr(module, 'set_class_statistics')]
        if not takers:
            raise UserError('--class-statistics, but nothing in the model of the config keeps class statistics')
        for module in takers:
            module.set_class_statistics(stats)
    return model


def _save(
    args: argparse.Namespace,
    state: Mapping[str, Any],
    source: str,
    checkpoint: Mapping[str, Any],
    renamed: Renamed,
    notes: Mapping[str, str],
) -> None:
    """Write plain tensors and text, all or nothing."""
    import torch

    old_meta = checkpoint.get('meta')
    kept = ('mmdet_version', 'mmcv_version', 'epoch', 'iter', 'time')
    about = {key: old_meta[key] for key in kept if key in old_meta} if isinstance(old_meta, Mapping) else {}
    meta: dict[str, Any] = {
        'converted_from': {
            'format': source,
            'file': args.src.name,
            'sha256': sha256(args.src),
            **{key: value for key, value in about.items() if isinstance(value, str | int | float)},
            **notes,
        },
        'converted_by': f'longtail_det {__version__} tools/model_converters/upgrade_checkpoint.py',
        'checked_with': Path(args.config).name if args.config else None,
    }
    if renamed.classes:
        meta['dataset_meta'] = {'classes': renamed.classes}
    with replacing(args.dst) as unfinished:
        torch.save({'meta': meta, 'state_dict': dict(state)}, unfinished)
