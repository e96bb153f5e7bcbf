"""Test a detector: `longtail-det test`."""

import sys

from longtail_det.cli.test import main

if __name__ == '__main__':
    sys.exit(main())
