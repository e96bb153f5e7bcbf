"""Train and test every method of a study, and write its page: `longtail-det study`."""

import sys

from longtail_det.cli.study import main

if __name__ == '__main__':
    sys.exit(main())
