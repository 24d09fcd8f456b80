"""Every metric at sizes of photographs: compiled as users get it, op by op, and independently.

Small images and batches hid a wrong sum of the compiler (docs/xla-cpu-sums.md), and the flags of
the other tests change what it makes. One image at a time, in a process without them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import photos
import pytest
from metrics.fr import naive_mad, naive_ssim, naive_vif
from metrics.fr.test_fsim import _score as fsim
from metrics.fr.test_gmsd import _naive as gmsd
from metrics.fr.test_nlpd import _pyramid as pyramid
from metrics.fr.test_vif import _pixel as vifp
from metrics.fr.test_vsi import _score as vsi
from metrics.nr import naive
from skimage.metrics import structural_similarity

import jiqa
from jiqa.metrics import registry
from jiqa.metrics.nr import files

pytestmark = pytest.mark.slow
SIZES = {"384x512": (384, 512), "301x403": (301, 403)}
WEIGHTS = {
    "lpips": ("alexnet_conv.npz", "lpips_linear.npz"),
    "lpips.vgg": ("vgg16_conv.npz", "lpips_linear.npz"),
}
WORKER = Path(__file__).with_name("scored.py")

# Computed once, of the pairs below: by piq 0.8.0, pyiqa 0.1.16 and, of LPIPS, float64 convolutions
# of PyTorch 2.13 with the shared weights.
LITERALS = {
    "vsi.piq": {"384x512": 0.98363715, "301x403": 0.93659937},
    "nlpd.pyiqa": {"384x512": 0.24434499, "301x403": 0.24323010},
    "lpips": {"384x512": 0.26026876, "301x403": 0.25950352},
    "lpips.vgg": {"384x512": 0.32212325, "301x403": 0.31837994},
}

# Compared here with themselves op by op alone.
NOT_COMPARED = {
    "ilniqe": "resizes all images to 524 x 524: test_il_niqe compares its features at that size",
}

# piq shrinks by windows that begin a pixel further up and left than MATLAB's.
RTOL = {"psnr": 1e-5, "vsi.piq": 2e-4}


def _pair(size):
    """Noisy image and reference, uint8 [h, w, 3]."""
    data = pytest.importorskip("skimage.data")
    height, width = SIZES[size]
    ref = np.ascontiguousarray(data.coffee()[:height, :width])
    return photos.noise(ref), ref


def _decibels(difference):
    return 10 * np.log10(255**2 / np.mean(np.square(difference)))


def _bt601(image):
    return np.floor(image @ [299, 587, 114] / 1000 + 0.5)


def _plain(image):
    return image @ naive_ssim.GREY


def _studio(image):
    return np.floor(16 + image @ np.array([65.481, 128.553, 24.966]) / 255 + 0.5)


def _of(grey, function, scale=1.0):
    """`function` of both images' grey."""
    return lambda image, ref: function(grey(image) / scale, grey(ref) / scale)


def _nlpd(image, ref):
    levels = zip(pyramid(image), pyramid(ref), strict=True)
    return np.mean([np.sqrt(np.mean((a - b) ** 2)) for a, b in levels])


def _mad(image, ref):
    seen, looks = naive_mad.detection(ref, image), naive_mad.appearance(ref, image)
    alpha = 1 / (1 + np.exp(-2.55 / 3.35) * seen ** (1 / (np.log(10) * 3.35)))
    return seen**alpha * looks ** (1 - alpha)


def _shrink(image):
    return max(1, int(np.floor(min(image.shape[:2]) / 256 + 0.5)))


def _niqe(image):
    with np.load(Path(files.__file__).with_name("params") / "niqe.npz") as model:
        return naive.niqe(image, model["mean"], model["covariance"])


def _brisque(image):
    features = naive.brisque_features(image)[None]
    return jiqa.create_metric("brisque").params.evaluate(features)[0]


