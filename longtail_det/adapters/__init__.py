"""Our losses in detectors of other libraries (docs/adapters.md). None of these is imported before its model is used."""

from longtail_det.losses import sync_statistics

from .dense import sync_after_step
from .detectron2 import detectron2_roi_loss
from .rfdetr import rfdetr_dense_loss
from .torchvision import torchvision_dense_loss, torchvision_roi_loss
from .transformers import transformers_dense_loss
from .ultralytics import ultralytics_dense_loss

__all__ = [
    'detectron2_roi_loss',
    'rfdetr_dense_loss',
    'sync_after_step',
    'sync_statistics',
    'torchvision_dense_loss',
    'torchvision_roi_loss',
    'transformers_dense_loss',
    'ultralytics_dense_loss',
]
