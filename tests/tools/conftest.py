"""Fixtures of the commands, which the scripts run too, and a way to load a script."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from types import ModuleType

import pytest

from ..cli.conftest import TOOLS, run, shell, workplace  # noqa: F401


@pytest.fixture
def load_script() -> Callable[[str], ModuleType]:
    """Load tools/NAME in this process."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location('script', TOOLS / name)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
