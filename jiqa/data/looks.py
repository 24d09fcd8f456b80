"""Recognition of images by their pixels and by their looks, whatever their names.

Two images have the same pixels if the SHA-256 of their decoded RGB agrees. They look the same if
the signs of the lowest frequencies of their green channel agree (luma is mostly green): a DCT hash
after C. Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010, with
255 signs instead of 64 comparisons with the median, compared in all eight orientations. Recall and
false alarms: docs/leaks.md.
"""

import hashlib

import numpy as np
from PIL import Image

# Bytes of a hash, of pixels and of looks.
BYTES = 32
# Looks: green is averaged to SIDE x SIDE, and its lowest KEPT x KEPT frequencies are used.
SIDE, KEPT = 32, 16
# Differing signs allowed between images that look the same: of all 255, and of the lowest 63.
NEAR, NEAR_LOW = 40, 20
# A smaller deviation of the averaged green, in grey levels, is too flat to recognise an image by.
FLAT = 1.0
_U, _X = np.arange(KEPT)[:, None], np.arange(SIDE)
_COSINES = np.cos(np.pi * _U * (2 * _X + 1) / (2 * SIDE))
# Frequencies ordered by the larger index: the first 64 fill the first word of a hash.
_ORDER = np.argsort(np.maximum(_U, _U.T).ravel(), kind="stable")
# Pairs compared at a time, few enough for the cache.
_AT_A_TIME = 2**16


def hash_pixels(image: np.ndarray) -> np.ndarray:
    """SHA-256, uint8 [32], of height and width, as '512x768', and of the RGB pixels.

    Args:
        image: uint8 [h, w, 3].
    """
    digest = hashlib.sha256(f"{image.shape[0]}x{image.shape[1]}".encode())
    digest.update(np.ascontiguousarray(image).data)
    return np.frombuffer(digest.digest(), np.uint8)


def hash_looks(image: np.ndarray) -> np.ndarray:
    """Signs of the lowest frequencies, uint8 [32], in the order `_ORDER`; 0 for a flat image.

    Args:
        image: uint8 [h, w, 3].
    """
    green = Image.fromarray(np.ascontiguousarray(image[..., 1]))
    small = np.asarray(green.resize((SIDE, SIDE), Image.Resampling.BOX), np.float64)
    if small.std() < FLAT:
        return np.zeros(BYTES, np.uint8)
    signs = _COSINES @ small @ _COSINES.T > 1e-6
    signs[0, 0] = False  # the mean
    return np.packbits(signs.ravel()[_ORDER])


def orientations(hashes: np.ndarray) -> np.ndarray:
    """Looks of images in all orientations, from the looks of one: uint8 [n, 32] -> [8, n, 32].

    Mirroring changes the sign of odd frequencies; transposing swaps a frequency's two indices.
    """
    signs = np.empty((len(hashes), KEPT * KEPT), bool)
    signs[:, _ORDER] = np.unpackbits(hashes, axis=1)
    signs = signs.reshape(-1, KEPT, KEPT)
    odd = np.arange(KEPT) % 2 == 1
    masks = [np.zeros((KEPT, KEPT), bool), odd[:, None], odd[None], odd[:, None] ^ odd]
    turned = [each ^ mask for each in (signs, signs.transpose(0, 2, 1)) for mask in masks]
    flat = np.stack(turned).reshape(len(turned), len(hashes), KEPT * KEPT)
    return np.ascontiguousarray(np.packbits(flat[..., _ORDER], axis=-1))


def alike(first: np.ndarray, second: np.ndarray | None = None) -> np.ndarray:
    """Pairs that look the same, in any of the eight orientations.

    Args:
        first: uint8 [n, 32] from `hash_looks`.
        second: uint8 [m, 32] [pairs within `first`, each once].

    Returns:
        int64 [k, 3], sorted: number in `first`, number in `second`, number of differing signs.
    """
    within = second is None
    other = first if second is None else second
    rows, columns = (np.flatnonzero(hashes.any(1)) for hashes in (first, other))
    words = np.ascontiguousarray(first[rows]).view(np.uint64)
    turned = orientations(other[columns]).view(np.uint64)
    found: dict[tuple[int, int], int] = {}
    step = max(_AT_A_TIME // max(len(columns), 1), 1)
    for start in range(0, len(rows), step):
        here, begin = words[start : start + step], start if within else 0
        for each in turned:
            i, j, distance = _near(here, each[begin:])
            pairs = zip(rows[i + start].tolist(), columns[j + begin].tolist(), strict=True)
            for pair, d in zip(pairs, distance.tolist(), strict=True):
                if not within or pair[0] < pair[1]:
                    found[pair] = min(d, found.get(pair, d))
    return np.array([[*pair, found[pair]] for pair in sorted(found)], np.int64).reshape(-1, 3)


def _near(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of near hashes among uint64 [n, 4] and [m, 4], and their distance."""
    low = np.bitwise_count(first[:, :1] ^ second[:, 0])
    i, j = np.nonzero(low <= NEAR_LOW)
    distance = np.bitwise_count(first[i] ^ second[j]).sum(1, dtype=np.int64)
    near = distance <= NEAR
    return i[near], j[near], distance[near]
