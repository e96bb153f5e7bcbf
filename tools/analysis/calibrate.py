"""Calibrate a trained detector on training images: `longtail-det calibrate`."""

import sys

from longtail_det.cli.calibrate import main

if __name__ == '__main__':
    sys.exit(main())
