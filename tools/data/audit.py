"""Say what is wrong with the balance of a data set: `longtail-det audit`."""

import sys

from longtail_det.cli.audit import main

if __name__ == '__main__':
    sys.exit(main())
