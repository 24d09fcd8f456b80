"""Times of every metric and of other libraries' metrics, in turns, each in its own process.

    python benchmarks/measures.py --peer_python=PEERS/bin/python --output=measures.json

The other libraries (pyiqa, piq, scikit-image, lpips) need an environment with them; a library that
does not run has no row. The first call, which compiles, is reported separately. Memory is the peak
above the inputs' memory. With --readme, the rows are added to --record, and the page and the docs
beside it are rendered: rows of this run or, with --results, of JSON files of earlier runs.
"""

import argparse
import datetime
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from measure import Row, machine, measure

from jiqa.errors import InputError
from jiqa.files import write_json
from jiqa.metrics import registry
from jiqa.results import pages, record

VERSIONS = """
import importlib.metadata as m
for name in ("pyiqa", "piq", "scikit-image", "lpips", "torch"):
    try: print(name, m.version(name))
    except m.PackageNotFoundError: pass
"""
WORKER = Path(__file__).with_name("measures_worker.py")

# The same metrics in other libraries, without downloads. Docstrings of jiqa's functions name the
# differences (rounding, a border, antialiasing); MAD's filters differ too.
PEERS = {
    "psnr": ("pyiqa psnr", "piq psnr", "skimage peak_signal_noise_ratio"),
    "psnry": ("pyiqa psnry",),
    "ssim": ("pyiqa ssim", "piq ssim"),
    "ssim.skimage": ("skimage structural_similarity",),
    "ms_ssim.pyiqa": ("pyiqa ms_ssim", "piq multi_scale_ssim"),
    "fsim": ("pyiqa fsim_grey", "piq fsim_grey"),
    "fsimc": ("pyiqa fsim", "piq fsim"),
    "vif": ("pyiqa vif",),
    "vifp": ("piq vif_p",),
    "gmsd": ("pyiqa gmsd", "piq gmsd"),
    "vsi": ("pyiqa vsi", "piq vsi"),
    "nlpd": ("pyiqa nlpd",),
    "mad": ("pyiqa mad",),
    "lpips": ("lpips alex",),
    "lpips.vgg": ("lpips vgg",),
    "brisque": ("pyiqa brisque",),
    "niqe": ("pyiqa niqe",),
    "ilniqe": ("pyiqa ilniqe",),
    "piqe": ("pyiqa piqe",),
}


