"""IQA metrics: pure functions of images [b, h, w, 3] in [0, 1], loaded when first asked for.

>>> from jiqa.metrics import ssim
>>> score = ssim(image, reference)  # [b], to be compiled or differentiated

`jiqa.create_metric` gives the same functions by name, for files and images of any kind.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jiqa.metrics.fr.fsim import fsim as fsim
    from jiqa.metrics.fr.gmsd import gmsd as gmsd
    from jiqa.metrics.fr.lpips import lpips as lpips
    from jiqa.metrics.fr.mad import mad as mad
    from jiqa.metrics.fr.ms_ssim import ms_ssim as ms_ssim
    from jiqa.metrics.fr.nlpd import nlpd as nlpd
    from jiqa.metrics.fr.psnr import psnr as psnr
    from jiqa.metrics.fr.psnr import psnry as psnry
    from jiqa.metrics.fr.ssim import ssim as ssim
    from jiqa.metrics.fr.ssim import ssim_map as ssim_map
    from jiqa.metrics.fr.ssim import ssim_matlab as ssim_matlab
    from jiqa.metrics.fr.ssim import ssim_skimage as ssim_skimage
    from jiqa.metrics.fr.vif import vif as vif
    from jiqa.metrics.fr.vif import vifp as vifp
    from jiqa.metrics.fr.vsi import vsi as vsi
    from jiqa.metrics.nr.brisque import brisque as brisque
    from jiqa.metrics.nr.il_niqe import il_niqe as il_niqe
    from jiqa.metrics.nr.niqe import niqe as niqe
    from jiqa.metrics.nr.piqe import piqe as piqe

# Function -> its module.
FUNCTIONS = {
    "psnr": "jiqa.metrics.fr.psnr",
    "psnry": "jiqa.metrics.fr.psnr",
    "ssim": "jiqa.metrics.fr.ssim",
    "ssim_map": "jiqa.metrics.fr.ssim",
    "ssim_matlab": "jiqa.metrics.fr.ssim",
    "ssim_skimage": "jiqa.metrics.fr.ssim",
    "ms_ssim": "jiqa.metrics.fr.ms_ssim",
    "gmsd": "jiqa.metrics.fr.gmsd",
    "fsim": "jiqa.metrics.fr.fsim",
    "vsi": "jiqa.metrics.fr.vsi",
    "nlpd": "jiqa.metrics.fr.nlpd",
    "vif": "jiqa.metrics.fr.vif",
    "vifp": "jiqa.metrics.fr.vif",
    "mad": "jiqa.metrics.fr.mad",
    "lpips": "jiqa.metrics.fr.lpips",
    "niqe": "jiqa.metrics.nr.niqe",
    "il_niqe": "jiqa.metrics.nr.il_niqe",
    "brisque": "jiqa.metrics.nr.brisque",
    "piqe": "jiqa.metrics.nr.piqe",
}


def __getattr__(name: str) -> Any:
    """Loads the module of a metric at its first use."""
    if name not in FUNCTIONS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(FUNCTIONS[name]), name)
