"""Make LongTailGlyphs, the embedded benchmark: `longtail-det make-glyphs`."""

import sys

from longtail_det.cli.make_glyphs import main

if __name__ == '__main__':
    sys.exit(main())
