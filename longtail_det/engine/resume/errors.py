"""Errors that end a run and say in one line why."""

from __future__ import annotations


class RunStoppedError(RuntimeError):
    """A run cannot go on, by no mistake in its config: a full disk, a lost process, a loss that is not finite."""


class BadSampleError(RunStoppedError):
    """An image or its annotations cannot be loaded; the message names the file."""
