"""Pristine models fitted to photographs: which blocks count, and what is kept of them."""

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jiqa.cli.main import main
from jiqa.metrics.nr import il_niqe, niqe

BLOCKS = 60


@pytest.fixture
def photographs(tmp_path):
    """Two files, grey of 1 and 2: their pixels tell `features` which rows to give."""
    for grey in (1, 2):
        Image.new("L", (256, 256), grey).save(tmp_path / f"{grey}.png")
    return tmp_path


def rows_of(count):
    """Features [2, n, count] and sharpness [2, n] of the two; one block has a NaN."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2, BLOCKS, count)).astype(np.float32)
    sharpness = rng.uniform(1, 2, (2, BLOCKS)).astype(np.float32)
    rows[1, sharpness[1].argmax(), 3] = np.nan
    return rows, sharpness


@pytest.mark.parametrize(("name", "count", "share"), [("niqe", 36, 0.75), ("ilniqe", 468, 0.78)])
def test_sharp_blocks_with_whole_features_count(photographs, monkeypatch, name, count, share):
    rows, sharpness = rows_of(count)
    module = {"niqe": niqe, "ilniqe": il_niqe}[name]

    def features(image):
        which = jnp.round(image[0, 0, 0, 0] * 255).astype(int) - 1
        return jnp.asarray(rows)[which][None], jnp.asarray(sharpness)[which][None]

    monkeypatch.setattr(module, "features", features)
    out = photographs / "model.npz"
    assert main(["fit", name, str(photographs), "--out", str(out)]) == 0
    taken = [
        row
        for image, sharp in zip(rows, sharpness, strict=True)
        for row, s in zip(image, sharp, strict=True)
        if s > share * max(sharp) and not np.isnan(row).any()
    ]
    assert 40 < len(taken) < 2 * BLOCKS - 1
    with np.load(out) as model:
        if name == "niqe":
            np.testing.assert_allclose(model["mean"], np.mean(taken, 0), atol=1e-6)
            np.testing.assert_allclose(model["covariance"], np.cov(np.transpose(taken)), atol=1e-6)
            return
        centred = np.asarray(taken, np.float64) - np.mean(taken, 0)
        _, singular, axes = np.linalg.svd(centred, full_matrices=False)
        kept = len(taken) // 4
        assert model["components"].shape == (468, kept)
        turned = np.abs(axes[:kept] @ model["components"])  # a component has no sign
        np.testing.assert_allclose(turned, np.eye(kept), atol=1e-3)
        variances = singular[:kept] ** 2 / (len(taken) - 1)
        np.testing.assert_allclose(model["covariance"], np.diag(variances), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "blocks", "said"),
    [
        ("niqe", 18, "rows: found 36 sharp blocks, expected more than 36"),
        ("ilniqe", 1, "rows: found 2 sharp blocks, expected 4 or more"),
    ],
)
def test_too_few_blocks_are_refused(photographs, monkeypatch, capsys, name, blocks, said):
    module, count = {"niqe": (niqe, 36), "ilniqe": (il_niqe, 468)}[name]
    given = jnp.zeros((1, blocks, count)), jnp.ones((1, blocks))
    monkeypatch.setattr(module, "features", lambda _: given)
    arguments = [name, str(photographs), "--out", str(photographs / "model.npz")]
    assert main(["fit", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not (photographs / "model.npz").exists()


def test_a_small_photograph_is_refused(photographs, capsys):
    Image.new("L", (100, 256)).save(photographs / "0.png")
    assert main(["fit", "ilniqe", str(photographs), "--out", "x.npz"]) == 2
    assert "0.png: found 256x100 pixels, expected 168 or more on each side" in (
        capsys.readouterr().err
    )
