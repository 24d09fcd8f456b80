"""No-reference image quality assessment in JAX and Flax."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jiqa.metrics.metric import Metric, create_metric, list_metrics

__version__ = "0.2.0"
__all__ = ["Metric", "create_metric", "list_metrics"]

# `jiqa.configs` and `jiqa.tfds_builders` lie inside the package in the wheel and beside it in a
# clone; there the clone's root joins the package's search path.
_root = Path(__file__).resolve().parent.parent
if (_root / "tfds_builders").is_dir():
    __path__.append(str(_root))
del _root


def __getattr__(name: str) -> Any:
    """What `jiqa.metrics.metric` has, at its first use: `import jiqa` alone imports no JAX."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from jiqa.metrics import metric

    return getattr(metric, name)
