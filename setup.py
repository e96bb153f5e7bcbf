"""What setup.cfg cannot say: the files of longtail_det/compat/startup are installed beside the package."""

from setuptools import setup
from setuptools.command.editable_wheel import editable_wheel

STARTUP = [f'longtail_det/compat/startup/longtail_det_mmcv_ext.{suffix}' for suffix in ('py', 'pth')]


class EditableWheel(editable_wheel):
    """Install data files in an editable install too."""

    def finalize_options(self) -> None:
        """Answer to `has_data`, which setuptools asks for and which is called `has_data_files`."""
        super().finalize_options()
        self.distribution.has_data = self.distribution.has_data_files


# ../purelib is site-packages: the folder NAME.data/purelib of a wheel, beside NAME.data/data
setup(cmdclass={'editable_wheel': EditableWheel}, data_files=[('../purelib', STARTUP)])
