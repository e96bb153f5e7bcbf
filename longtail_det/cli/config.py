"""Reading a config for the command lines, with an answer to every mistake that is often made."""

from __future__ import annotations

import argparse
import difflib
import inspect
import os
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction

from .config_values import check_values
from .errors import UserError, describe
from .outputs import check_output
from .published import CONFIGS

_SUFFIXES = ('.py', '.json', '.yaml', '.yml')
# What mmengine reads straight from the config, beside the arguments of Runner.
_EXTRA_KEYS = (
    'activation_checkpointing',
    'compile',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'runner_type',
    'strategy',
    'sync_bn',
    'tta_model',
    'tta_pipeline',
)


def read_config(path: str, options: Sequence[str]) -> Config:
    """Read a config and merge `--cfg-options` into it.

    Raises:
        UserError: the file has an error inside, or an option does not fit it.
    """
    try:
        cfg = Config.fromfile(path)
    except ModuleNotFoundError:
        raise
    except Exception as error:
        raise UserError(f'cannot read config {path}: {describe(error)}') from error
    apply_options(cfg, options)
    return cfg


def load_config(args: argparse.Namespace) -> Config:
    """Read `args.config`, then apply the common arguments of the command line to it.

    Raises:
        UserError: the file has an error inside, an option does not fit it, a number is out of its range, or the work
            dir cannot be written to.
    """
    cfg = read_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)
    check_output('--work-dir', cfg.work_dir, is_folder=True)
    randomness = {'seed': None, **(cfg.get('randomness') or {})}  # mmengine wants the key
    if args.seed is not None:
        randomness['seed'] = args.seed
    if args.deterministic:
        randomness['deterministic'] = True
    cfg.randomness = randomness
    check_values(cfg)
    return cfg


def check_config(path: str) -> None:
    """Raise for what cannot be a config, before the slow imports.

    Raises:
        UserError: no such file (close names are suggested), or no config by its name.
    """
    if not Path(path).is_file():
        raise UserError(f'config file not found: {path}{_suggest_config(path)}')
    if Path(path).suffix not in _SUFFIXES:
        raise UserError(f'{path} is no config file; expected one that ends in {", ".join(_SUFFIXES)}')


def _suggest_config(path: str) -> str:
    known = {file.name: file for file in sorted(CONFIGS.rglob('*.py')) if '_base_' not in file.parts}
    close = difflib.get_close_matches(Path(path).name, known, n=3)
    if not close:
        return f'; the configs of this package are in {_relative(CONFIGS)}'
    return f'; did you mean {" or ".join(_relative(known[name]) for name in close)}?'


def _relative(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def apply_options(cfg: Config, tokens: Sequence[str]) -> None:
    """Merge `--cfg-options` into a config.

    Raises:
        UserError: not KEY=VALUE, a first name that neither the config nor mmengine knows (mmengine would take it and
            do nothing), or a path that does not fit the config.
    """
    from mmengine.runner import Runner

    options = _parse(tokens)
    known = {*inspect.signature(Runner.__init__).parameters, *_EXTRA_KEYS}
    for key in options:
        first = key.split('.')[0]
        if first not in cfg and first not in known:
            close = difflib.get_close_matches(first, {*cfg, *known}, n=1)
            hint = f'; did you mean {close[0]}?' if close else f'; it has {", ".join(sorted(cfg))}'
            raise UserError(f'--cfg-options {key}: the config has no {first!r}{hint}')
        if first not in known:
            _warn_of_variable(cfg, first)
    try:
        cfg.merge_from_dict(options)
    except Exception as error:
        raise UserError(f'--cfg-options does not fit the config: {describe(error)}') from error


def _parse(tokens: Sequence[str]) -> dict[str, Any]:
    wrong = [token for token in tokens if '=' not in token]
    if wrong:
        raise UserError(f'--cfg-options: expected KEY=VALUE, got {wrong[0]!r}; quote values that hold spaces')
    parser = argparse.ArgumentParser()
    parser.add_argument('--options', nargs='*', action=DictAction, default={})
    try:
        return parser.parse_args(['--options', *tokens]).options
    except AssertionError as error:
        raise UserError(f'--cfg-options: {error}') from None


def _warn_of_variable(cfg: Config, name: str) -> None:
    """Report that a plain variable of a config file was used up when the file was read, and where its name is used."""
    if os.environ.get('RANK', '0') != '0':
        return
    used = [path for path in _paths(cfg) if '.' in path and path.rsplit('.', 1)[1] == name][:3]
    where = ', '.join(used) or 'the key that uses it'
    print(
        f'note: {name!r} is a variable of the config file, which was read before --cfg-options; '
        f'if nothing else reads it, override {where} instead',
        file=sys.stderr,
    )


def _paths(node: Any, prefix: str = '') -> Iterator[str]:
    if isinstance(node, Mapping | Config):
        for key, value in node.items():
            yield f'{prefix}{key}'
            yield from _paths(value, f'{prefix}{key}.')


def check_checkpoint(path: str) -> None:
    """Raise for what cannot be a checkpoint, before a dataset is built.

    Raises:
        UserError: no such file, or neither of torch's two formats.
    """
    if '://' in path:
        return
    file = Path(path)
    if not file.is_file():
        others = sorted(file.parent.glob('*.pth'), key=lambda other: other.stat().st_mtime)[-3:]
        hint = f'; that folder holds {", ".join(other.name for other in others)}' if others else ''
        raise UserError(f'checkpoint not found: {path}{hint}')
    with file.open('rb') as stream:
        is_old_format = stream.read(1) == b'\x80'
    if not is_old_format and not zipfile.is_zipfile(file):
        raise UserError(
            f'{path} is no checkpoint, or was cut short while being written or copied; '
            'expected a .pth file saved by training'
        )
