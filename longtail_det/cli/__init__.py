"""The command line: `longtail-det COMMAND`; the scripts under tools/ run the same functions."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from importlib import import_module

from longtail_det.version import __version__

from .commands import COMMANDS, PROGRAM, running
from .errors import UserError, one_line_errors

_USAGE = f'usage: {PROGRAM} COMMAND [arguments]\n\ncommands:\n'


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; only its own module is imported.

    Args:
        argv: name and arguments of the command, by default those of this process.

    Returns:
        The exit code of the command; 2 for a mistake of the user.
    """
    name, *rest = (sys.argv[1:] if argv is None else argv) or ['']
    if name in COMMANDS:
        with running(name):
            return _run(name, rest)
    with running(''):
        return _answer(name)


@one_line_errors
def _run(name: str, arguments: Sequence[str]) -> int:
    """Run a command; importing its module may fail where an extra is not installed."""
    return int(import_module(f'.{name.replace("-", "_")}', __name__).main(arguments))


@one_line_errors
def _answer(name: str) -> int:
    """Print the help or the version; anything else is a mistake."""
    if name in ('-h', '--help'):
        rows = ''.join(f'  {command:<22}{about.summary}\n' for command, about in COMMANDS.items())
        print(f'{_USAGE}{rows}\n{PROGRAM} COMMAND --help shows the arguments of a command.')
    elif name == '--version':
        print(f'{PROGRAM} {__version__}')
    else:
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f'did you mean {close[0]}? ' if close else ''
        found = f'no command {name!r}' if name else 'expected a command'
        raise UserError(f'{found}; {hint}{PROGRAM} --help lists them')
    return 0


__all__ = ['main']
