"""Pictures of a run: loss curves, predictions against scores, sheets of images, feature maps.

Needs the extra `report`.
"""

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jiqa.errors import InputError
from jiqa.files import writing
from jiqa.results import stats
from jiqa.results.predictions import Predictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#2a6fb0", "#d9822b", "#6b7280"
DPI = 150
_VALIDATION = {
    "val_srocc": "validation SROCC",
    "val_psnr": "validation PSNR, dB",
    "val_accuracy": "validation accuracy",
}
# Losses of a DT-GAN -> name of the network, style and colour of its line.
_SIDES = {
    "adversarial_d": ("D-Gnet", "-", BLUE),
    "adversarial_h": ("H-Gnet", "--", BLUE),
    "discriminator_d": ("D-Dnet", "-", ORANGE),
    "discriminator_h": ("H-Dnet", "--", ORANGE),
}
AXIS = {"pseudo_mos": "pseudo_mos (computed, not rated)"}


def loss_curves(metrics: str | os.PathLike, path: str | os.PathLike, title: str) -> None:
    """Draws training and validation loss, and one more validation figure, as a PNG file.

    Args:
        metrics: CSV file with the columns step, loss, val_loss and further `val_...`. The first
            further column with values is drawn; empty cells have no figure.
        path: of the PNG file.
        title: names the run.

    Raises:
        InputError: the CSV file is missing or malformed, or matplotlib is not installed.
    """
    curves = _read_metrics(Path(metrics), ("loss", "val_loss"))
    figure = _figure(7, 5)
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 2))
    above.plot(*curves["loss"], color=BLUE, label="training")
    above.plot(*curves["val_loss"], "o-", color=ORANGE, markersize=4, label="validation")
    above.legend(frameon=False)
    above.set_ylabel("loss")
    above.set_title(title, loc="left", fontsize=11)
    others = [name for name in curves if name not in ("loss", "val_loss")]
    shown = next((name for name in others if curves[name][0].size), "val_loss")
    steps, values = curves[shown]
    below.plot(steps, values, "o-", color=ORANGE, markersize=4)
    if np.isfinite(values).any():
        lower = shown.endswith(("_loss", "_mae", "_rmse"))
        best = np.nanargmin(values) if lower else np.nanargmax(values)
        below.plot(steps[best], values[best], "o", color=ORANGE, markersize=9, fillstyle="none")
        said = f"best {values[best]:.3f} at step {steps[best]:.0f}"
        below.set_title(said, loc="right", color=GREY, fontsize=10)
    below.set_ylabel(_VALIDATION.get(shown, shown))
    below.set_xlabel("step")
    _save(figure, (above, below), path)


def gan_curves(metrics: str | os.PathLike, path: str | os.PathLike, title: str) -> None:
    """Draws the adversarial losses and the cycle error of a DT-GAN over steps, as a PNG file.

    Args:
        metrics: CSV file with the columns step, adversarial_d, adversarial_h, discriminator_d,
            discriminator_h and pixel.
        path: of the PNG file.
        title: names the DT-GAN.

    Raises:
        InputError: as in `loss_curves`.
    """
    curves = _read_metrics(Path(metrics), (*_SIDES, "pixel"))
    figure = _figure(7, 5)
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 2))
    for column, (name, style, color) in _SIDES.items():
        above.plot(*curves[column], style, color=color, label=name)
    above.legend(frameon=False, ncols=2)
    above.set_ylabel("adversarial loss")
    above.set_title(title, loc="left", fontsize=11)
    below.plot(*curves["pixel"], color=GREY)
    below.set_ylabel("squared error\nof the cycle")
    below.set_xlabel("step")
    _save(figure, (above, below), path)


def scatter(predictions: Predictions, path: str | os.PathLike) -> None:
    """Draws scores over the predictions of one split, with the fitted logistic, as a PNG file.

    Raises:
        InputError: matplotlib is not installed.
    """
    x, y = predictions.prediction, predictions.score
    figure = _figure(6, 5.4)
    axes = figure.subplots()
    axes.plot(
        x, y, "o", color=BLUE, alpha=0.5, markersize=5, markeredgewidth=0, label="test images"
    )
    after = stats.plcc_logistic(x, y)
    if np.isfinite(after):
        line = np.linspace(x.min(), x.max(), 200)
        axes.plot(line, stats.fit_logistic(x, y)(line), color=ORANGE, linewidth=2, label="logistic")
    axes.legend(frameon=False)
    axes.set_xlabel("prediction")
    axes.set_ylabel(AXIS.get(predictions.score_name, predictions.score_name))
    axes.set_title(
        f"{predictions.run} on {predictions.database} ({predictions.score_name})\n"
        f"{predictions.protocol}, {predictions.split}, {len(predictions)} images\n"
        f"SROCC {stats.srocc(x, y):.3f}, PLCC {stats.plcc(x, y):.3f} "
        f"({after:.3f} after the logistic)",
        loc="left",
        fontsize=11,
    )
    _save(figure, (axes,), path)


