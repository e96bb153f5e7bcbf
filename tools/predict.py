"""Draw what a detector finds on images and videos: `longtail-det predict`."""

import sys

from longtail_det.cli.predict import main

if __name__ == '__main__':
    sys.exit(main())
