"""Table of every metric by name, readable without importing any of them."""

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from typing import Any

from jiqa.errors import InputError


@dataclasses.dataclass(frozen=True)
class MetricEntry:
    """Facts about a metric that are known before its function is imported.

    Attributes:
        name: as in pyiqa; `ssim.skimage` is a variant of `ssim`.
        kind: `fr`, f(image, ref) -> [b]; or `nr`, f(image) -> [b].
        lower_better: whether a lower score means higher quality.
        score_range: lowest and highest score; None where there is no bound.
        build: `module:function`, a function of images [b, h, w, 3], float32 RGB in [0, 1].
        least: smallest side allowed, in pixels.
        paper: authors, title, where and when.
        note: which variant this is, and where its parameters come from.
        options: keyword arguments of the function that select the variant.
        differentiable: whether the gradient is useful.
        masks: whether the function takes `size`, so that images of many sizes share one array.
        params: `module:function` that reads the parameters of a fitted model (the function's
            argument `params`) from a file or files, or from the package when given None.
        prepare: `module:function` applied to the images first, [b, h, w, 3], which brings them to
            fewer sizes; compiled separately, since it compiles fast.
        fitted_on: database whose official training split the package's parameters were fitted to.
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
    differentiable: bool = True
    masks: bool = False
    params: str | None = None
    prepare: str = ""
    fitted_on: str = ""


_PSNR = "Mean squared error in decibels below full scale"
_SSIM = (
    "Wang, Bovik, Sheikh, Simoncelli, Image quality assessment: from error visibility to "
    "structural similarity, IEEE TIP 13(4), 2004"
)
_FSIM = (
    "Zhang, Zhang, Mou, Zhang, FSIM: a feature similarity index for image quality assessment, IEEE "
    "TIP 20(8), 2011"
)
_VSI = (
    "Zhang, Shen, Li, VSI: a visual saliency-induced index for perceptual image quality "
    "assessment, IEEE TIP 23(10), 2014"
)
_NLPD = (
    "Laparra, Balle, Berardino, Simoncelli, Perceptual image quality assessment using a normalized "
    "Laplacian pyramid, Electronic Imaging 2016"
)
_VIF = "Sheikh, Bovik, Image information and visual quality, IEEE TIP 15(2), 2006"
_MS_SSIM = (
    "Wang, Simoncelli, Bovik, Multi-scale structural similarity for image quality assessment, "
    "Asilomar 2003"
)
_GMSD = (
    "Xue, Zhang, Mou, Bovik, Gradient magnitude similarity deviation: a highly efficient "
    "perceptual image quality index, IEEE TIP 23(2), 2014"
)
_LPIPS = (
    "Zhang, Isola, Efros, Shechtman, Wang, The unreasonable effectiveness of deep features as a "
    "perceptual metric, CVPR 2018"
)

_TABLE = (
    MetricEntry(
        name="psnr",
        kind="fr",
        lower_better=False,
        score_range=(0.0, None),
        build="jiqa.metrics.fr.psnr:psnr",
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
        build="jiqa.metrics.fr.psnr:psnry",
        least=1,
        paper=_PSNR,
        note="on rounded luma in 16..235, as MATLAB's rgb2ycbcr",
        masks=True,
    ),
    MetricEntry(
        name="psnry.pyiqa",
        kind="fr",
        lower_better=False,
        score_range=(0.0, None),
        build="jiqa.metrics.fr.psnr:psnry",
        least=1,
        paper=_PSNR,
        note="on unrounded luma in 0..255, as pyiqa",
        options={"full": True},
        masks=True,
    ),
    MetricEntry(
        name="ssim",
        kind="fr",
        lower_better=False,
        score_range=(-1.0, 1.0),
        build="jiqa.metrics.fr.ssim:ssim",
        least=11,
        paper=_SSIM,
        note="as the authors' ssim.m, which shrinks large images first",
        masks=True,
    ),
    MetricEntry(
        name="ssim.matlab",
        kind="fr",
        lower_better=False,
        score_range=(-1.0, 1.0),
        build="jiqa.metrics.fr.ssim:ssim_matlab",
        least=1,
        paper=_SSIM,
        note="MATLAB's built-in ssim on grey: full size, Gaussian window, border repeated",
        masks=True,
    ),
    MetricEntry(
        name="ssim.skimage",
        kind="fr",
        lower_better=False,
        score_range=(-1.0, 1.0),
        build="jiqa.metrics.fr.ssim:ssim_skimage",
        least=7,
        paper=_SSIM,
        note="scikit-image's defaults: flat window 7 x 7, mean over R, G and B",
        masks=True,
    ),
    MetricEntry(
        name="ms_ssim",
        kind="fr",
        lower_better=False,
        score_range=(0.0, 1.0),
        build="jiqa.metrics.fr.ms_ssim:ms_ssim",
        least=176,
        paper=_MS_SSIM,
        note="as the authors' MATLAB ssim_mscale_new.m: no exponent at the last scale",
        masks=True,
    ),
    MetricEntry(
        name="ms_ssim.pyiqa",
        kind="fr",
        lower_better=False,
        score_range=(0.0, 1.0),
        build="jiqa.metrics.fr.ms_ssim:ms_ssim",
        least=176,
        paper=_MS_SSIM,
        note="as the authors' later msssim.m, the paper's equation 7 and pyiqa",
        options={"equation_7": True},
        masks=True,
    ),
    MetricEntry(
        name="gmsd",
        kind="fr",
        lower_better=True,
        score_range=(0.0, 0.58),
        build="jiqa.metrics.fr.gmsd:gmsd",
        least=3,
        paper=_GMSD,
        note="on grey rounded to whole levels, as MATLAB's rgb2gray",
        masks=True,
    ),
    MetricEntry(
        name="gmsd.piq",
        kind="fr",
        lower_better=True,
        score_range=(0.0, 0.58),
        build="jiqa.metrics.fr.gmsd:gmsd",
        least=3,
        paper=_GMSD,
        note="on unrounded grey, as piq",
        options={"rounded": False},
        masks=True,
    ),
    MetricEntry(
        name="gmsd.pyiqa",
        kind="fr",
        lower_better=True,
        score_range=(0.0, 0.58),
        build="jiqa.metrics.fr.gmsd:gmsd",
        least=3,
        paper=_GMSD,
        note="on grey with three-digit weights, as pyiqa",
        options={"bt601": True},
        masks=True,
    ),
    MetricEntry(
        name="fsim",
        kind="fr",
        lower_better=False,
        score_range=(0.0, 1.0),
        build="jiqa.metrics.fr.fsim:fsim",
        least=8,
        paper=_FSIM,
        note="on luminance alone; pyiqa's fsim is fsimc",
    ),
    MetricEntry(
        name="fsimc",
        kind="fr",
        lower_better=False,
        score_range=(0.0, 1.0),
        build="jiqa.metrics.fr.fsim:fsim",
        least=8,
        paper=_FSIM,
        note="with chroma",
        options={"chroma": True},
    ),
    MetricEntry(
        name="vsi",
        kind="fr",
        lower_better=False,
        score_range=(0.0, 1.0),
        build="jiqa.metrics.fr.vsi:vsi",
        least=3,
        paper=_VSI,
        masks=True,
    ),
    MetricEntry(
        name="vsi.piq",
        kind="fr",
        lower_better=False,
        score_range=(0.0, 1.0),
        build="jiqa.metrics.fr.vsi:vsi",
        least=3,
        paper=_VSI,
        note="saliency map resized without antialiasing, as piq and pyiqa",
        options={"antialias": False},
        masks=True,
    ),
    MetricEntry(
        name="nlpd",
        kind="fr",
        lower_better=True,
        score_range=(0.0, None),
        build="jiqa.metrics.fr.nlpd:nlpd",
        least=32,
        paper=_NLPD,
        note="on grey rounded to whole levels, as MATLAB's rgb2gray",
        masks=True,
    ),
    MetricEntry(
        name="nlpd.pyiqa",
        kind="fr",
        lower_better=True,
        score_range=(0.0, None),
        build="jiqa.metrics.fr.nlpd:nlpd",
        least=32,
        paper=_NLPD,
        note="on unrounded grey, without one weight of the normalisation, as pyiqa",
        options={"far": 0.0, "rounded": False},
        masks=True,
    ),
    MetricEntry(
        name="vif",
        kind="fr",
        lower_better=False,
        score_range=(0.0, None),
        build="jiqa.metrics.fr.vif:vif",
        least=65,
        paper=_VIF,
        note="in the wavelet domain, on grey rounded to whole levels, as MATLAB's rgb2gray",
        masks=True,
    ),
    MetricEntry(
        name="vif.pyiqa",
        kind="fr",
        lower_better=False,
        score_range=(0.0, None),
        build="jiqa.metrics.fr.vif:vif",
        least=65,
        paper=_VIF,
        note="on grey with three-digit weights, as pyiqa",
        options={"bt601": True},
        masks=True,
    ),
    MetricEntry(
        name="vifp",
        kind="fr",
        lower_better=False,
        score_range=(0.0, None),
        build="jiqa.metrics.fr.vif:vifp",
        least=41,
        paper=_VIF,
        note="multi-scale pixel domain, on grey rounded to whole levels, as MATLAB's rgb2gray",
        masks=True,
    ),
    MetricEntry(
        name="vifp.piq",
        kind="fr",
        lower_better=False,
        score_range=(0.0, None),
        build="jiqa.metrics.fr.vif:vifp",
        least=41,
        paper=_VIF,
        note="on unrounded grey, as piq",
        options={"rounded": False},
        masks=True,
    ),
    MetricEntry(
        name="mad",
        kind="fr",
        lower_better=True,
        score_range=(0.0, None),
        build="jiqa.metrics.fr.mad:mad",
        least=34,
        paper="Larson, Chandler, Most apparent distortion: full-reference image quality assessment "
        "and the role of strategy, Journal of Electronic Imaging 19(1), 2010",
        note="as the authors' MATLAB code of 2011; pyiqa's differs",
    ),
    MetricEntry(
        name="lpips",
        kind="fr",
        lower_better=True,
        score_range=(0.0, None),
        build="jiqa.metrics.fr.lpips:lpips",
        least=31,
        paper=_LPIPS,
        note="version 0.1 on AlexNet; params: AlexNet's convolutions, the authors' linear weights",
        masks=True,
        params="jiqa.metrics.fr.lpips:load_alex",
    ),
    MetricEntry(
        name="lpips.vgg",
        kind="fr",
        lower_better=True,
        score_range=(0.0, None),
        build="jiqa.metrics.fr.lpips:lpips",
        least=16,
        paper=_LPIPS,
        note="version 0.1 on VGG-16; params: VGG-16's convolutions, the authors' linear weights",
        options={"network": "vgg16"},
        masks=True,
        params="jiqa.metrics.fr.lpips:load_vgg",
    ),
    MetricEntry(
        name="niqe",
        kind="nr",
        lower_better=True,
        score_range=(0.0, None),
        build="jiqa.metrics.nr.niqe:niqe",
        least=96,
        paper="Mittal, Soundararajan, Bovik, Making a completely blind image quality analyzer, "
        "IEEE SPL 20(3), 2013",
        note="jiqa's own pristine model; params accepts the authors' .mat",
        differentiable=False,
        params="jiqa.metrics.nr.niqe:load",
        prepare="jiqa.metrics.nr.niqe:prepare",
    ),
    MetricEntry(
        name="ilniqe",
        kind="nr",
        lower_better=True,
        score_range=(0.0, None),
        build="jiqa.metrics.nr.il_niqe:il_niqe",
        least=16,
        paper="Zhang, Zhang, Bovik, A feature-enriched completely blind image quality evaluator, "
        "IEEE TIP 24(8), 2015",
        note="jiqa's own pristine model; params accepts the authors' .mat",
        differentiable=False,
        params="jiqa.metrics.nr.il_niqe:load",
        prepare="jiqa.metrics.nr.il_niqe:prepare",
    ),
    MetricEntry(
        name="brisque",
        kind="nr",
        lower_better=True,
        score_range=(None, None),
        build="jiqa.metrics.nr.brisque:brisque",
        least=16,
        paper="Mittal, Moorthy, Bovik, No-reference image quality assessment in the spatial "
        "domain, IEEE TIP 21(12), 2012",
        note="jiqa's own regression, on BIQ2021; params accepts the authors' libsvm model",
        differentiable=False,
        masks=True,
        params="jiqa.metrics.nr.brisque:load",
        fitted_on="biq2021",
    ),
    MetricEntry(
        name="piqe",
        kind="nr",
        lower_better=True,
        score_range=(0.0, 100.0),
        build="jiqa.metrics.nr.piqe:piqe",
        least=1,
        paper="Venkatanath, Praneeth, Bh, Channappayya, Medasani, Blind image quality evaluation "
        "using perception based features, NCC 2015",
        note="as MATLAB's piqe",
        differentiable=False,
        masks=True,
    ),
)

METRICS: dict[str, MetricEntry] = {entry.name: entry for entry in _TABLE}


def entry(name: str) -> MetricEntry:
    """The metric's entry in the table.

    Args:
        name: the metric's name.

    Raises:
        InputError: unknown name; the message lists the known ones.
    """
    if name not in METRICS:
        raise InputError(f"metric: found {name!r}, expected one of {', '.join(sorted(METRICS))}")
    return METRICS[name]


def resolve(where: str) -> Callable[..., Any]:
    """The function named by `module:function`."""
    module, _, function = where.partition(":")
    return getattr(importlib.import_module(module), function)
