"""The core logs through the standard library; under mmengine its lines go where a run's other lines go."""

from __future__ import annotations

import logging

from mmengine.logging import print_log


class _ToMMEngine(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Hand a record to mmengine's current logger."""
        print_log(record.getMessage(), logger='current', level=record.levelno)


def forward_logs() -> None:
    """Send what the core logs to mmengine's current logger; calling it again changes nothing."""
    logger = logging.getLogger('longtail_det')
    if not any(isinstance(handler, _ToMMEngine) for handler in logger.handlers):
        logger.addHandler(_ToMMEngine())
        logger.setLevel(logging.INFO)
        logger.propagate = False
