"""Score detections that lie in a file: `longtail-det eval`."""

import sys

from longtail_det.cli.eval import main

if __name__ == '__main__':
    sys.exit(main())
