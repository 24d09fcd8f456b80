import numpy as np
import pytest

from jiqa import losses
from jiqa.errors import InputError


def test_values_by_hand():
    prediction, target = np.float32([0.0, 0.5, 1.0]), np.float32([0.2, 0.5, 0.4])
    assert float(losses.get("mae")(prediction, target)) == pytest.approx(0.8 / 3)
    assert float(losses.get("mse")(prediction, target)) == pytest.approx(0.40 / 3)


def test_unknown_name_is_refused():
    with pytest.raises(InputError, match="'huber', expected one of mae, mse"):
        losses.get("huber")
