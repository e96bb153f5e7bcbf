"""Check a copy of LVIS: `longtail-det check-lvis`."""

import sys

from longtail_det.cli.check_lvis import main

if __name__ == '__main__':
    sys.exit(main())
