"""The one line that a command says of a mistake."""

from __future__ import annotations

import pytest


def only_error(capture: pytest.CaptureFixture[str]) -> str:
    """Return the line on stderr that names an error; there is exactly one."""
    (line,) = [line for line in capture.readouterr().err.splitlines() if ': error: ' in line]
    return line
