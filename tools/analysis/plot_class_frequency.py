"""Draw the class frequency before and after resampling: `longtail-det plot-class-frequency`."""

import sys

from longtail_det.cli.plot_class_frequency import main

if __name__ == '__main__':
    sys.exit(main())
