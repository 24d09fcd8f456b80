"""Hand-crafted features and a support vector regression: brisque, hosa, ..., see `METHODS`.

python -m jiqa.main --config=configs/handcrafted.py:method=brisque,dataset=biq2021,protocol=official
    Features of whole images at their own size are computed once for all splits. Cross-validation
    inside the training part, by contents, chooses penalty and width of the kernel. Minutes on 2 CPU
    cores for 2,400 images. To expect on biq2021/sample, official: SROCC 0.625 (hosa: 0.656).
python -m jiqa.main --config=configs/handcrafted.py:method=hosa,dataset=biq2021,protocol=official
    For each split, a codebook is learned from images of the training part, and features are
    computed anew. The regression is linear.

Arguments: method, and dataset, splits, protocol, test, cross, shared and seed, as in
configs/iqa_nrtl.py. weights is accepted and ignored, since nothing is transferred.
"""

from typing import Any

from ml_collections import ConfigDict

from jiqa.configs import common

# Least length of an image's shorter side, for the features.
_LEAST = 32

# Sizes of codebooks, from the papers, but for the number of images (the papers: CSIQ's 866).
_SIZES = {
    "cornia": {"words": 10_000, "patches": 10_000, "images": 100},
    "hosa": {"words": 100, "patches": 10_000, "images": 100},
}
_LINEAR = {"penalties": (0.25, 1.0, 4.0, 16.0, 64.0, 256.0), "widths": ()}


def get_config(text: str = "") -> ConfigDict:
    """Config of the run; the head of this file describes the arguments in `text`."""
    args = common.parse_run(
        text, method="brisque", dataset="biq2021", splits=1, weights="none", seed=0
    )
    config: Any = ConfigDict()
    config.run = args.method
    config.protocol = common.protocol(args)
    config.weights = ""
    whole = {"resize": None, "crop": _LEAST, "blocks": 1}
    config.data = common.read_once(args.dataset)
    config.view = ConfigDict(whole)
    config.tests = common.others(args, lambda _: whole, common.read_once)
    sizes = _SIZES.get(args.method, {})
    config.model = ConfigDict()
    config.stages = ("fit",)
    features = {"method": args.method, **sizes}
    fit = {"features": features, "batch_size": 8, **(_LINEAR if sizes else {})}
    config.fit = ConfigDict({"task": "svr", "fit": fit})
    return config
