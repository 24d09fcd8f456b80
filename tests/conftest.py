"""Fixtures of several test files of the package."""

import gc
import signal

import jax
import numpy as np
import pytest

from jiqa.results.predictions import Predictions

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores Ctrl-C, and so would every command that a test starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Where measures and distortions are tested they are compiled as users have them.
PIXELS = ("fr", "nr", "ops", "test_api.py", "test_distort.py")


@pytest.fixture(scope="module", autouse=True)
def _quickly_compiled(request):
    """Compiles with few optimisations: tests compute little with each compiled function."""
    quick = not {request.path.name, request.path.parent.name} & set(PIXELS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", str(int(quick)))  # of other processes
        jax.config.update("jax_disable_most_optimizations", quick)
        yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="module", autouse=True)
def _few_to_collect():
    """Excludes the caches of earlier tests from garbage collection, which would take long."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def predicted():
    """Makes Predictions of `n` images: scores in [0, 1], and predictions `noise` away from them."""

    def make(
        run="iqa_nrtl/full",
        database="koniq10k",
        protocol="random-90-10-seed0",
        split="split0",
        *,
        n=40,
        noise=0.2,
        seed=0,
        score_name="mos",
        config_hash="c0ffee",
    ):
        rng = np.random.default_rng(seed)
        score = rng.uniform(0, 1, n)
        ids = np.array([f"{split}-{i:04}.png" for i in range(n)])
        return Predictions(
            run=run,
            config_hash=config_hash,
            database=database,
            protocol=protocol,
            split=split,
            score_name=score_name,
            id=ids,
            content_id=ids,
            distortion=np.full(n, "authentic"),
            level=np.zeros(n, int),
            score=score,
            prediction=score**2 + noise * rng.normal(size=n),
        )

    return make
