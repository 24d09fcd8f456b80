"""Splits: disjoint in content, whole, and the same everywhere."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiqa.data.index import Index
from jiqa.data.protocols import Protocol, refuse_leak
from jiqa.errors import InputError


def index(contents, official=None, distortion=None, database="toy", family="toy"):
    """An Index with one row for each entry of `contents`."""
    n = len(contents)
    return Index(
        database=database,
        family=family,
        score_name="mos",
        score_range=(0, 1),
        higher_better=True,
        id=np.array([f"image{i:03}" for i in range(n)]),
        content_id=np.array(contents),
        distortion=np.array(distortion or ["authentic"] * n),
        level=np.zeros(n, np.int32),
        score=np.zeros(n, np.float32),
        score_std=np.zeros(n, np.float32),
        official=np.array(official or [""] * n),
        record=np.arange(n),
    )


PHOTOGRAPHS = [f"photo{i % 20:02}" for i in range(100)]
RELEASE = index(PHOTOGRAPHS, ["test" if i % 20 < 5 else "train" for i in range(100)])

contents = st.lists(st.integers(0, 30).map("photo{:02}".format), min_size=8, max_size=120).filter(
    lambda values: len(set(values)) >= 8
)
protocols = st.builds(
    Protocol,
    kind=st.just("random"),
    n=st.integers(1, 4),
    test=st.floats(0.05, 0.5),
    val=st.sampled_from([0, 0.1, 0.3]),
    seed=st.integers(0, 2**31),
)


def parts(split):
    return split.train, split.val, split.test


@settings(max_examples=100, deadline=None)
@given(contents, protocols)
def test_parts_share_no_content_and_are_the_whole(contents, protocol):
    data = index(contents)
    for split in protocol.splits(data):
        rows = np.concatenate(parts(split))
        assert sorted(rows) == list(range(len(contents)))
        train, val, test = (set(data.content_id[part]) for part in parts(split))
        assert len(train | val | test) == len(train) + len(val) + len(test)
        assert train
        assert test
        assert bool(val) == bool(protocol.val)


@settings(max_examples=100, deadline=None)
@given(contents, protocols)
def test_shares_are_of_the_contents(contents, protocol):
    data, count = index(contents), len(set(contents))
    for split in protocol.splits(data):
        val, test = (len(set(data.content_id[part])) for part in (split.val, split.test))
        assert abs(test - protocol.test * count) <= 1
        assert abs(val - protocol.val * (count - test)) <= 1


@settings(max_examples=50, deadline=None)
@given(contents, protocols, st.randoms())
def test_the_order_of_rows_plays_no_part(contents, protocol, random):
    data = index(contents)
    order = list(range(len(contents)))
    random.shuffle(order)
    shuffled = data.take(order)
    for split, other in zip(protocol.splits(data), protocol.splits(shuffled), strict=True):
        assert split.hash == other.hash
        for rows, others in zip(parts(split), parts(other), strict=True):
            assert data.id[rows].tolist() == shuffled.id[others].tolist()


def test_splits_differ_from_one_another_and_do_not_depend_on_n():
    data = index(PHOTOGRAPHS)
    many = Protocol(n=10).splits(data)
    assert [s.hash for s in many[:3]] == [s.hash for s in Protocol(n=3).splits(data)]
    assert len({s.hash for s in many}) == 10
    assert {s.hash for s in many}.isdisjoint(s.hash for s in Protocol(n=10, seed=1).splits(data))
    assert [s.name for s in many[:2]] == ["split0", "split1"]
    assert [s.seed for s in Protocol(n=2, seed=4).splits(data)] == [4, 5]


def test_a_random_split_is_this_one_on_every_machine():
    (split,) = Protocol(test=0.2, val=0.25, seed=7).splits(index(PHOTOGRAPHS[:10]))
    # NumPy's default generator, seeded with [7, 0], permutes the ten sorted photographs.
    shuffled = [f"photo{i:02}" for i in np.random.default_rng([7, 0]).permutation(10)]
    names = index(PHOTOGRAPHS[:10]).content_id
    assert names[split.test].tolist() == sorted(shuffled[:2])
    assert names[split.val].tolist() == sorted(shuffled[2:4])
    assert names[split.train].tolist() == sorted(shuffled[4:])


def test_the_hash_is_of_the_ids_in_each_part():
    data = index(PHOTOGRAPHS)
    (split,) = Protocol().splits(data)
    text = "".join("\0".join(data.id[part]) + "\n" for part in parts(split))
    assert split.hash == hashlib.sha256(text.encode()).hexdigest()


def test_pythonhashseed_plays_no_part():
    script = """
