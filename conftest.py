"""Settings and fixtures of every test, of the package (`tests/`) and of the database builders.

JAX reads its settings when it is first imported, so they are set here, in the environment, where
the processes that a test starts find them too.
"""

import os
from pathlib import Path

import pytest

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"
os.environ["JAX_NUM_CPU_DEVICES"] = "8"
# The older emitters compile in half the time where little is optimised, as in most tests.
os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_cpu_use_fusion_emitters=false"
).strip()

# What one test or process has compiled, another takes from here.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(Path(__file__).resolve().parent / ".pytest_cache" / "jax")
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")

pytest.register_assert_rewrite("jiqa.tfds_builders.testing")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real images and weights beside the clone; skips where there is none."""
    folder = Path(__file__).resolve().parent.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs the shared data beside the clone")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _private_data_dir(tmp_path_factory):
    """No test reads or writes the databases of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JIQA_DATA_DIR", str(tmp_path_factory.mktemp("databases")))
        yield
