"""Which published checkpoints the configs of this package can test: what their metafiles say."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import UserError

#: the configs of a checkout, or those that were installed with the package
CONFIGS = (Path(__file__).parents[1] / '.mim' / 'configs').resolve()
#: key of our metric -> key of a metafile
METRICS = {'lvis/bbox_AP': 'box AP', 'lvis/segm_AP': 'mask AP'}
_NAMED_BY_DIGEST = re.compile(r'-([0-9a-f]{8,64})\.pth$')


@dataclass(frozen=True)
class Published:
    """A checkpoint that somebody has published, with its results.

    Args:
        name: of the config that tests it, without `.py`.
        config: that file.
        url: of the checkpoint.
        source: who measured the results.
        results: 'box AP' and 'mask AP' in percent.
        data: dataset of the results, as the name of the config ends.
    """

    name: str
    config: Path
    url: str
    source: str
    results: Mapping[str, float]
    data: str

    @property
    def file(self) -> str:
        """Name of the checkpoint file."""
        return self.url.rsplit('/', 1)[-1]

    @property
    def digest(self) -> str:
        """First digits of the file's SHA-256; publishers put them at the end of its name."""
        match = _NAMED_BY_DIGEST.search(self.file)
        return match[1] if match else ''


def read_published(configs: Path = CONFIGS) -> dict[str, Published]:
    """Read the models of all metafiles that have a checkpoint and results, those of Seesaw first, by name.

    Args:
        configs: folder of the families.
    """
    import yaml

    found = {}
    for path in sorted(configs.glob('*/metafile.yml'), key=lambda path: (path.parent.name != 'seesaw', path)):
        for model in yaml.safe_load(path.read_text(encoding='utf-8'))['Models']:
            # the first source is the one that published the checkpoint
            published = (model.get('Published') or [{}])[0]
            results = {key: float(published[key]) for key in METRICS.values() if key in published}
            if 'Weights' in model and results:
                name = model['Name']
                config = configs / path.parent.name / f'{name}.py'
                data = name.rsplit('_', 1)[-1]
                found[name] = Published(name, config, model['Weights'], published['Source'], results, data)
    return found


def check_digest(path: Path, model: Published) -> str:
    """Return the SHA-256 of a checkpoint file.

    Args:
        path: the file.
        model: whose checkpoint it should be.

    Raises:
        UserError: it is another file than the published one.
    """
    digest = sha256(path)
    if not digest.startswith(model.digest):
        raise UserError(
            f'{path} has the SHA-256 {digest[:8]}..., expected {model.digest}... as the name of the published file '
            f'says: it is damaged or another file; remove it and run this again, or fetch {model.url}'
        )
    return digest


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open('rb') as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