GREY = naive_ssim.grey
INDEPENDENT = {
    "psnr": lambda image, ref: _decibels(image.astype(float) - ref),
    "psnry": _of(_studio, lambda a, b: _decibels(a - b)),
    "psnry.pyiqa": _of(_plain, lambda a, b: _decibels(a - b)),
    "ssim": naive_ssim.ssim,
    "ssim.matlab": naive_ssim.ssim_matlab,
    "ssim.skimage": lambda image, ref: structural_similarity(image, ref, channel_axis=-1),
    "ms_ssim": naive_ssim.ms_ssim,
    "ms_ssim.pyiqa": naive_ssim.ms_ssim_pyiqa,
    "gmsd": _of(GREY, gmsd),
    "gmsd.piq": _of(_plain, gmsd),
    "gmsd.pyiqa": _of(_bt601, gmsd),
    "fsim": lambda image, ref: fsim(image, ref, _shrink(ref), chroma=False),
    "fsimc": lambda image, ref: fsim(image, ref, _shrink(ref)),
    "vsi": lambda image, ref: vsi(image / 255, ref / 255, _shrink(ref)),
    "nlpd": _of(GREY, _nlpd, 255),
    "vif": _of(GREY, naive_vif.score),
    "vif.pyiqa": _of(_bt601, naive_vif.score),
    "vifp": _of(GREY, vifp),
    "vifp.piq": _of(_plain, vifp),
    "mad": _of(GREY, _mad),
    "niqe": _niqe,
    "brisque": _brisque,
    "piqe": naive.piqe,
}


@pytest.fixture(scope="module")
def scored(tmp_path_factory, request):
    """Runs the worker: (metrics, *flags) -> {metric: {size: score}}."""
    folder = tmp_path_factory.mktemp("scored")
    sides = {f"{s}/{k}": x for s in SIZES for k, x in zip(("image", "ref"), _pair(s), strict=True)}
    np.savez(folder / "both.npz", **sides)
    np.savez(folder / "small.npz", **{k: x for k, x in sides.items() if k.startswith("301x403")})

    def run(names, *flags, pairs="both"):
        params = dict.fromkeys(names)
        for name in set(names) & set(WEIGHTS):
            weights = request.getfixturevalue("shared") / "weights"
            params[name] = [str(weights / file) for file in WEIGHTS[name]]
        (folder / "metrics.json").write_text(json.dumps(params))
        command = [sys.executable, WORKER, folder / f"{pairs}.npz", folder / "metrics.json", *flags]
        kept = ("HOME", "PATH", "PYTHONPATH", "JAX_PLATFORMS")
        clean = {key: os.environ[key] for key in kept if key in os.environ}
        clean["JAX_COMPILATION_CACHE_DIR"] = os.environ["JAX_COMPILATION_CACHE_DIR"]
        clean["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        done = subprocess.run(command, capture_output=True, text=True, env=clean, check=False)
        assert not done.returncode, done.stderr[-3000:]
        return dict(json.loads(line) for line in done.stdout.splitlines())

    return run


@pytest.fixture(scope="module")
def compiled(scored):
    """{metric: {size: score}} of all metrics, by one process."""
    return scored(list(registry.METRICS))


def test_each_metric_is_compared_or_said_not_to_be():
    compared = [*INDEPENDENT, *LITERALS, *NOT_COMPARED]
    assert sorted(compared) == sorted(registry.METRICS)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", [*INDEPENDENT, *LITERALS])
def test_compiled_is_the_independent_value(name, size, compiled):
    if name in LITERALS:
        expected = LITERALS[name][size]
    else:
        sides = _pair(size)[: 2 if registry.entry(name).kind == "fr" else 1]
        expected = INDEPENDENT[name](*sides)
    np.testing.assert_allclose(compiled[name][size], expected, RTOL.get(name, 1e-4))


def _same(found, expected):
    for name, sizes in expected.items():
        for size, score in sizes.items():
            message = f"{name} of {size}"
            np.testing.assert_allclose(found[name][size], score, 1e-4, err_msg=message)


@pytest.mark.long
def test_compiled_is_op_by_op(scored, compiled):
    _same(compiled, scored(list(registry.METRICS), "--op_by_op"))


@pytest.mark.long
def test_gradients_compiled_are_those_op_by_op(scored):
    names = [name for name, entry in registry.METRICS.items() if entry.differentiable]
    found = scored(names, "--gradient", pairs="small")
    for name, sizes in scored(names, "--gradient", "--op_by_op", pairs="small").items():
        expected = np.array(sizes["301x403"])
        away = np.abs(np.array(found[name]["301x403"]) - expected)
        assert away.max() < 1e-3 * np.abs(expected).max(), name
