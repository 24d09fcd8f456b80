"""Cross-validation inside the training rows, in folds that keep each content together."""

import numpy as np
from sklearn.model_selection import GroupKFold

from jiqa.errors import InputError

FOLDS = 5


def folds(content: np.ndarray) -> GroupKFold:
    """Folds that keep rows of one content together; `content` [n] is the content of each row.

    Raises:
        InputError: there are fewer contents than folds.
    """
    count = len(np.unique(content))
    if count < FOLDS:
        raise InputError(
            f"protocol: found {count} contents to train and validate on, expected {FOLDS} or more "
            "to choose the parameters of a regression by cross-validation"
        )
    return GroupKFold(FOLDS)
