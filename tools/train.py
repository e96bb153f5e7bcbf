"""Train a detector from a config: `longtail-det train`."""

import sys

from longtail_det.cli.train import main

if __name__ == '__main__':
    sys.exit(main())
