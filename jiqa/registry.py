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
        masks: whether the function takes `size`, so that images of many sizes share one array.
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
    masks: bool = False
    params: str | None = None


_PSNR = "Mean squared error in decibels below full scale"
_SSIM = (
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
        paper=_PSNR,
        note="over R, G and B",
        masks=True,
    ),
    MetricEntry(
        name="psnry",
        kind="fr",
        lower_better=False,
        score_range=(0.0, None),
        build="jiqa.fr.psnr:psnry",
        least=1,
        paper=_PSNR,
        note="of luma in 16..235, rounded, as MATLAB's rgb2ycbcr",
        masks=True,
    ),
    MetricEntry(
        name="psnry.pyiqa",
        kind="fr",
        lower_better=False,
        score_range=(0.0, None),
        build="jiqa.fr.psnr:psnry",
        least=1,
        paper=_PSNR,
        note="of luma in 0..255, not rounded, as pyiqa",
        options={"full": True},
        masks=True,
    ),
    MetricEntry(
        name="ssim",
        kind="fr",
        lower_better=False,
        score_range=(-1.0, 1.0),
        build="jiqa.fr.ssim:ssim",
        least=11,
        paper=_SSIM,
        note="as the authors' ssim.m, which shrinks large images first",
        masks=True,
    ),
    MetricEntry(
        name="ssim.skimage",
        kind="fr",
        lower_better=False,
        score_range=(-1.0, 1.0),
        build="jiqa.fr.ssim:ssim_skimage",
        least=7,
        paper=_SSIM,
        note="scikit-image's defaults: flat window 7 x 7, mean over R, G and B",
    ),
    MetricEntry(
        name="ms_ssim",
        kind="fr",
        lower_better=False,
        score_range=(0.0, 1.0),
        build="jiqa.fr.ms_ssim:ms_ssim",
        least=176,
        paper="Wang, Simoncelli, Bovik, Multi-scale structural similarity for image quality "
        "assessment, Asilomar 2003",
        masks=True,
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
