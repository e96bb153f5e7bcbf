"""pytest plugin of the doctests (`-p quiet_logs`): what examples log is no part of their output."""

from mmengine.logging import MMLogger

MMLogger.get_instance('quiet', log_level='ERROR')
