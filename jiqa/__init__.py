"""No-reference image quality assessment in JAX and Flax."""

from pathlib import Path

__version__ = "0.1.0"

# `jiqa.configs` and `jiqa.tfds_builders` lie inside the package in the wheel and beside it in a
# clone; there the clone's root joins the package's search path.
_root = Path(__file__).resolve().parent.parent
if (_root / "tfds_builders").is_dir():
    __path__.append(str(_root))
del _root
