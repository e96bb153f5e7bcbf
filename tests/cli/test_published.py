"""What the metafiles say of published checkpoints, and the digest in a file's name."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from longtail_det.cli.errors import UserError
from longtail_det.cli.published import check_digest, read_published


def test_every_published_checkpoint_has_a_config_results_and_a_digest():
    models = read_published()
    assert len(models) >= 20
    assert 'seesaw' in next(iter(models))
    for model in models.values():
        assert model.config.is_file()
        assert model.results.keys() == {'box AP', 'mask AP'}
        assert len(model.digest) == 8
        assert model.url.startswith('https://')


def test_the_results_of_seesaw_are_mmdets_own():
    """The metafile that mmdet installs, read beside ours by the url of the checkpoint."""
    mim = pytest.importorskip('mmdet').__path__[0] + '/.mim/configs'
    yaml = pytest.importorskip('yaml')
    ours = {model.url: model.results for model in read_published().values()}
    theirs = {}
    for family in ('seesaw_loss', 'lvis'):
        with open(f'{mim}/{family}/metafile.yml') as stream:
            for model in yaml.safe_load(stream)['Models']:
                theirs[model['Weights']] = {k: v for r in model['Results'] for k, v in r['Metrics'].items()}
    assert ours == theirs


def test_a_file_is_held_to_the_digest_in_its_published_name(tmp_path):
    model = next(iter(read_published().values()))
    path = tmp_path / 'any_name.pth'
    path.write_bytes(b'weights')
    digest = hashlib.sha256(b'weights').hexdigest()
    assert check_digest(path, replace(model, url=f'https://host/model-{digest[:8]}.pth')) == digest
    with pytest.raises(UserError, match=f'has the SHA-256 {digest[:8]}.*expected {model.digest}'):
        check_digest(path, model)