def sheet(
    pictures: Mapping[str, Sequence[np.ndarray]],
    columns: Sequence[str],
    path: str | os.PathLike,
    title: str,
) -> None:
    """Draws labelled pictures in rows and columns, pixel by pixel, as a PNG file.

    Args:
        pictures: label of a row -> one picture for each column, RGB [h, w, 3] in [0, 1]. All
            pictures have one size.
        columns: labels of the columns.
        path: of the PNG file.
        title: of the sheet.

    Raises:
        InputError: matplotlib is not installed.
    """
    height, width = next(iter(pictures.values()))[0].shape[:2]
    gap, label, head, letter = 4, 300, 60, 8
    pitch = max(width, letter * max(map(len, columns))) + gap  # names of columns do not overlap
    across, down = len(columns) * pitch + label, len(pictures) * (height + gap) + head
    figure = _figure(across / DPI, down / DPI)
    figure.set_layout_engine("none")
    canvas = np.ones((down, across, 3), np.float32)
    small = {"fontsize": 12 * 72 / DPI, "color": GREY, "parse_math": False}
    for row, (name, strip) in enumerate(pictures.items()):
        top = head + row * (height + gap)
        figure.text(8 / across, 1 - (top + height / 2) / down, name, va="center", **small)
        for column, picture in enumerate(strip):
            left = label + column * pitch
            canvas[top : top + height, left : left + width] = picture
    for column, name in enumerate(columns):
        left = label + column * pitch
        figure.text(left / across, 1 - (head - 8) / down, name, **small)
    figure.text(8 / across, 1 - 24 / down, title, fontsize=20 * 72 / DPI)
    figure.figimage(canvas, zorder=-1)
    with writing(path) as part:
        figure.savefig(part, dpi=DPI, format="png")


def feature_maps(
    pictures: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
    path: str | os.PathLike,
    title: str,
    n: int = 3,
) -> None:
    """Draws the maps with the highest and the lowest weights of attention, one row per image.

    A row has the image, `n` maps of the highest weights and `n` maps of the lowest, by falling
    weight. A map's title is its channel, from 0, and its weight; its colours run from its own
    lowest value (dark) to its highest.

    Args:
        pictures: label -> image [h, w, 3] in [0, 1] or uint8, maps [k, l, c] and weights [c].
        path: of the PNG file.
        title: of the sheet.
        n: number of maps with the highest weights, and of maps with the lowest.

    Raises:
        InputError: matplotlib is not installed.
    """
    figure = _figure(1.6 * (2 * n + 1), 1.8 * len(pictures) + 0.5)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    grid = figure.subplots(len(pictures), 2 * n + 1, squeeze=False)
    for panels, (name, (image, maps, weights)) in zip(grid, pictures.items(), strict=True):
        order = np.argsort(-weights, kind="stable")
        panels[0].imshow(image)
        panels[0].set_title(name, fontsize=8)
        for axes, channel in zip(panels[1:], [*order[:n], *order[-n:]], strict=True):
            axes.imshow(maps[..., channel], cmap="viridis")
            axes.set_title(f"{channel}: {weights[channel]:.3f}", fontsize=8)
    for axes in grid.flat:
        axes.set_axis_off()
    with writing(path) as part:
        figure.savefig(part, dpi=DPI, format="png")


def check() -> "type[Figure]":
    """The class `Figure` of matplotlib; raises InputError where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError(
            "plots: matplotlib is not installed, expected it: pip install 'jiqa[report]'"
        ) from None
    return Figure


def _figure(width: float, height: float) -> "Figure":
    return check()(figsize=(width, height), layout="constrained")


def _save(figure: "Figure", panels: Sequence["Axes"], path: str | os.PathLike) -> None:
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#e5e7eb", linewidth=0.8)
        axes.set_axisbelow(True)
    with writing(path) as part:
        figure.savefig(part, dpi=DPI, format="png")


def _read_metrics(path: Path, names: Sequence[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Steps and values of the named columns and of all `val_...` columns of a file."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        validated = [name for row in rows[:1] for name in row if name.startswith("val_")]
        names = list(dict.fromkeys((*names, *validated)))
        return {
            name: (
                np.array([float(row["step"]) for row in rows if row[name]]),
                np.array([float(row[name]) for row in rows if row[name]]),
            )
            for name in names
        }
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}, expected a metrics file") from None
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{path}: found {error}, expected numbers in step, {', '.join(names)}"
        ) from None
