"""Test a published checkpoint and compare the result with the published one: `longtail-det verify`."""

import sys

from longtail_det.cli.verify import main

if __name__ == '__main__':
    sys.exit(main())