class Worker:
    """A process that calls one metric of one library on request."""

    def __init__(self, python: str, words: list[str]) -> None:
        self.process = subprocess.Popen(
            [python, WORKER, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.first = self._answer()
        self.last = self.first

    def __call__(self) -> None:
        """Makes one call, and waits for its end."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.last = self._answer()

    def _answer(self) -> list[float]:
        """Seconds of the call and peak memory in MB; empty if the library doesn't run."""
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        return [] if not words or words[0] == "missing:" else [float(word) for word in words]

    def close(self) -> None:
        """Ends the process."""
        self.process.communicate()


def main() -> None:
    """Times the metrics, prints a table, and writes JSON, as the command line says."""
    parser = argparse.ArgumentParser(description="Times metrics and other libraries' metrics.")
    parser.add_argument("--metric", help="names, separated by commas [all]")
    parser.add_argument("--shape", default="4,384,512", help="batch, height, width [4,384,512]")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--peer_python", default=sys.executable, help="interpreter with the peers")
    parser.add_argument("--seconds", type=float, default=60, help="about, per metric [60]")
    parser.add_argument("--params", default="", help="NAME=FILE+FILE, separated by commas")
    parser.add_argument("--peer_params", default="", help="pyiqa's: NAME=FILE,...")
    parser.add_argument("--output", help="JSON file")
    parser.add_argument("--results", nargs="+", help="JSON of earlier runs; times nothing")
    parser.add_argument("--readme", help="page to render, with the docs beside it")
    parser.add_argument("--record", default=record.PATH, help=f"record of runs [{record.PATH}]")
    arguments = parser.parse_args()
    results = _read(arguments.results) if arguments.results else _run(arguments)
    if arguments.readme:
        try:
            pages.publish(_records(results), arguments.record, arguments.readme)
        except InputError as error:
            sys.exit(str(error))


def _run(arguments: argparse.Namespace) -> dict[str, Any]:
    params, theirs = (
        dict(item.split("=") for item in text.split(",") if item)
        for text in (arguments.params, arguments.peer_params)
    )
    names = arguments.metric.split(",") if arguments.metric else list(registry.METRICS)
    peers = subprocess.run(
        [arguments.peer_python, "-c", VERSIONS], capture_output=True, text=True, check=True
    )
    versions = dict(line.split() for line in peers.stdout.splitlines())
    results: dict[str, Any] = {"machine": machine() | versions}
    results |= {"shape": arguments.shape, "rows": {}}
    print(_heading(results))
    for name in names:
        rows = _compare(name, arguments, params.get(name, ""), theirs.get(name, ""))
        print(_markdown(rows), flush=True)
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        results["rows"] |= {key: {**row, "date": today} for key, row in rows.items()}
        if arguments.output:
            write_json(arguments.output, results)
    return results


def _compare(
    name: str, arguments: argparse.Namespace, params: str, theirs: str
) -> dict[str, dict[str, float]]:
    """Rows of a metric and its peers, `NAME` and `NAME, LIBRARY FUNCTION`."""
    what = [registry.entry(name).kind, "--shape", *arguments.shape.split(",")]
    files = ["--params", *params.split("+")] if params else []
    workers = {name: Worker(sys.executable, ["jiqa", name, *what, *files])}
    for peer in PEERS.get(name, ()):
        files = ["--params", theirs] if theirs else []
        words = [*peer.split(), *what, *files]
        workers[f"{name}, {peer}"] = Worker(arguments.peer_python, words)
    images = int(what[2])
    ran = {key: worker for key, worker in workers.items() if worker.first}
    rows = [Row(key, worker, images, first=worker.first[0]) for key, worker in ran.items()]
    if not ran:
        return {}
    turn = sum(row.first for row in rows)
    repeats = min(arguments.repeats, max(1, int(arguments.seconds / turn)))
    # With time for one repeat only, the first call is the warm-up.
    measure(rows, warm=int(repeats > 1), repeats=repeats)
    found = {row.name: {**row.summary(), "peak_mb": ran[row.name].last[1]} for row in rows}
    for worker in workers.values():
        worker.close()
    for key, row in found.items():
        if key != name and name in found:
            row["ratio"] = row["median_ms"] / found[name]["median_ms"]
    return found


def _heading(results: dict[str, Any]) -> str:
    lines = [
        ", ".join(f"{key} {value}" for key, value in results["machine"].items()),
        f"batch, height, width: {results['shape']}",
        "",
        "| | first call, s | median, ms | images/s | peak, MB | times ours |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join(lines)


def _markdown(rows: dict[str, dict[str, float]]) -> str:
    lines = []
    for name, row in rows.items():
        ratio = f"{row['ratio']:.2f}" if "ratio" in row else ""
        lines.append(
            f"| {name} | {row['first_s']:.1f} | {row['median_ms']:.1f} "
            f"| {row['images_per_s']:.1f} | {row['peak_mb']:.0f} | {ratio} |"
        )
    return "\n".join(lines)


def _read(files: list[str]) -> dict[str, Any]:
    """Results of several runs merged; of a metric in two runs, the later file's."""
    runs = [json.loads(Path(file).read_text()) for file in files]
    for run, file in zip(runs, files, strict=True):
        for key in ("machine", "shape"):
            if run[key] != runs[0][key]:
                sys.exit(f"{file}: found {key} {run[key]}, expected {runs[0][key]} as {files[0]}")
    return runs[0] | {"rows": {name: row for run in runs for name, row in run["rows"].items()}}


def _records(results: dict[str, Any]) -> list[record.TimingRecord]:
    """jiqa's times and the fastest peer's, for every metric that was timed."""
    rows = results["rows"]
    facts = {name: str(value) for name, value in results["machine"].items()}
    machine = f"{facts.pop('devices')}, {facts.pop('cores')} cores"
    batch, height, width = map(int, results["shape"].split(","))
    found = []
    for name in registry.METRICS:
        if name not in rows:
            continue
        row = rows[name]
        peers = {key: each for key, each in rows.items() if key.startswith(f"{name}, ")}
        fastest = min(peers, key=lambda key: peers[key]["minimum_ms"], default=None)
        comparison = {}
        if fastest:
            comparison = {
                "peer": fastest.removeprefix(f"{name}, "),
                "peer_ms": peers[fastest]["minimum_ms"],
                "peer_mb": peers[fastest]["peak_mb"],
                "ratio": peers[fastest]["minimum_ms"] / row["minimum_ms"],
            }
        found.append(
            record.TimingRecord(
                metric=name,
                batch=batch,
                height=height,
                width=width,
                machine=machine,
                versions=facts,
                ms=row["minimum_ms"],
                images_per_s=1e3 * batch / row["minimum_ms"],
                first_s=row["first_s"],
                peak_mb=row["peak_mb"],
                checked=row.get("checked", False),
                date=row.get("date"),
                **comparison,
            )
        )
    return found


if __name__ == "__main__":
    main()
