"""Count the classes of a training set: `longtail-det class-statistics`."""

import sys

from longtail_det.cli.class_statistics import main

if __name__ == '__main__':
    sys.exit(main())
