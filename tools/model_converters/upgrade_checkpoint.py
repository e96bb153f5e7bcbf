"""Upgrade a checkpoint of mmdet 2.x or detectron2: `longtail-det upgrade-checkpoint`."""

import sys

from longtail_det.cli.upgrade_checkpoint import main

if __name__ == '__main__':
    sys.exit(main())
