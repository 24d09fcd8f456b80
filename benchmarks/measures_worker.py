"""One metric of one library in its own process; `measures.py` requests a call by a line on stdin.

The worker makes the first call by itself. It answers each call with the seconds and the peak memory
above the inputs' memory, in MB, or with `missing: WHY` if the library is not installed.
"""

import argparse
import itertools
import resource
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np


def main() -> None:
    """Answers requests until stdin ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("library", choices=LIBRARIES)
    parser.add_argument("name")
    parser.add_argument("kind", choices=("fr", "nr"))
    parser.add_argument("--shape", type=int, nargs=3, required=True, help="batch, height, width")
    parser.add_argument("--params", nargs="*", help="files of parameters")
    arguments = parser.parse_args()
    answers, sys.stdout = sys.stdout, sys.stderr  # keeps libraries' output apart from answers
    images = photographs(*arguments.shape)[: 2 if arguments.kind == "fr" else 1]
    try:
        call, memory = LIBRARIES[arguments.library](arguments.name, images, arguments.params)
    except ImportError as error:
        print(f"missing: {error}", file=answers, flush=True)
        return
    before = memory()
    for _ in itertools.chain([""], sys.stdin):
        start = time.perf_counter()
        call()
        seconds = time.perf_counter() - start
        print(seconds, memory() - before, file=answers, flush=True)


def photographs(batch: int, height: int, width: int) -> list[np.ndarray]:
    """Smooth random images and references, float32 [batch, height, width, 3] in [0, 1]."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(size=(batch, height // 8 + 1, width // 8 + 1, 3))
    ref = coarse.repeat(8, 1).repeat(8, 2)[:, :height, :width]
    ref = np.clip(ref + rng.normal(scale=0.02, size=ref.shape), 0, 1).astype(np.float32)
    image = np.clip(ref + rng.normal(scale=0.05, size=ref.shape), 0, 1).astype(np.float32)
    return [image, ref]


Call = tuple[Callable[[], object], Callable[[], float]]


def _resident() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _jiqa(name: str, images: list[np.ndarray], params: list[str] | None) -> Call:
    import jax

    import jiqa

    files = params[0] if params and len(params) == 1 else params
    metric = jiqa.create_metric(name, files or None)
    arrays = [jax.device_put(image) for image in images]
    device = jax.devices()[0]

    def on_device() -> float:
        return (device.memory_stats() or {}).get("peak_bytes_in_use", 0) / 2**20

    memory = _resident if device.platform == "cpu" else on_device
    return lambda: metric(*arrays).block_until_ready(), memory


def _torch(images: list[np.ndarray]) -> tuple[list, Callable[[], float]]:
    import torch

    # A CUDA build of torchvision with a CPU build of torch misses these names on import.
    if torch.version.cuda is None:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms(Tensor dets, Tensor scores,", "qnms(Tensor dets, Tensor scores,"):
            library.define(f"{name} float iou_threshold) -> Tensor")
        _KEPT.append(library)
    cuda = torch.cuda.is_available()
    tensors = [torch.from_numpy(image).permute(0, 3, 1, 2).contiguous() for image in images]
    if not cuda:
        return tensors, _resident
    return [x.cuda() for x in tensors], lambda: torch.cuda.max_memory_allocated() / 2**20


# Functions of other libraries with arguments.
VARIANTS = {"fsim_grey": ("fsim", {"chromatic": False})}
_KEPT: list[object] = []  # torch drops definitions with their object


def _pyiqa(name: str, images: list[np.ndarray], params: list[str] | None) -> Call:
    tensors, memory = _torch(images)
    import pyiqa

    name, options = VARIANTS.get(name, (name, {}))
    if params:
        options = {"pretrained_model_path": params[0]}
    metric = pyiqa.create_metric(name, device=tensors[0].device, **options)
    return lambda: metric(*tensors).sum().item(), memory


def _piq(name: str, images: list[np.ndarray], _: list[str] | None) -> Call:
    tensors, memory = _torch(images)
    import piq

    name, options = VARIANTS.get(name, (name, {}))
    function = partial(getattr(piq, name), data_range=1.0, reduction="none", **options)
    return lambda: function(*tensors).sum().item(), memory


def _lpips(name: str, images: list[np.ndarray], _: list[str] | None) -> Call:
    """lpips on a network of random weights, which take the same time."""
    tensors, memory = _torch(images)
    import lpips
    import torch

    metric = lpips.LPIPS(net=name, pnet_rand=True, verbose=False).to(tensors[0].device)

    def call() -> float:
        with torch.no_grad():
            return metric(*tensors, normalize=True).sum().item()

    return call, memory


def _skimage(name: str, images: list[np.ndarray], _: list[str] | None) -> Call:
    from skimage import metrics

    function = getattr(metrics, name)
    options = {"data_range": 1.0}
    if name == "structural_similarity":
        options["channel_axis"] = -1
    return lambda: [
        function(*pair[::-1], **options) for pair in zip(*images, strict=True)
    ], _resident


LIBRARIES = {"jiqa": _jiqa, "pyiqa": _pyiqa, "piq": _piq, "lpips": _lpips, "skimage": _skimage}

if __name__ == "__main__":
    main()
