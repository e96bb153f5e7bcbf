"""Download LVIS and its images: `longtail-det download-lvis`."""

import sys

from longtail_det.cli.download_lvis import main

if __name__ == '__main__':
    sys.exit(main())
