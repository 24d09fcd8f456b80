"""Criteria against SciPy, NumPy and hand computations; intervals against their definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from scipy import stats as scipy_stats

from jiqa.errors import InputError
from jiqa.results import significance, stats

CRITERIA = [stats.srocc, stats.plcc, stats.krcc, stats.rmse, stats.plcc_rank]
RAW_AND_LOGISTIC = [*CRITERIA, stats.plcc_logistic, stats.rmse_logistic]


def noisy(n=80, seed=0, digits=6):
    """Scores, and predictions related by a curve with noise; few digits make ties."""
    rng = np.random.default_rng(seed)
    score = rng.uniform(0, 10, n)
    prediction = 1 / (1 + np.exp(5 - score)) + 0.1 * rng.normal(size=n)
    return prediction.round(digits), score.round(digits)


@pytest.mark.parametrize("digits", [6, 1, 0])
def test_criteria_agree_with_scipy_with_and_without_ties(digits):
    x, y = noisy(digits=digits)
    assert stats.srocc(x, y) == pytest.approx(scipy_stats.spearmanr(x, y).statistic, abs=1e-12)
    assert stats.plcc(x, y) == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-12)
    assert stats.krcc(x, y) == pytest.approx(scipy_stats.kendalltau(x, y).statistic, abs=1e-12)
    assert stats.rmse(x, y) == pytest.approx(np.linalg.norm(x - y) / np.sqrt(len(x)), abs=1e-12)


def test_criteria_by_hand():
    assert stats.srocc([1, 2, 3, 4], [10, 30, 20, 40]) == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert stats.plcc([0, 1, 2], [0, 1, 5]) == pytest.approx(5 / np.sqrt(2 * 14))
    # Five of six pairs agree, one is tied in the first.
    assert stats.krcc([1, 2, 2, 3], [1, 2, 3, 4]) == pytest.approx(5 / np.sqrt(5 * 6))
    assert stats.rmse([1, 2], [4, 6]) == pytest.approx(np.sqrt((9 + 16) / 2))


@pytest.mark.parametrize("criterion", CRITERIA)
def test_batches_are_their_rows(criterion):
    x, y = (np.stack(z) for z in zip(*(noisy(seed=s, digits=1) for s in range(3)), strict=True))
    x[1] = 0.5
    rows = [criterion(a, b) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(criterion(x, y), rows, rtol=1e-12)


@pytest.mark.parametrize(
    "criterion", [stats.srocc, stats.plcc, stats.krcc, stats.plcc_logistic, stats.rmse_logistic]
)
def test_a_constant_side_has_no_figure(criterion):
    # The mean of this many 0.1 is not 0.1 in floating point.
    constant, rising = np.full(7, 0.1), np.arange(7.0)
    assert np.isnan(criterion(constant, rising))
    assert np.isnan(criterion(rising, constant))
    assert np.isnan(stats.bootstrap(criterion, constant, rising)).all()


@pytest.mark.parametrize("criterion", RAW_AND_LOGISTIC)
@pytest.mark.parametrize(
    ("prediction", "score", "says"),
    [
        ([1, np.nan, 3], [1, 2, 3], r"prediction \[1\] is nan"),
        ([1, 2, 3], [1, 2, np.inf], r"score \[2\] is inf"),
        ([1, 2, 3], [1, 2], r"shape \(3,\) and scores of shape \(2,\)"),
        ([], [], r"shape \(0,\)"),
    ],
)
def test_bad_input_is_refused(criterion, prediction, score, says):
    with pytest.raises(InputError, match=says):
        criterion(prediction, score)


def test_the_logistic_is_the_published_one():
    b1, b2, b3, b4, b5 = 3.0, -0.7, 2.0, 0.4, 1.5
    x = np.linspace(-3, 6, 20)
    expected = b1 * (1 / 2 - 1 / (1 + np.exp(b2 * (x - b3)))) + b4 * x + b5
    np.testing.assert_allclose(stats.Logistic(b1, b2, b3, b4, b5)(x), expected, rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize("rising", [1, -1])
def test_the_fit_finds_the_mapping_that_made_the_scores(scale, rising):
    made = stats.Logistic(8.0 * rising, 3.0 / scale, 0.4 * scale, 0.5 * rising / scale, 40.0)
    x = scale * np.linspace(-2, 2, 60)
    fitted = stats.fit_logistic(x, made(x))
    np.testing.assert_allclose(fitted(x), made(x), atol=1e-6)
    assert stats.plcc_logistic(x, made(x)) == pytest.approx(1)
    assert stats.rmse_logistic(x, made(x)) == pytest.approx(0, abs=1e-6)


def test_the_fit_is_as_near_as_scipy_from_the_truth():
    rng = np.random.default_rng(1)
    truth = (60.0, 9.0, 0.4, 8.0, 35.0)
    x = rng.uniform(0, 1, 200)
    y = stats.Logistic(*truth)(x) + 5 * rng.normal(size=200)
    found, _ = optimize.curve_fit(lambda x, *b: stats.Logistic(*b)(x), x, y, p0=truth)
    best = stats.rmse(stats.Logistic(*found)(x), y)
    assert stats.rmse_logistic(x, y) == pytest.approx(best, rel=1e-6)
    assert best < 0.95 * stats.rmse(np.polyval(np.polyfit(x, y, 1), x), y)


def test_the_fit_does_not_chase_single_images_with_a_step():
    x, y = np.linspace(0, 1, 30), np.linspace(0, 1, 30)
    y[15:] += 0.2
    fitted = stats.fit_logistic(x, y)
    assert abs(fitted.b2) * x.std() <= 10
    assert np.abs(np.diff(fitted(np.linspace(0, 1, 1000)))).max() < 0.01


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_fit_is_never_worse_than_a_line(data):
    n = data.draw(st.integers(6, 40))
    values = st.lists(
        st.floats(-50, 50, allow_subnormal=False).map(lambda v: round(v, 2)), min_size=n, max_size=n
    )
    x, y = np.array(data.draw(values)), np.array(data.draw(values))
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return
    centred = x - x.mean()
    line = y.mean() + centred * (centred @ y) / (centred @ centred)
    assert stats.rmse_logistic(x, y) <= stats.rmse(line, y) * (1 + 1e-9) + 1e-9
    # What is not correlated at all is fitted by a constant, which has no correlation.
    raw = abs(stats.plcc(x, y))
    assert raw < 1e-6 or stats.plcc_logistic(x, y) >= raw - 1e-9


def test_five_points_are_too_few_for_five_parameters():
    x, y = noisy(n=5)
    assert np.isnan(stats.plcc_logistic(x, y))
    with pytest.raises(InputError, match=r"5 predictions.*at least 6"):
        stats.fit_logistic(x, y)
    assert np.isfinite(stats.plcc_logistic(*noisy(n=6)))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-20, 20), min_size=3, max_size=30, unique=True), st.randoms())
def test_ranks_survive_a_monotone_map_and_plcc_a_line(values, random):
    shuffled = values.copy()
    random.shuffle(shuffled)
    x, y = np.array(values, float), np.array(shuffled, float)
    for criterion in (stats.srocc, stats.krcc):
        assert criterion(np.exp(x / 5), y) == pytest.approx(criterion(x, y), abs=1e-12)
        assert criterion(-x, y) == pytest.approx(-criterion(x, y), abs=1e-12)
    assert stats.plcc(3 * x - 7, y) == pytest.approx(stats.plcc(x, y), abs=1e-9)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_resamples_are_the_criterion_on_drawn_images(criterion, monkeypatch):
    x, y = noisy(n=30, digits=1)
    rows = np.random.default_rng(5).integers(30, size=(40, 30))
    expected = [criterion(x[r], y[r]) for r in rows]
    np.testing.assert_allclose(stats.resample(criterion, x, y, n=40, seed=5), expected, rtol=1e-12)
    monkeypatch.setattr(stats, "_BLOCK", 70)
    np.testing.assert_allclose(stats.resample(criterion, x, y, n=40, seed=5), expected, rtol=1e-12)


def test_the_logistic_is_fitted_once_for_all_resamples():
    x, y = noisy()
    mapped = stats.fit_logistic(x, y)(x)
    for after, raw in ((stats.plcc_logistic, stats.plcc), (stats.rmse_logistic, stats.rmse)):
        np.testing.assert_array_equal(
            stats.resample(after, x, y, n=50), stats.resample(raw, mapped, y, n=50)
        )


@pytest.mark.parametrize("criterion", [stats.srocc, stats.plcc])
def test_the_interval_agrees_with_scipy(criterion):
    x, y = noisy(n=200)
    reference = scipy_stats.bootstrap(
        (x, y),
        lambda a, b, axis: criterion(a, b),
        n_resamples=4000,
        paired=True,
        vectorized=True,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    np.testing.assert_allclose(stats.bootstrap(criterion, x, y, n=4000), reference, atol=0.004)


def test_a_wider_level_has_a_wider_interval():
    x, y = noisy()
    low, high = stats.bootstrap(stats.srocc, x, y, level=0.8)
    lower, higher = stats.bootstrap(stats.srocc, x, y, level=0.99)
    assert lower < low < stats.srocc(x, y) < high < higher


def test_undefined_resamples_are_left_out():
    values = np.array([np.nan, 1, 2, 3, np.nan])
    assert stats.interval(values, level=0.5) == (1.5, 2.5)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    truth, hits = 0.8, 0
    for seed in range(150):
        x, y = rng.multivariate_normal([0, 0], [[1, truth], [truth, 1]], size=100).T
        low, high = stats.bootstrap(stats.plcc, x, y, n=400, seed=seed)
        hits += low < truth < high
    assert 0.88 <= hits / 150 <= 0.99


def test_a_paired_difference_by_its_definition():
    a, y = noisy(n=50)
    b = a + np.random.default_rng(9).normal(size=50)
    difference, low, high = stats.paired_bootstrap(stats.srocc, a, b, y, n=200, seed=3)
    rows = np.random.default_rng(3).integers(50, size=(200, 50))
    drawn = [
        scipy_stats.spearmanr(a[r], y[r])[0] - scipy_stats.spearmanr(b[r], y[r])[0] for r in rows
    ]
    assert difference == pytest.approx(stats.srocc(a, y) - stats.srocc(b, y))
    assert (low, high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))
    assert low > 0


def test_a_predictor_does_not_differ_from_itself():
    x, y = noisy()
    assert stats.paired_bootstrap(stats.srocc, x, x, y) == (0, 0, 0)


def test_alignment_by_rank_keeps_the_order_alone():
    rng = np.random.default_rng(0)
    score = rng.uniform(1, 5, 30)
    prediction = score + rng.normal(size=30)
    found = stats.plcc_rank(prediction, score)
    aligned = np.sort(score)[np.argsort(np.argsort(prediction))]
    assert found == pytest.approx(scipy_stats.pearsonr(aligned, score)[0])
    assert stats.plcc_rank(np.exp(9 * prediction), score) == pytest.approx(found)
    assert stats.plcc_rank([3, 3, 7], [1, 3, 8]) == pytest.approx(
        scipy_stats.pearsonr([2, 2, 8], [1, 3, 8])[0]
    )


def test_the_corrected_t_is_the_plain_one_where_nothing_overlaps():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 12))
    t, p = significance.corrected_t(a - b, 0)
    plain = scipy_stats.ttest_rel(a, b)
    assert (t, p) == pytest.approx((plain.statistic, plain.pvalue))
    # Nadeau and Bengio's factor for ten splits 90/10: (1/10 + 1/9) in place of 1/10.
    differences = [0.01, 0.03, 0.02, 0.0, 0.04, 0.02, 0.01, 0.03, 0.02, 0.02]
    plain = scipy_stats.ttest_1samp(differences, 0).statistic
    assert significance.corrected_t(differences, 1 / 9)[0] == pytest.approx(plain * np.sqrt(9 / 19))
    assert np.isnan(significance.corrected_t([0.1], 0.1)).all()
    assert np.isnan(significance.corrected_t([0.1, 0.1], 0.1)).all()


def test_holm_worked_by_hand():
    # 0.01 * 4, 0.02 * 3, 0.03 * 2 (below the one before), 0.5 * 1.
    np.testing.assert_allclose(significance.holm([0.03, 0.01, 0.5, 0.02]), [0.06, 0.04, 0.5, 0.06])
