"""Damaged files of parameters, labels and archives are told in one line, whatever the damage.

`python tests/test_damage.py 150` damages each kind so often.
"""

import io
import sys
import tarfile
import tempfile
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from safetensors.numpy import save_file

from jiqa import weights
from jiqa.databases import download, release
from jiqa.errors import InputError
from jiqa.files import read_json, write_json
from jiqa.metrics.nr import brisque, niqe
from jiqa.results.predictions import read_predictions
from jiqa.tasks.svr import Regression
from jiqa.tfds_builders import testing

RNG = np.random.default_rng(5)
NAMES = [f"image {i}.jpg" for i in range(20)]
MOS = [i / 20 for i in range(20)]


def _gaussian():
    rows = RNG.normal(size=(200, 36))
    return {"mu_prisparam": rows.mean(0), "cov_prisparam": np.cov(rows.T)}


def _regression():
    scale = {"low": np.zeros(36), "high": np.ones(36), "gamma": 0.05, "bias": 20.0}
    return scale | {"vectors": RNG.uniform(-1, 1, (9, 36)), "weights": RNG.normal(size=9)}


def _libsvm(path):
    head = (
        "svm_type epsilon_svr\nkernel_type rbf\ngamma 0.05\nnr_class 2\ntotal_sv 3\nrho -20\nSV\n"
    )
    row = "".join(f"{i}:{i / 40} " for i in range(1, 37))
    path.write_text(head + "".join(f"{weight} {row}\n" for weight in (1.5, -2, 0.5)))
    ranges = "".join(f"{i} 0 1\n" for i in range(1, 37))
    path.with_name("allrange").write_text("x\n-1 1\n" + ranges)


def _ranges(path):
    _libsvm(path.with_name("allmodel"))
    (path.with_name("allrange")).rename(path)


def _table(path):
    path.write_text("".join(f"{a},{b},,\n" for a, b in [("Image Name", "MOS"), *_rows()]))


def _rows():
    return list(zip(NAMES, MOS, strict=True))


def _h5(path):
    with h5py.File(path, "w") as file:
        layer = file.create_group("conv")
        layer.create_dataset("kernel", data=RNG.normal(size=(3, 3, 4)))
        layer.attrs["weight_names"] = ["kernel"]
        file.attrs["layer_names"] = ["conv"]


def _zip(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in NAMES:
            archive.writestr(f"in/{name}", RNG.bytes(20) * 20)


def _tar(path):
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name in NAMES:
            member = tarfile.TarInfo(f"in/{name}")
            member.size = 400
            archive.addfile(member, io.BytesIO(RNG.bytes(20) * 20))


def _predictions(path):
    header = "run,config_hash,database,protocol,split,id,content_id,distortion,level,mos,prediction"
    rows = (
        f"a/b,c0ffee,live,random,split0,{name},{name},blur,1,{mos},0.5" for name, mos in _rows()
    )
    path.write_text("\n".join([header, *rows]) + "\n")


def _numbers(path):
    rows = release.table(path, "Image Name", "MOS")
    return [release.number(row["MOS"], at, "MOS", (0, 1)) for at, row in rows]


def _sheet(path):
    rows = release.sheet(path, "", "Image", "MOS")
    return [release.number(row["MOS"], at, "MOS", (0, 1)) for at, row in rows]


def _mat(path):
    (names,) = release.mat(path, "names", text=True)
    (scores,) = release.mat(path, "scores")
    for name, score in zip(names, scores, strict=False):
        release.number(score, name.lower(), "MOS", (0, 1))


# Name of the file -> (what writes it, what reads it).
KINDS = {
    "niqe.mat": (lambda path: scipy.io.savemat(path, _gaussian()), niqe.load),
    "niqe_packed.mat": (
        lambda path: scipy.io.savemat(path, _gaussian(), do_compression=True),
        niqe.load,
    ),
    "brisque.npz": (lambda path: np.savez_compressed(path, **_regression()), brisque.load),
    "svr.npz": (lambda path: np.savez(path, **_regression()), Regression.load),
    "allmodel": (_libsvm, brisque.load),
    "allrange": (_ranges, lambda path: brisque.load(path.with_name("allmodel"))),
    "weights.npz": (lambda path: np.savez(path, a=RNG.normal(size=50)), weights.files.read),
    "weights.safetensors": (
        lambda path: save_file({"a": RNG.normal(size=50)}, path),
        weights.files.read,
    ),
    "weights.h5": (_h5, weights.files.read),
    "scores.csv": (_table, _numbers),
    "scores.xlsx": (
        lambda path: testing.write_xlsx(path, "all", [["Image", "MOS"], *map(list, _rows())]),
        _sheet,
    ),
    "scores.mat": (
        lambda path: scipy.io.savemat(path, {"names": testing.cells(*NAMES), "scores": [MOS]}),
        _mat,
    ),
    "predictions.csv": (_predictions, lambda path: read_predictions(path.parent)),
    "stage.json": (
        lambda path: write_json(path, {"model": {"name": "unet"}, "fit": {}, "steps": 3}),
        lambda path: read_json(path, "model", "fit", "steps"),
    ),
    "release.zip": (_zip, lambda path: download.unpack(path, path.parent / "out")),
    "release.tar": (_tar, lambda path: download.unpack(path, path.parent / "out")),
    "release.tar.gz": (_tar, lambda path: download.unpack(path, path.parent / "out")),
}


def damaged(stored: bytes, rng: np.random.Generator) -> bytes:
    """A file with some bytes flipped, some zeroed, cut short, or a piece of it twice."""
    content = bytearray(stored)
    kind = rng.integers(4)
    at, length = int(rng.integers(len(content))), int(rng.integers(1, 60))
    if kind == 0:
        for place in rng.integers(len(content), size=rng.integers(1, 12)):
            content[place] ^= int(rng.integers(1, 256))
    elif kind == 1:
        content[at : at + length] = bytes(len(content[at : at + length]))
    elif kind == 2:
        del content[at:]
    else:
        content[at:at] = content[at : at + length]
    return bytes(content)


def ends(name: str, times: int, folder: Path) -> tuple[int, list[BaseException]]:
    """Damages a file of a kind so often: how many of them were told, and what else was raised."""
    write, read = KINDS[name]
    path, rng, told, others = folder / name, np.random.default_rng(11), 0, []
    write(path)
    stored = path.read_bytes()
    read(path)
    for _ in range(times):
        path.write_bytes(damaged(stored, rng))
        try:
            read(path)
        except BaseException as error:
            if (
                isinstance(error, InputError)
                and "\n" not in str(error)
                and str(folder) in str(error)
            ):
                told += 1
            else:
                others.append(error)
    return told, others


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", KINDS)
def test_damage_is_told_in_a_line_or_does_no_harm(name, tmp_path):
    told, others = ends(name, 25, tmp_path)
    assert others == []
    assert told > 0


def main(times: int) -> None:
    """Prints a line a kind."""
    warnings.simplefilter("ignore")
    for name in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            told, others = ends(name, times, Path(folder))
        print(f"{name}: {times} damaged, {told} told, {len(others)} others", others[:3], flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
