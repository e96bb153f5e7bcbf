"""Compare two runs on the same images: `longtail-det compare`."""

import sys

from longtail_det.cli.compare import main

if __name__ == '__main__':
    sys.exit(main())
