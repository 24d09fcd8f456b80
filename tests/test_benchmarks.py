"""Benchmarks: they run, and their figures are computed right."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def measure():
    spec = importlib.util.spec_from_file_location("measure", BENCHMARKS / "measure.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_functions_take_turns_and_the_first_call_stands_apart(measure):
    calls = []
    rows = [measure.Row(name, lambda name=name: calls.append(name), 8) for name in "ab"]
    measure.measure(rows, warm=1, repeats=2)
    assert "".join(calls) == "ab" + "ab" + "abab"
    assert [len(row.seconds) for row in rows] == [2, 2]


def test_summary_and_ratio(measure):
    ours = measure.Row("train step", print, 8, seconds=[0.4, 0.2, 0.3])
    peer = measure.Row("train step, PyTorch NCHW", print, 8, seconds=[0.1, 0.2, 0.4])
    rows = {row.name: row.summary() for row in (ours, peer)}
    assert rows["train step"]["median_ms"] == pytest.approx(300)
    assert rows["train step"]["minimum_ms"] == pytest.approx(200)
    assert rows["train step"]["images_per_s"] == pytest.approx(8 / 0.3)
    ratio = measure.ratios(rows)["train step, PyTorch NCHW"]
    assert ratio == pytest.approx({"median_ms": 1.5, "minimum_ms": 2})


def test_train_step_measures_step_input_and_waiting(tmp_path):
    output = tmp_path / "speed.json"
    small = ["--batch=2", "--size=32", "--width=4", "--stage_sizes=1,1,1,1", "--repeats=2"]
    command = [sys.executable, BENCHMARKS / "train_step.py", *small, f"--output={output}"]
    one = os.environ | {"JAX_NUM_CPU_DEVICES": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=one, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    results = json.loads(output.read_text())
    assert {"forward", "train step"} <= set(results["rows"])
    for kind in ("streamed", "resident"):
        assert {f"train step and input, {kind}", f"input alone, {kind}"} <= set(results["rows"])
        assert 0 <= results["waiting_for_input"][kind] < 1
    assert all(row["images_per_s"] > 0 for row in results["rows"].values())
    assert "| train step |" in done.stdout


def test_measures_are_timed_beside_their_peers(tmp_path):
    output = tmp_path / "measures.json"
    what = ["--metric=psnr,ssim.skimage", "--shape=2,32,40", "--repeats=2", f"--output={output}"]
    command = [sys.executable, BENCHMARKS / "measures.py", *what]
    done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    rows = json.loads(output.read_text())["rows"]
    expected = {"psnr", "psnr, skimage peak_signal_noise_ratio", "ssim.skimage"}
    assert expected <= set(rows)
    ours, peer = rows["ssim.skimage"], rows["ssim.skimage, skimage structural_similarity"]
    assert peer["ratio"] == pytest.approx(peer["median_ms"] / ours["median_ms"])
    assert ours["images_per_s"] == pytest.approx(2e3 / ours["median_ms"])


def test_readme_sets_measures_beside_their_fastest_peer(tmp_path):
    def row(ms, **more):
        return {"minimum_ms": ms, "median_ms": 2 * ms, "first_s": 1.5, "peak_mb": 10, **more}

    def store(name, rows):
        run = {"machine": {"devices": "1 x cpu", "cores": 2}, "shape": "4,32,40", "rows": rows}
        (tmp_path / name).write_text(json.dumps(run))
        return tmp_path / name

    peers = {"ssim, piq ssim": row(6.0), "ssim, pyiqa ssim": row(9.0)}
    files = [
        store("a.json", {"ssim": row(99.0), **peers}),
        store("b.json", {"ssim": row(4.0), "psnr": row(1.0)}),
    ]
    page = tmp_path / "page.md"
    page.write_text("before <!-- timings:begin --> old <!-- timings:end --> after")
    command = [sys.executable, BENCHMARKS / "measures.py", f"--readme={page}"]
    command += [f"--record={tmp_path / 'runs.jsonl'}", "--results", *files]
    done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert text.startswith("before ")
    assert text.endswith(" after")
    assert "old" not in text
    psnr, ssim = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in text.splitlines()
        if line.startswith(("| psnr  ", "| ssim  "))
    ]
    assert psnr == ["psnr", "1.0", "4000.0", "1.5", "10", "", "", "", "", "no"]
    assert ssim == ["ssim", "4.0", "1000.0", "1.5", "10", "piq ssim", "6.0", "1.5", "10", "no"]
    kept = [json.loads(line) for line in (tmp_path / "runs.jsonl").read_text().splitlines()]
    assert [(each["kind"], each["metric"], each["ms"]) for each in kept] == [
        ("timing", "psnr", 1.0),
        ("timing", "ssim", 4.0),
    ]
    assert (kept[1]["machine"], kept[1]["ratio"], kept[1]["batch"]) == ("1 x cpu, 2 cores", 1.5, 4)
