"""The parser behind a command of the pages."""

from __future__ import annotations

import argparse
import importlib.util
import re
import shlex
from importlib import import_module

from longtail_det.cli.commands import COMMANDS

from .pages import ROOT


def name_of(script: str) -> str:
    """The command that a script of tools/ is; '' for any other file."""
    return next((name for name, about in COMMANDS.items() if about.script == script), '')


def parser_of(words: list[str]) -> tuple[argparse.ArgumentParser, list[str]] | None:
    """The parser of a command of ours and its arguments; None for other programs."""
    if words[0] == 'longtail-det':
        return import_module(f'longtail_det.cli.{words[1].replace("-", "_")}').build_parser(), words[2:]
    if words[0] != 'python' or not words[1].startswith('tools/'):
        return None
    if name_of(words[1]):
        return parser_of(['longtail-det', name_of(words[1]), *words[2:]])
    spec = importlib.util.spec_from_file_location('script', ROOT / words[1])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.build_parser(), words[2:]


def words_of(text: str) -> list[str]:
    return [word for word in shlex.split(text) if not re.match(r'[A-Z_]+=', word)]
