"""The option --calibration: a method by name, with its arguments."""

from __future__ import annotations

import argparse
import ast
import difflib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import UserError

#: what the user types -> name in the registry
CALIBRATION_NAMES = {
    'fracal': 'FRACAL',
    'iif': 'IIF',
    'logit-adjustment': 'LogitAdjustment',
    'logn': 'LogN',
    'norcal': 'NorCal',
}
#: arguments that the command fills in
_FILLED_IN = ('self', 'num_classes', 'class_statistics')


def add_calibration_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --calibration and --ann."""
    parser.add_argument(
        '--calibration',
        nargs='+',
        metavar=('NAME', 'KEY=VALUE'),
        help=f'correct the class scores: {", ".join(CALIBRATION_NAMES)}, with arguments, such as norcal gamma=0.6',
    )
    parser.add_argument(
        '--ann',
        metavar='TRAIN.json',
        help='annotations of the training set, or the json of tools/data/class_statistics.py, for the counts of a '
        'calibration; default: those in the checkpoint',
    )


def read_calibration(tokens: Sequence[str]) -> dict[str, Any]:
    """Return the config of a calibration.

    Args:
        tokens: its name and KEY=VALUE.

    Raises:
        UserError: an unknown name or argument, or a value that the method refuses.

    Example:
        >>> read_calibration(['norcal', 'gamma=0.6'])
        {'type': 'NorCal', 'gamma': 0.6}
    """
    name, *options = tokens
    registered = CALIBRATION_NAMES.get(name.lower().replace('_', '-'))
    if registered is None:
        close = difflib.get_close_matches(name.lower(), CALIBRATION_NAMES, n=1)
        hint = f'did you mean {close[0]}?' if close else f'expected one of {", ".join(CALIBRATION_NAMES)}'
        raise UserError(f'--calibration {name}: no such method; {hint}')
    wrong = [option for option in options if '=' not in option]
    if wrong:
        raise UserError(f'--calibration {name}: expected KEY=VALUE, got {wrong[0]!r}')
    arguments = {key: _value(text) for key, _, text in (option.partition('=') for option in options)}
    _check_arguments(name, registered, arguments)
    return {'type': registered, **arguments}


def calibration_name(config: Mapping[str, Any]) -> str:
    """Return a calibration as the user types it.

    Args:
        config: from `read_calibration`.

    Example:
        >>> calibration_name({'type': 'NorCal', 'gamma': 0.6})
        'norcal gamma=0.6'
    """
    typed = next(name for name, registered in CALIBRATION_NAMES.items() if registered == config['type'])
    return ' '.join([typed, *(f'{key}={value}' for key, value in config.items() if key != 'type')])


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _check_arguments(name: str, registered: str, arguments: dict[str, Any]) -> None:
    from longtail_det import calibration

    kind = getattr(calibration, registered)
    known = [key for key in inspect.signature(kind.__init__).parameters if key not in _FILLED_IN]
    unknown = [key for key in arguments if key not in known]
    if unknown:
        found = f'has no argument {unknown[0]!r}; it has {", ".join(known)}' if known else 'takes no arguments'
        raise UserError(f'--calibration {name} {found}')
    strength = arguments.get(kind.strength_name, 0.0)
    if isinstance(strength, bool) or not isinstance(strength, int | float):
        raise UserError(f'--calibration {name}: {kind.strength_name}={strength!r}; expected a number')
    try:
        kind(num_classes=1, **arguments)
    except (TypeError, ValueError) as error:
        raise UserError(f'--calibration {name}: {error}') from None
