"""Test a published checkpoint with this package, and compare the result with the published one.

Who has LVIS can check with one command that model, weights, pipeline and metric are those of the publisher: a model is
verified where box and mask AP agree within 0.1. --list shows what can be verified. The checkpoint is downloaded unless
a file is given; either has to have the SHA-256 that the published name holds, and is read as tensors, never as code.

The exit code is 0 where the results agree and 1 where they do not.

Example:
    longtail-det verify --list
    longtail-det verify mask-rcnn_r50_fpn_seesaw_random-ms-2x_lvis-v1
    longtail-det verify mask-rcnn_r50_fpn_seesaw_random-ms-2x_lvis-v1 downloads/seesaw-a698dd3d.pth --device cuda
"""

from __future__ import annotations

import argparse
import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import published as zoo
from .arguments import CommandParser
from .commands import note
from .errors import UserError, one_line_errors, setup_errors
from .fetch import fetch
from .published import METRICS, Published, check_digest, read_published

#: percent
TOLERANCE = 0.1
#: where mmengine writes results in a work dir: TIME/TIME.json
_METRICS_FILES = '*/*.json'


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument('name', nargs='?', metavar='NAME', help='name of a config, as --list shows it')
    parser.add_argument('checkpoint', nargs='?', type=Path, help='the checkpoint, where it is here already')
    parser.add_argument('--list', action='store_true', help='show what can be verified')
    parser.add_argument(
        '--download-dir', type=Path, default=Path('work_dirs/checkpoints'), help='folder of downloads (%(default)s)'
    )
    parser.add_argument('--work-dir', type=Path, help='folder for logs and results; default work_dirs/verify/NAME')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        default=[],
        metavar='KEY=VALUE',
        help='override settings of the config, for example where the data are',
    )
    parser.add_argument(
        '--device', choices=['auto', 'cpu', 'cuda'], default='auto', help='auto takes a GPU where there is one'
    )
    return parser


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = build_parser().parse_args(argv)
    models = read_published(zoo.CONFIGS)
    if args.list:
        print(_list(models))
        return 0
    model = _find(args.name, models)
    if args.checkpoint and not args.checkpoint.is_file():
        raise UserError(f'checkpoint not found: {args.checkpoint}; leave it out to download {model.url}')
    _require_data(model, args.cfg_options)
    checkpoint = args.checkpoint or _download(model, args.download_dir)
    digest = check_digest(checkpoint, model)
    work_dir = args.work_dir or Path('work_dirs/verify') / model.name
    before = set(work_dir.glob(_METRICS_FILES))
    code = _test(model, checkpoint, work_dir, args)
    if code:
        return code
    measured = _read_measured(model, set(work_dir.glob(_METRICS_FILES)) - before)
    print(f'{model.name}\n{checkpoint}, SHA-256 {digest[:8]}; published by {model.source}')
    text, agrees = compare(model.results, measured)
    print(text)
    return 0 if agrees else 1


def compare(published: Mapping[str, float], measured: Mapping[str, float]) -> tuple[str, bool]:
    """Return a table of results side by side, and whether all of them agree within 0.1.

    Args:
        published: AP in percent by name, with one digit after the point.
        measured: AP in percent by the same names.
    """
    lines = [f'{"":<10}{"published":>10}{"measured":>10}{"difference":>12}']
    agreed = []
    for key, expected in published.items():
        difference = measured[key] - expected
        # a result that was rounded to one digit is known to half of it
        agreed.append(abs(round(measured[key], 1) - expected) < TOLERANCE + 1e-6)
        lines.append(f'{key:<10}{expected:>10.1f}{measured[key]:>10.2f}{difference:>+12.2f}')
    verdict = 'they agree' if all(agreed) else 'they DO NOT agree'
    lines.append(f'{verdict} within {TOLERANCE}')
    return '\n'.join(lines), all(agreed)


def _list(models: Mapping[str, Published]) -> str:
    width = max(map(len, models))
    lines = [f'{"name":<{width}}  {"box AP":>6}  {"mask AP":>7}  published by, checkpoint']
    for name, model in models.items():
        box, mask = (f'{model.results[key]:.1f}' if key in model.results else '-' for key in METRICS.values())
        lines.append(f'{name:<{width}}  {box:>6}  {mask:>7}  {model.source}, {model.digest}')
    return '\n'.join(lines)


def _find(name: str | None, models: Mapping[str, Published]) -> Published:
    if name is None:
        raise UserError('expected the name of a model; --list shows them')
    key = Path(name).name.removesuffix('.py')
    if key not in models:
        close = difflib.get_close_matches(key, models, n=1)
        hint = f'did you mean {close[0]}? ' if close else ''
        raise UserError(f'no published checkpoint of {name}; {hint}--list shows them')
    return models[key]


def _require_data(model: Published, options: Sequence[str]) -> None:
    """Raise before half a gigabyte is downloaded in vain."""
    with setup_errors():
        from .config import read_config

        dataset = read_config(str(model.config), options).test_dataloader.dataset
        path = Path(dataset.get('data_root') or '') / dataset.ann_file
    if not path.is_file():
        raise UserError(
            f'no {path}, the annotations of {model.data} that the results are of; get them with '
            'longtail-det download-lvis, or link your copy there'
        )


def _download(model: Published, folder: Path) -> Path:
    target = folder / model.file
    if not target.is_file():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f'cannot write to {folder} ({error.strerror}); choose another --download-dir') from error
        note(f'downloading {model.url} to {target}')
        fetch(model.url, target)
    return target


def _test(model: Published, checkpoint: Path, work_dir: Path, args: argparse.Namespace) -> int:
    """Run `longtail-det test`, which writes its results into the work dir."""
    from . import test

    argv = [str(model.config), str(checkpoint), '--work-dir', str(work_dir), '--device', args.device]
    return test.main([*argv, *(['--cfg-options', *args.cfg_options] if args.cfg_options else [])])


def _read_measured(model: Published, written: set[Path]) -> dict[str, float]:
    """Return the AP of a test in percent, by the names of the metafile."""
    found = json.loads(max(written).read_text()) if written else {}
    measured = {name: 100 * found[key] for key, name in METRICS.items() if key in found}
    missing = sorted(model.results.keys() - measured.keys())
    if missing:
        raise UserError(f'the test gave no {missing[0]}; leave the test_evaluator of the config as it is')
    return measured
