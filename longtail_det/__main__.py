"""`python -m longtail_det COMMAND`, the same as `longtail-det COMMAND`."""

import sys

from longtail_det.cli import main

if __name__ == '__main__':
    sys.exit(main())
