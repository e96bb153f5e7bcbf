"""Long-tailed instance segmentation for mmdetection 3.x; importing it registers everything by name."""

from .version import __version__

__all__ = ['__version__']