import numpy as np
from types import SimpleNamespace
from jiqa.data.protocols import Protocol
names = np.array([f"photo{i % 17}" for i in range(90)])
data = SimpleNamespace(database="toy", id=np.array([f"{i:03}" for i in range(90)]),
                       content_id=names, content_hash=names, official=np.array([""] * 90))
print([split.hash for split in Protocol(n=3).splits(data)])
"""
    said = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "4242")
    }
    assert len(said) == 1
    assert said.pop().startswith(b"['")


def test_the_official_test_part_is_kept_whole():
    protocol = Protocol(kind="official", n=3, val=0.2, seed=5)
    splits = protocol.splits(RELEASE)
    assert [split.name for split in splits] == ["seed5", "seed6", "seed7"]
    assert [split.seed for split in splits] == [5, 6, 7]
    assert len({split.hash for split in splits}) == 3
    for split in splits:
        assert split.test.tolist() == np.flatnonzero(RELEASE.official == "test").tolist()
        rest = np.concatenate([split.train, split.val])
        assert sorted(rest) == np.flatnonzero(RELEASE.official == "train").tolist()
        val = set(RELEASE.content_id[split.val])
        assert len(val) == 3
        assert val.isdisjoint(RELEASE.content_id[split.train])
    assert Protocol(kind="official", seed=6, val=0.2).splits(RELEASE)[0].hash == splits[1].hash


def test_an_official_release_can_be_split_at_random():
    (split,) = Protocol(test=0.5).splits(RELEASE)
    assert set(RELEASE.official[split.test]) == {"train", "test"}


def test_an_official_validation_part_is_kept():
    official = ["test", "validation", "train", "train"] * 5
    data = index([f"photo{i}" for i in range(20)], official)
    for split in Protocol(kind="official", n=2, val=0.5).splits(data):
        for part in ("train", "val", "test"):
            name = "validation" if part == "val" else part
            assert set(data.official[getattr(split, part)]) == {name}


TYPES = index(PHOTOGRAPHS, distortion=[("blur", "jpeg", "noise")[i // 20 % 3] for i in range(100)])


def test_leaving_one_distortion_out_holds_out_contents_too():
    splits = Protocol(kind="lodo", n=2, test=0.25).splits(TYPES)
    assert [s.name for s in splits] == [
        f"split{i}-{kind}" for i in range(2) for kind in ("blur", "jpeg", "noise")
    ]
    whole = Protocol(n=2, test=0.25).splits(TYPES)
    for i, split in enumerate(splits):
        kind = split.name.partition("-")[2]
        trained = np.concatenate([split.train, split.val])
        assert set(TYPES.distortion[split.test]) == {kind}
        assert set(TYPES.distortion[trained]) == {"blur", "jpeg", "noise"} - {kind}
        assert set(TYPES.content_id[trained]).isdisjoint(TYPES.content_id[split.test])
        drawn = whole[i // 3]
        assert split.seed == drawn.seed
        assert set(split.test) <= set(drawn.test)
        assert set(trained) <= set(drawn.train) | set(drawn.val)


def test_cross_trains_on_all_and_tests_on_none():
    for split in Protocol(kind="cross", n=2, val=0.2).splits(RELEASE):
        assert split.test.size == 0
        assert sorted(np.concatenate([split.train, split.val])) == list(range(100))
        assert len(set(RELEASE.content_id[split.val])) == 4


def test_what_training_has_seen_cannot_be_tested_on():
    (split,) = Protocol(test=0.2, val=0.2).splits(RELEASE)
    refuse_leak(split.seen, RELEASE.take(split.test))
    for rows in (split.train[:1], split.val[:1]):
        with pytest.raises(InputError, match=r"toy: content 'photo\d\d' was trained on .*\(1 such"):
            refuse_leak(split.seen, RELEASE.take([*split.test, *rows]))
    expected = hashlib.sha256(b"toy/photo07").hexdigest()[:16]
    assert RELEASE.content_hash[7] == expected
    elsewhere = index(PHOTOGRAPHS, database="toy/sample", family="toy")
    with pytest.raises(InputError, match="toy/sample: content"):
        refuse_leak(split.seen, elsewhere)
    refuse_leak(split.seen, index(PHOTOGRAPHS, family="another"))


def test_databases_of_the_same_photographs_are_refused_or_told():
    kin = index(["a", "b"], database="kin", family="toy")
    with pytest.raises(InputError, match=r"kin and toy were made from the same photographs"):
        Protocol(kind="cross").label_of_test(RELEASE, kin)
    told = Protocol(kind="cross", shared=True).label_of_test(RELEASE, kin)
    assert told == "cross-toy (shared photographs)"
    other = index(["a", "b"], database="other", family="other")
    assert Protocol(kind="cross").label_of_test(RELEASE, other) == "cross-toy"


@pytest.mark.parametrize(
    ("protocol", "label"),
    [
        (Protocol(), "random-90-10-seed0"),
        (Protocol(test=0.2, seed=3, n=10), "random-80-20-seed3"),
        (Protocol(test=0.3, val=0), "random-70-30-seed0"),
        (Protocol(test=0.125), "random-87.5-12.5-seed0"),
        (Protocol(kind="official", n=2), "official"),
        (Protocol(kind="lodo", test=0.2), "lodo-80-20-seed0"),
        (Protocol(kind="cross"), "cross-live"),
    ],
)
def test_labels(protocol, label):
    assert protocol.label("live") == label


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"kind": "loo"}, "kind: 'loo', expected random or official or lodo or cross"),
        ({"aggregate": "max"}, "aggregate: 'max', expected median or mean"),
        ({"n": 0}, "n: 0, expected"),
        ({"n": 1.5}, "n: 1.5, expected"),
        ({"seed": -1}, "seed: -1, expected"),
        ({"test": 0}, "test: 0, expected"),
        ({"test": 1}, "test: 1, expected"),
        ({"test": float("nan")}, "test: nan, expected"),
        ({"val": 1.0}, "val: 1.0, expected"),
        ({"val": -0.1}, "val: -0.1, expected"),
    ],
)
def test_a_field_out_of_range_is_refused(fields, says):
    with pytest.raises(InputError, match=says):
        Protocol(**fields)


@pytest.mark.parametrize(
    ("protocol", "data", "says"),
    [
        (Protocol(), index(["a"] * 9), "test takes 1 of 1 contents"),
        (Protocol(), index(["a", "b"] * 5), "validation takes 1 of 1 contents"),
        (Protocol(test=0.9), index(["a", "b", "c"] * 5), "test takes 3 of 3 contents"),
        (Protocol(kind="official"), index(["a", "b", "c"]), "official parts are none"),
        (
            Protocol(kind="official"),
            index(["a", "b"], ["train", "train"]),
            r"official parts are \['train'\], expected train and test",
        ),
        (
            Protocol(kind="official"),
            index(["a", "b", "a"], ["train", "train", "test"]),
            r"content 'a' is in train and test alike \(1 such\)",
        ),
        (Protocol(kind="lodo"), RELEASE, "protocol lodo on toy: found one type of distortion"),
        (
            Protocol(kind="lodo", test=0.5, val=0),
            index(["a", "b"], distortion=["blur", "jpeg"]),
            r"no (test|training) images of split0 with",
        ),
    ],
)
def test_a_split_that_cannot_be_is_refused(protocol, data, says):
    with pytest.raises(InputError, match=says):
        protocol.splits(data)


def test_without_validation_two_contents_are_enough():
    (split,) = Protocol(val=0).splits(index(["a", "b"]))
    assert [len(part) for part in parts(split)] == [1, 0, 1]
