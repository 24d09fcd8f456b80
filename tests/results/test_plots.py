"""Pictures of a run: drawn without pyplot, with titles that name their content."""

import builtins
import sys

import numpy as np
import pytest
from PIL import Image

from jiqa.errors import InputError
from jiqa.results import plots, stats

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
    """Saved figures."""
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


def test_loss_curves_show_the_accuracy_of_a_classifier(tmp_path, drawn):
    text = "step,loss,val_loss,val_srocc,val_accuracy\n1,0.9,,,\n1,,0.8,,0.25\n2,,0.7,,0.75\n"
    (tmp_path / "metrics.csv").write_text(text)
    plots.loss_curves(tmp_path / "metrics.csv", tmp_path / "loss.png", "levels of toy")
    below = drawn[0].axes[1]
    assert below.get_ylabel() == "validation accuracy"
    assert below.lines[0].get_xydata().tolist() == [[1, 0.25], [2, 0.75]]


def test_curves_of_a_gan_show_its_four_sides_and_its_cycle(tmp_path, drawn):
    sides = ("adversarial_d", "adversarial_h", "discriminator_d", "discriminator_h")
    text = f"step,{','.join(sides)},pixel\n5,1,2,3,4,0.5\n9,,,,,\n10,5,6,7,8,0.25\n"
    (tmp_path / "metrics.csv").write_text(text)
    plots.gan_curves(tmp_path / "metrics.csv", tmp_path / "curves.png", "authentic-0 of toy")
    assert is_a_picture(tmp_path / "curves.png")
    above, below = drawn[0].axes
    shown = {line.get_label(): line.get_xydata().tolist() for line in above.lines}
    assert shown == {
        "D-Gnet": [[5, 1], [10, 5]],
        "H-Gnet": [[5, 2], [10, 6]],
        "D-Dnet": [[5, 3], [10, 7]],
        "H-Dnet": [[5, 4], [10, 8]],
    }
    assert below.lines[0].get_xydata().tolist() == [[5, 0.5], [10, 0.25]]


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


def test_feature_maps_are_those_of_the_largest_and_the_smallest_weights(tmp_path, drawn):
    rng = np.random.default_rng(0)
    image, maps = rng.uniform(size=(8, 8, 3)), rng.uniform(size=(2, 3, 6))
    weights = np.array([0.7, 0.51, 0.9, 0.5, 0.8, 0.6])
    other = rng.uniform(size=(2, 3, 6))
    pictures = {"a.png": (image, maps, weights), "b.png": (image, other, weights[::-1])}
    plots.feature_maps(pictures, tmp_path / "out" / "maps.png", "sftnet on toy", n=2)
    assert is_a_picture(tmp_path / "out" / "maps.png")
    assert drawn[0].get_suptitle() == "sftnet on toy"
    titles = [axes.get_title() for axes in drawn[0].axes]
    assert titles[:5] == ["a.png", "2: 0.900", "4: 0.800", "1: 0.510", "3: 0.500"]
    assert titles[5:] == ["b.png", "3: 0.900", "1: 0.800", "4: 0.510", "2: 0.500"]
    shown = [axes.images[0].get_array() for axes in drawn[0].axes]
    np.testing.assert_array_equal(shown[0], image)
    for i, channel in enumerate((2, 4, 1, 3), start=1):
        np.testing.assert_array_equal(shown[i], maps[..., channel])
    np.testing.assert_array_equal(shown[6], other[..., 3])


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
