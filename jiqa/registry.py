"""Every measure by name: one table, read without importing any of them."""

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from typing import Any

from jiqa.errors import InputError


@dataclasses.dataclass(frozen=True)
class MetricEntry:
    """What is known of a measure before it is built.

    Attributes:
        name: as pyiqa's users know it; `ssim.skimage` is a variant of `ssim`.
        kind: `fr`, f(image, ref) -> [b]; or `nr`, f(image) -> [b].
        lower_better: whether less is better.
        score_range: lowest and highest score; None where there is no bound.
        build: `module:function`, of images [b, h, w, 3], float32 RGB in [0, 1].
        least: pixels of the smallest side allowed.
        paper: authors, title, where and when.
        note: what the variant is, where its parameters come from.
        options: keyword arguments of the function that make the variant.
        params: `module:function` that reads the parameters of a fitted model, from a FILE or from
            the package where it is None; the result is the function's argument `params`.
    """

    name: str
    kind: str
    lower_better: bool
    score_range: tuple[float | None, float | None]
    build: str
    least: int
    paper: str
    note: str = ""
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    params: str | None = None


_WANG_2004 = (
    "Wang, Bovik, Sheikh, Simoncelli, Image quality assessment: from error visibility to "
    "structural similarity, IEEE TIP 13(4), 2004"
)

_TABLE = (
    MetricEntry(
        name="psnr",
        kind="fr",
        lower_better=False,
        score_range=(0.0, None),
        build="jiqa.fr.psnr:psnr",
        least=1,
        paper="Mean squared error over R, G and B, in decibels below full scale",
    ),
)

METRICS: dict[str, MetricEntry] = {entry.name: entry for entry in _TABLE}


def entry(name: str) -> MetricEntry:
    """The entry of that name.

    Raises:
        InputError: there is none; the message lists the names.
    """
    if name not in METRICS:
        raise InputError(f"metric: found {name!r}, expected one of {', '.join(sorted(METRICS))}")
    return METRICS[name]


def resolve(where: str) -> Callable[..., Any]:
    """The function that `module:function` names."""
    module, _, function = where.partition(":")
    return getattr(importlib.import_module(module), function)
