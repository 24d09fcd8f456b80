"""Pictures of a run: drawn without pyplot, titled with what they show."""

import builtins
import sys

import numpy as np
import pytest
from PIL import Image

from jiqa import plots, stats
from jiqa.errors import InputError

METRICS = """step,epoch,loss,val_loss,val_srocc,val_psnr
20,0.1,0.5,,,
40,0.2,0.4,,,
40,0.2,,0.45,0.3,
60,0.3,0.3,,,
80,0.4,0.2,,,
80,0.4,,0.35,0.6,
100,0.5,
"""


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are saved, kept."""
    figure = pytest.importorskip("matplotlib.figure")
    kept = []
    save = figure.Figure.savefig

    def keep(self, *args, **kwargs):
        kept.append(self)
        return save(self, *args, **kwargs)

    monkeypatch.setattr(figure.Figure, "savefig", keep)
    return kept


def is_a_picture(path):
    with Image.open(path) as image:
        return image.format == "PNG" and len(np.unique(np.asarray(image.convert("L")))) > 10


def test_loss_curves_show_the_measured_steps(tmp_path, drawn):
    (tmp_path / "metrics.csv").write_text(METRICS)
    plots.loss_curves(tmp_path / "metrics.csv", tmp_path / "out" / "loss.png", "full on toy")
    assert is_a_picture(tmp_path / "out" / "loss.png")
    above, below = drawn[0].axes
    training, validation = (line.get_xydata().tolist() for line in above.lines)
    assert training == [[20, 0.5], [40, 0.4], [60, 0.3], [80, 0.2]]
    assert validation == [[40, 0.45], [80, 0.35]]
    assert below.lines[0].get_xydata().tolist() == [[40, 0.3], [80, 0.6]]
    assert above.get_title(loc="left") == "full on toy"
    assert below.get_title(loc="right") == "best 0.600 at step 80"


def test_loss_curves_before_the_first_validation(tmp_path, drawn):
    (tmp_path / "metrics.csv").write_text(METRICS.split("40,0.2,,")[0])
    plots.loss_curves(tmp_path / "metrics.csv", tmp_path / "loss.png", "full on toy")
    assert is_a_picture(tmp_path / "loss.png")


def test_scatter_shows_every_image_and_the_fitted_curve(tmp_path, drawn, predicted):
    table = predicted(score_name="pseudo_mos", database="pocket")
    plots.scatter(table, tmp_path / "scatter.png")
    assert is_a_picture(tmp_path / "scatter.png")
    (axes,) = drawn[0].axes
    points, curve = (line.get_xydata() for line in axes.lines)
    np.testing.assert_array_equal(points, np.stack([table.prediction, table.score], axis=-1))
    mapping = stats.fit_logistic(table.prediction, table.score)
    np.testing.assert_allclose(curve[:, 1], mapping(curve[:, 0]))
    title = axes.get_title(loc="left")
    for part in (
        "iqa_nrtl/full on pocket (pseudo_mos)",
        "random-90-10-seed0, split0, 40 images",
        f"SROCC {stats.srocc(table.prediction, table.score):.3f}",
        f"PLCC {stats.plcc(table.prediction, table.score):.3f}",
    ):
        assert part in title
    assert axes.get_ylabel() == "pseudo_mos (computed, not rated)"


def test_scatter_of_constant_predictions_has_no_curve(tmp_path, drawn, predicted):
    table = predicted()
    table.prediction[:] = 0.5
    plots.scatter(table, tmp_path / "scatter.png")
    assert len(drawn[0].axes[0].lines) == 1
    assert "SROCC nan" in drawn[0].axes[0].get_title(loc="left")


def test_no_global_state_is_touched(tmp_path, drawn, predicted, monkeypatch):
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    plots.scatter(predicted(), tmp_path / "scatter.png")
    assert "matplotlib.pyplot" not in sys.modules


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "No such file"),
        ("step,loss\n1,2\n", "found 'val_loss', expected numbers in step, loss"),
        ("step,loss,val_loss,val_srocc,val_psnr\n1,much,,,\n", "'much', expected numbers"),
    ],
)
def test_a_bad_metrics_file_is_named(tmp_path, text, says):
    path = tmp_path / "metrics.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=says) as error:
        plots.loss_curves(path, tmp_path / "loss.png", "toy")
    assert str(path) in str(error.value)


def test_without_matplotlib_one_line_says_what_to_install(tmp_path, predicted, monkeypatch):
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pip install 'jiqa\[report\]'"):
        plots.scatter(predicted(), tmp_path / "scatter.png")
