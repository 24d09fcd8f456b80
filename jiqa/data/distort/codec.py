"""Real encoders, libjpeg-turbo and OpenJPEG through Pillow, on the host.

Every mechanism is f(image [h, w, 3] in [0, 1], strength, seed) -> [h, w, 3], in NumPy. Images are
rounded to 8 bits before encoding.
"""

import functools
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

Seed = Sequence[int]


def jpeg(image: np.ndarray, quality: float, _: Seed) -> np.ndarray:
    """JPEG by libjpeg at this quality, chroma halved both ways."""
    return _decode(_jpeg(image, quality))


def jpeg2000(image: np.ndarray, ratio: float, _: Seed) -> np.ndarray:
    """JPEG 2000 by OpenJPEG's irreversible transform at this compression ratio."""
    return _decode(_jpeg2000(image, ratio))


def jpeg_errors(image: np.ndarray, number: float, seed: Seed) -> np.ndarray:
    """JPEG of quality 90 with `number` bytes of its stream replaced.

    Only entropy-coded bytes are replaced, and none that is or becomes part of a marker. Restart
    markers every four blocks let the decoder recover.
    """
    stream = _jpeg(image, 90, restart_marker_blocks=4)
    scan = stream.rindex(b"\xff\xda")
    begin = scan + 2 + int.from_bytes(stream[scan + 2 : scan + 4], "big")
    return _damaged(stream, begin, number, seed)


def jpeg2000_errors(image: np.ndarray, number: float, seed: Seed) -> np.ndarray:
    """JPEG 2000 of ratio 8 with `number` bytes of its stream replaced, after the headers."""
    stream = _jpeg2000(image, 8, codeblock_size=(16, 16))
    return _damaged(stream, stream.index(b"\xff\x93") + 2, number, seed)


def _damaged(stream: bytes, begin: int, number: float, seed: Seed) -> np.ndarray:
    """Image decoded from a damaged stream; after a failure, other and fewer bytes are tried."""
    clean = np.frombuffer(stream, np.uint8)
    places = np.arange(begin, len(clean) - 2)
    places = places[(clean[places] != 0xFF) & (clean[places - 1] != 0xFF)]
    left, attempt = round(number), 0
    while True:
        random = np.random.default_rng([*seed, attempt])
        order = random.permutation(places)
        values = random.integers(0, 0xFF, len(order), np.uint8)
        damaged = clean.copy()
        damaged[order[:left]] = values[:left]
        try:
            return _decode(damaged.tobytes())
        except OSError:
            left, attempt = left * 3 // 4, attempt + 1


def comfort(image: np.ndarray, ratio: float, seed: Seed) -> np.ndarray:
    """JPEG 2000 at this ratio, plus Gaussian noise with the local power of the coding error."""
    coded = _decode(_jpeg2000(image, ratio))
    power = ndimage.uniform_filter((image - coded) ** 2, 9, axes=(0, 1))
    normal = np.random.default_rng(seed).standard_normal(image.shape, np.float32)
    return coded + np.sqrt(power) * normal


def noisy_jpeg(image: np.ndarray, deviation: float, seed: Seed) -> np.ndarray:
    """Gaussian noise of this deviation, then JPEG as coarse as the noise allows.

    At the quality chosen, the quantization step of the lowest frequencies (16 in libjpeg's table of
    quality 50) is 3.5 deviations.
    """
    normal = np.random.default_rng(seed).standard_normal(image.shape, np.float32)
    scale = 100 * 3.5 * 255 * deviation / 16
    quality = 5000 / scale if scale > 100 else (200 - scale) / 2
    return jpeg(np.clip(image + deviation * normal, 0, 1), max(quality, 1), seed)


def _jpeg(image: np.ndarray, quality: float, **settings: Any) -> bytes:
    return _encode(image, "JPEG", quality=round(quality), subsampling="4:2:0", **settings)


def _jpeg2000(image: np.ndarray, ratio: float, **settings: Any) -> bytes:
    settings |= {"quality_mode": "rates", "quality_layers": (ratio,), "irreversible": True}
    return _encode(image, "JPEG2000", **settings)


def _encode(image: np.ndarray, codec: str, **settings: Any) -> bytes:
    pixels = np.rint(image * 255).astype(np.uint8)
    height, width, _ = pixels.shape
    return _stream(pixels.tobytes(), (width, height), codec, tuple(settings.items()))


@functools.lru_cache(maxsize=64)  # one stream serves many damaged copies
def _stream(pixels: bytes, size: tuple[int, int], codec: str, settings: tuple) -> bytes:
    stream = io.BytesIO()
    Image.frombytes("RGB", size, pixels).save(stream, codec, **dict(settings))
    return stream.getvalue()


def _decode(stream: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(stream)), np.float32) / 255
