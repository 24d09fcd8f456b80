"""Quality levels: a database's images in parts of equal size, by the rank of their score."""

import numpy as np

from jiqa.data.index import Index


def quality_levels(index: Index, n: int = 3) -> np.ndarray:
    """Level of every image, int [len(index)]: 0 is the best, n - 1 the worst.

    The images of each distortion type are ranked by `quality`, ties by id, and cut into `n` parts
    whose sizes differ by at most one (TTL-IQA, section IV and table III).
    """
    levels = np.zeros(len(index), int)
    for kind in np.unique(index.distortion):
        rows = np.flatnonzero(index.distortion == kind)
        rows = rows[np.lexsort((index.id[rows], -index.quality[rows]))]
        levels[rows] = np.arange(len(rows)) * n // len(rows)
    return levels
