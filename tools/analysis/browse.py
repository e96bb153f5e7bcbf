"""Draw training samples as the model gets them: `longtail-det browse`."""

import sys

from longtail_det.cli.browse import main

if __name__ == '__main__':
    sys.exit(main())
