"""pocket: photographs of scikit-image and scikit-learn, distorted, with pseudo scores."""

import dataclasses
import importlib.util
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image
from scipy import ndimage

from jiqa import images
from jiqa.data import transforms
from jiqa.data.distort import FAMILIES, distort
from jiqa.databases import builder
from jiqa.errors import InputError


@dataclasses.dataclass(frozen=True)
class Photograph:
    """A pristine photograph in an installed package.

    Attributes:
        name: content_id of the photograph.
        package: package with the file.
        file: path below the package.
        rights: licence and author, as stated by the package.
        halved: whether the photograph is a JPEG, or was cut from one, and is halved to remove the
            compression.
    """

    name: str
    package: str
    file: str
    rights: str
    halved: bool = False

    def pixels(self) -> np.ndarray:
        """Pixels, uint8 [h, w, 3], grey repeated over the channels."""
        package = importlib.util.find_spec(self.package)
        path = Path(package.origin).parent / self.file if package and package.origin else None
        if not (path and path.is_file()):
            raise InputError(f"{self.package}: expected a package with {self.file}, found none")
        pixels = images.decode(path.read_bytes(), str(path))
        return np.asarray(Image.fromarray(pixels).reduce(2)) if self.halved else pixels


# Scenes only. scikit-image's textures and its retina are left out: distortions affect them and
# photographs too differently.
PHOTOGRAPHS = (
    Photograph("astronaut", "skimage", "data/astronaut.png", "public domain, NASA"),
    Photograph("camera", "skimage", "data/camera.png", "CC0, Lav Varshney"),
    Photograph("chelsea", "skimage", "data/chelsea.png", "CC0, Stefan van der Walt"),
    Photograph("china", "sklearn", "datasets/images/china.jpg", "CC BY 2.0, danielbuechele", True),
    Photograph("coffee", "skimage", "data/coffee.png", "CC0, Rachel Michetti"),
    Photograph("flower", "sklearn", "datasets/images/flower.jpg", "CC BY 2.0, vultilion", True),
    Photograph("hubble", "skimage", "data/hubble_deep_field.jpg", "public domain, NASA", True),
    Photograph("rocket", "skimage", "data/rocket.jpg", "public domain, SpaceX", True),
)
SIDE = 128
GRID = (3, 3)
LEVELS = range(1, 6)
FACTS = builder.Facts(
    score="pseudo_mos",
    score_range=(0.0, 1.0),
    higher_better=True,
    licence="public domain, CC0 or CC BY 2.0, by photograph",
    terms="; ".join(f"{photograph.name}: {photograph.rights}" for photograph in PHOTOGRAPHS),
    source="https://scikit-image.org and https://scikit-learn.org",
    pseudo="1 - 2 GMSD against the reference (Xue et al. 2014); computed, not human-rated",
    references=True,
    summary="8 photographs, 5 synthetic distortions, pseudo MOS",
    counts={"distorted": 1800, "reference": 72},
)


class Builder(tfds.core.GeneratorBasedBuilder):
    """Photographs distorted whole, and then cut into crops."""

    facts = FACTS
    code_path = Path(__file__)  # in a clone TFDS would look for it inside jiqa/
    pkg_dir_path = code_path.parent
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "8 photographs, 5 types, 5 levels, 9 crops."}

    def _info(self) -> tfds.core.DatasetInfo:
        return FACTS.info(self)

    def _split_generators(self, _: Any) -> dict[str, Iterator[tuple[str, Any]]]:
        pristine = len(PHOTOGRAPHS) * GRID[0] * GRID[1]
        distorted = pristine * len(FAMILIES["pocket"]) * len(LEVELS)
        builder.announce(self, {"distorted": distorted, "reference": pristine})
        return {"distorted": self._generate_examples(), "reference": self._references()}

    def _generate_examples(self) -> Iterator[tuple[str, Any]]:
        for photograph in PHOTOGRAPHS:
            pristine = photograph.pixels()
            gradient = gradient_magnitude(pristine)
            for name in FAMILIES["pocket"]:
                for level in LEVELS:
                    seed = zlib.crc32(f"{photograph.name}_{name}_{level}".encode())
                    distorted = np.asarray(distort(pristine, f"pocket/{name}", level, seed))
                    image = np.rint(distorted * 255).astype(np.uint8)
                    similarity = gradient_similarity(gradient, gradient_magnitude(image))
                    for number, (top, left) in enumerate(corners(pristine)):
                        reference = f"{photograph.name}_{number}"
                        yield FACTS.example(
                            png(transforms.crop(image, top, left, SIDE)),
                            f"{reference}_{name}_{level}",
                            content_id=photograph.name,
                            distortion=name,
                            level=level,
                            score=1
                            - 2 * transforms.crop(similarity, top // 2, left // 2, SIDE // 2).std(),
                            reference=reference,
                        )

    def _references(self) -> Iterator[tuple[str, Any]]:
        for photograph in PHOTOGRAPHS:
            pristine = photograph.pixels()
            for number, (top, left) in enumerate(corners(pristine)):
                id = f"{photograph.name}_{number}"
                yield FACTS.example(
                    png(transforms.crop(pristine, top, left, SIDE)),
                    id,
                    content_id=photograph.name,
                    distortion=builder.PRISTINE,
                    reference=id,
                )


def corners(image: np.ndarray) -> list[tuple[int, int]]:
    """(top, left) of the crops, spread evenly over the image, as even numbers."""
    tops, lefts = (
        np.linspace(0, (length - SIDE) // 2, places).astype(int) * 2
        for length, places in zip(image.shape, GRID, strict=False)
    )
    return [(int(top), int(left)) for top in tops for left in lefts]


def gradient_similarity(reference: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Similarity of two maps of `gradient_magnitude`: same shape, in (0, 1].

    The standard deviation of the result is the GMSD of W. Xue, L. Zhang, X. Mou, A. C. Bovik,
    "Gradient magnitude similarity deviation", IEEE TIP 23(2), 2014 (equations 4 and 6, c = 170):
    0 for equal images and never above 1/2. GMSD agrees well with observers across types of
    distortion, and depends little enough on the content to be predicted without the reference.
    """
    return (2 * reference * image + 170) / (reference**2 + image**2 + 170)


def gradient_magnitude(image: np.ndarray) -> np.ndarray:
    """Prewitt gradient magnitude of the luminance, 0..255, at half the size (equations 1 to 3).

    uint8 [h, w, 3] -> float64 [h // 2, w // 2].
    """
    height, width = (length // 2 * 2 for length in image.shape[:2])
    luminance = image[:height, :width] @ np.array([0.299, 0.587, 0.114])
    rows = luminance[::2] + luminance[1::2]
    half = (rows[:, ::2] + rows[:, 1::2]) / 4
    return np.hypot(ndimage.prewitt(half, 0), ndimage.prewitt(half, 1)) / 3


def png(image: np.ndarray) -> bytes:
    """PNG file of uint8 [h, w, 3], compressed for speed."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG", compress_level=1)
    return stream.getvalue()
