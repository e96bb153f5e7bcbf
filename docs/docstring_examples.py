"""Extension of mkdocstrings: the section `Example:` of our docstrings is what it knows as `Examples:`."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object


class DocstringExamples(Extension):
    """Rename the section, so that its doctests are shown as code."""

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        """Change the docstring of a module, class, function or attribute."""
        if obj.docstring:
            obj.docstring.value = re.sub(r'^Example:$', 'Examples:', obj.docstring.value, flags=re.MULTILINE)
