"""Makes `mmcv._ext` importable in every process of this environment, on torchvision where mmcv is not compiled.

Installed into site-packages beside longtail_det_mmcv_ext.pth, because of which Python imports it at each start. It
imports nothing before somebody asks for `mmcv._ext`.
"""

import sys

TYPE_CHECKING = False  # even __future__ and typing take as long to import as all of this
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec


class MmcvExtFinder:
    """Finder of `mmcv._ext` alone. It stands last, so a compiled extension is found before it is asked."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> 'ModuleSpec | None':
        """Return the spec of `mmcv._ext`; None for any other module, and where longtail_det is gone."""
        if name != 'mmcv._ext':
            return None
        from importlib.util import find_spec, module_from_spec

        package = find_spec('longtail_det')
        if package is None:
            return None
        # mmdet may be half imported here, and importing longtail_det imports mmdet: its compat is imported without it
        stand_in = None if 'longtail_det' in sys.modules else module_from_spec(package)
        if stand_in is not None:
            sys.modules['longtail_det'] = stand_in
        try:
            from longtail_det.compat.mmcv_ext import backend_spec

            return backend_spec()
        finally:
            if stand_in is not None:
                del sys.modules['longtail_det']


sys.meta_path.append(MmcvExtFinder)
