"""Write the report of a run, or of several side by side: `longtail-det report`."""

import sys

from longtail_det.cli.report import main

if __name__ == '__main__':
    sys.exit(main())
