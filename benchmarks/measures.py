"""Times every measure beside its peers, in turns, each in a process of its own.

    python benchmarks/measures.py --peer_python=PEERS/bin/python --output=measures.json

The peers (pyiqa, piq, scikit-image, lpips) need an environment with them; what doesn't run has no
row. The first call compiles; it stands apart. Memory is the peak above what the inputs take.
With --readme the page's table is written, of this run or, with --results, of earlier ones' JSON.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from measure import Row, machine, measure

from jiqa.errors import InputError
from jiqa.metrics import registry
from jiqa.results import render
from jiqa.results.summary import markdown

BEGIN, END = "<!-- measures:begin -->", "<!-- measures:end -->"
VERSIONS = """
import importlib.metadata as m
for name in ("pyiqa", "piq", "scikit-image", "lpips", "torch"):
    try: print(name, m.version(name))
    except m.PackageNotFoundError: pass
"""
WORKER = Path(__file__).with_name("measures_worker.py")

# What computes the same in another library, without downloading anything; the same but for the step
# that our docstring names (rounding, a border, antialiasing), and for MAD's filters.
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
    """A process that calls one measure of one library when it is asked to."""

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
        """One call."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.last = self._answer()

    def _answer(self) -> list[float]:
        """Seconds of the call and peak memory in MB; nothing where the library doesn't run."""
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        return [] if not words or words[0] == "missing:" else [float(word) for word in words]

    def close(self) -> None:
        """Ends the process."""
        self.process.communicate()


def main() -> None:
    """Measures what the flags ask for; prints a table, and writes it as JSON."""
    parser = argparse.ArgumentParser(description="Times measures beside their peers.")
    parser.add_argument("--metric", help="names, parted by commas [all]")
    parser.add_argument("--shape", default="4,384,512", help="batch, height, width [4,384,512]")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--peer_python", default=sys.executable, help="interpreter with the peers")
    parser.add_argument("--seconds", type=float, default=60, help="of a measure, about [60]")
    parser.add_argument("--params", default="", help="NAME=FILE+FILE, parted by commas")
    parser.add_argument("--peer_params", default="", help="of pyiqa: NAME=FILE, parted by commas")
    parser.add_argument("--output", help="JSON file")
    parser.add_argument("--results", nargs="+", help="JSON of earlier runs: nothing is measured")
    parser.add_argument("--readme", help="page whose table to write")
    arguments = parser.parse_args()
    results = _read(arguments.results) if arguments.results else _run(arguments)
    if arguments.readme:
        try:
            render.rewrite(arguments.readme, BEGIN, END, _section(results))
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
        results["rows"] |= rows
        if arguments.output:
            Path(arguments.output).write_text(json.dumps(results, indent=1))
    return results


def _compare(
    name: str, arguments: argparse.Namespace, params: str, theirs: str
) -> dict[str, dict[str, float]]:
    """Rows of a measure and its peers, `NAME` and `NAME, LIBRARY FUNCTION`."""
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
    # One repeat is all there is time for: the first call has to do for warming up.
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
    """Results of several runs as one; of a measure in two of them, the later file's."""
    runs = [json.loads(Path(file).read_text()) for file in files]
    for run, file in zip(runs, files, strict=True):
        for key in ("machine", "shape"):
            if run[key] != runs[0][key]:
                sys.exit(f"{file}: found {key} {run[key]}, expected {runs[0][key]} as {files[0]}")
    return runs[0] | {"rows": {name: row for run in runs for name, row in run["rows"].items()}}


def _section(results: dict[str, Any]) -> str:
    """Ours beside the fastest peer, in the README's form."""
    rows, images = results["rows"], int(results["shape"].split(",")[0])
    table = []
    for name in registry.METRICS:
        if name not in rows:
            continue
        peers = {key: row for key, row in rows.items() if key.startswith(f"{name}, ")}
        fastest = min(peers, key=lambda key: peers[key]["minimum_ms"], default=None)
        beside = ["", "", "", ""]
        if fastest:
            peer = peers[fastest]
            ratio = peer["minimum_ms"] / rows[name]["minimum_ms"]
            beside = [fastest.removeprefix(f"{name}, "), f"{peer['minimum_ms']:.1f}"]
            beside += [f"{ratio:.1f}", f"{peer['peak_mb']:.0f}"]
        row = rows[name]
        figures = [f"{row['minimum_ms']:.1f}", f"{1e3 * images / row['minimum_ms']:.1f}"]
        figures += [f"{row['first_s']:.1f}", f"{row['peak_mb']:.0f}"]
        table.append([name, *figures, *beside])
    header = ["measure", "ms", "images/s", "first call, s", "peak, MB"]
    header += ["fastest peer", "its ms", "times ours", "its peak, MB"]
    facts = ", ".join(f"{key} {value}" for key, value in results["machine"].items())
    shape = results["shape"].replace(",", " x ")
    what = f"Batch, height, width: {shape}. Shortest of the calls; {facts}."
    return f"\n{what}\n\n{markdown(header, table)}\n"


if __name__ == "__main__":
    main()
