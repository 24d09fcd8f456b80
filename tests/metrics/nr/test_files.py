"""Files of parameters that are broken: one line that says what was found."""

import io

import numpy as np
import pytest
import scipy.io

from jiqa.errors import InputError
from jiqa.metrics import metric


def npz(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def npy():
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


def mat():
    file = io.BytesIO()
    scipy.io.savemat(file, {"pop_mu": np.arange(3000.0)}, do_compression=True)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("cut.npz", npz(mean=np.zeros(36))[:-40], "expected parameters"),
        ("one.npz", npy(), "one array without a name, expected parameters"),
        ("words.npz", npz(mean=np.array(["a"]), covariance=np.eye(36)), "array of <U1, expected n"),
        ("other.npz", npz(words=np.zeros(3)), "found words, expected"),
        ("cut.mat", mat()[:-20], "expected parameters"),
        ("turned.mat", mat()[:200] + bytes(50) + mat()[250:], "expected parameters"),
        ("empty.npz", b"", "expected parameters"),
    ],
)
def test_a_broken_file_is_one_line(tmp_path, name, data, said):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=rf"{name}: .*{said}") as caught:
        metric.create_metric("niqe", tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_measure_says_what_its_parameters_are(tmp_path):
    own = metric.create_metric("niqe")
    path = tmp_path / "other.npz"
    np.savez(path, mean=np.zeros(36), covariance=np.eye(36))
    other = metric.create_metric("niqe", path)
    assert (own.fitted, other.fitted) == ("the package's", str(path))
    assert repr(other).endswith(f"lower is better, parameters: {path})")
    assert metric.create_metric("psnr").fitted == ""
