"""Build the store of an annotation file: `longtail-det build-store`."""

import sys

from longtail_det.cli.build_store import main

if __name__ == '__main__':
    sys.exit(main())
