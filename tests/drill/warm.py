"""What the process has imported from which the runs of the drill are forked."""

import mmdet.datasets
import mmdet.engine
import mmdet.evaluation
import mmdet.models
import mmdet.visualization  # noqa: F401

import longtail_det.cli.runner
import longtail_det.cli.train_run
import longtail_det.datasets
import longtail_det.metrics
import longtail_det.models  # noqa: F401
