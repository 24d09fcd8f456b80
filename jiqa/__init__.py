"""No-reference image quality assessment in JAX and Flax."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jiqa.metrics.metric import Metric, create_metric, list_metrics

__version__ = "0.2.0"
__all__ = ["Metric", "create_metric", "list_metrics"]

# `jiqa.configs` and `jiqa.tfds_builders` are inside the package in a wheel, and beside the package
# in a clone. In a clone, the clone's root joins the package's search path.
_root = Path(__file__).resolve().parent.parent
if (_root / "tfds_builders").is_dir():
    __path__.append(str(_root))
del _root


def __getattr__(name: str) -> Any:
    """Loads a name of `jiqa.metrics.metric` at its first use; `import jiqa` imports no JAX."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from jiqa.metrics import metric

    return getattr(metric, name)
