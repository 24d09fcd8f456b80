"""Levels and facts of databases, counted by hand."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import tiny

from jiqa.data.levels import quality_levels
from jiqa.results import cells, database_facts
from jiqa.results.published import Column, Paper, Query, Row, Table


@pytest.fixture
def index():
    """Index of 48 images, 24 of each of two types."""
    return tiny.database()[0]


@pytest.mark.parametrize("n", [2, 3, 5])
def test_levels_are_equal_parts_of_each_type_the_best_first(index, n):
    levels = quality_levels(index, n)
    for kind in ("grain", "white_noise"):
        rows = index.distortion == kind
        counts = np.bincount(levels[rows], minlength=n)
        assert len(counts) == n
        assert np.ptp(counts) <= 1
        for level in range(n - 1):
            better, worse = (index.score[rows & (levels == k)] for k in (level, level + 1))
            assert better.min() >= worse.max()


def test_of_dmos_the_low_end_is_the_best(index):
    dmos = dataclasses.replace(index, score_name="dmos", higher_better=False)
    assert dmos.score[quality_levels(dmos) == 0].mean() < dmos.score.mean()
    assert (quality_levels(dmos) == 0).sum() == 16


def test_levels_do_not_depend_on_the_order_of_rows_where_scores_are_tied(index):
    tied = dataclasses.replace(index, score=np.round(index.score, 1))
    order = np.random.default_rng(0).permutation(len(tied))
    np.testing.assert_array_equal(quality_levels(tied)[order], quality_levels(tied.take(order)))


def test_true_scores_of_live_in_the_wild_in_thirds(shared):
    from scipy import io

    data = shared / "data" / "labels" / "livec" / "Data"
    mos = io.loadmat(data / "AllMOS_release.mat")["AllMOS_release"].ravel()[7:]
    index = tiny.database(len(mos), size=1)[0]
    livec = dataclasses.replace(
        index, score=mos.astype(np.float32), score_range=(0.0, 100.0), distortion=np.full(1162, "")
    )
    levels = quality_levels(livec)
    # The page (table III) cuts at 67.6 and 49.4 and has 387, 386 and 389.
    assert np.bincount(levels).tolist() == [388, 387, 387]
    assert mos[levels == 0].min() == pytest.approx(67.6, abs=0.1)
    assert mos[levels == 1].min() == pytest.approx(49.4, abs=0.1)


@pytest.fixture
def opened(monkeypatch, index):
    """A prepared database of 48 images and 12 references; no other is prepared."""
    info = SimpleNamespace(splits={"reference": SimpleNamespace(num_examples=12)})
    monkeypatch.setattr(database_facts, "_opened", lambda *_: (info, index))
    monkeypatch.setattr(database_facts.prepare, "is_prepared", lambda name, **_: name == "live")


def test_facts_of_a_database(opened, index):
    expected = {
        "references": 12,
        "distorted": 48,
        "types": 2,
        "score": "MOS",
        "range": "[0,1]",
    }
    for name, value in expected.items():
        assert database_facts.fact(Query(database="live", fact=name)) == value
    query = Query(database="live", distortion="grain", fact="level_count", level=0)
    assert database_facts.fact(query) == 8
    best = np.sort(index.score[index.distortion == "grain"])[-8:]
    query = dataclasses.replace(query, fact="level_range")
    assert database_facts.fact(query) == f"[{best[0]:g},{best[-1]:g}]"
    assert database_facts.fact(Query(database="csiq", fact="distorted")) is None


def test_a_table_of_facts_needs_no_run(opened):
    table = Table(
        "",
        (Column("images", {"fact": "distorted"}), Column("score", {"fact": "score"})),
        (Row("LIVE", "779 DMOS", {"database": "live"}), Row("CSIQ", "1 x", {"database": "csiq"})),
    )
    live, csiq = cells.fill(Paper("", "", "", "mean", {}), table, [])
    assert [[o.value for o in cell.ours] for cell in live] == [[48], ["MOS"]]
    assert live[0].difference(live[0].ours[0]) == 48 - 779
    assert live[1].difference(live[1].ours[0]) is None
    assert [cell.ours for cell in csiq] == [(), ()]
