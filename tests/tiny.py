"""A database of tiny pictures whose quality is easy to learn, for tests of training."""

import io

import numpy as np
from PIL import Image

from jiqa.data.index import Index, Records


def database(
    n: int = 48, size: int = 40, contents: int = 12, name: str = "tiny"
) -> tuple[Index, Records]:
    """Database of `n` noisy pictures of `contents` photographs; the score falls with the noise."""
    rng = np.random.default_rng(0)
    score = rng.uniform(0, 1, n).astype(np.float32)
    files = []
    for value in score:
        pixels = 128 + 100 * (1 - value) * rng.standard_normal((size, size, 3))
        buffer = io.BytesIO()
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(buffer, "PNG")
        files.append({"image": buffer.getvalue()})
    index = Index(
        database=name,
        family=name,
        score_name="mos",
        score_range=(0.0, 1.0),
        higher_better=True,
        id=np.array([f"{i:03d}" for i in range(n)]),
        content_id=np.array([f"photo{i % contents}" for i in range(n)]),
        distortion=np.where(np.arange(n) // contents % 2, "white_noise", "grain"),
        level=np.zeros(n, np.int32),
        score=score,
        score_std=np.full(n, np.nan, np.float32),
        official=np.full(n, ""),
        record=np.arange(n),
    )
    return index, Records(files, np.arange(n))
