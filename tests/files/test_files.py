"""Files are whole or not there, locks name their holder, and errors of the system are one line."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from jiqa import errors, files, interrupt
from jiqa.cli import main
from jiqa.errors import InputError


@pytest.mark.parametrize("error", [RuntimeError, OSError, KeyboardInterrupt])
def test_what_fails_leaves_the_file_as_it_was(tmp_path, error):
    path = tmp_path / "in" / "a.txt"
    files.write_text(path, "old")

    def fail():
        with files.writing(path) as part:
            part.write_text("ne")
            raise error

    with pytest.raises(error):
        fail()
    assert [file.name for file in path.parent.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"
    with files.writing(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_what_a_kill_left_is_overwritten(tmp_path):
    files.part(tmp_path / "a.npz").write_bytes(b"half")
    files.write_npz(tmp_path / "a.npz", {"x": np.arange(3)})
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]
    with np.load(tmp_path / "a.npz") as found:
        np.testing.assert_array_equal(found["x"], [0, 1, 2])


def test_a_full_disk_is_of_a_file(tmp_path):
    """/dev/full has no room, whoever writes."""
    files.part(tmp_path / "a.json").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as error:
        files.write_json(tmp_path / "a.json", {"x": "y" * 100_000})
    assert error.value.filename == str(tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []


def test_digest_csv_and_json(tmp_path):
    path = tmp_path / "a.csv"
    files.write_csv(path, [("name", "mos"), ("a, b", 1.5)])
    assert path.read_bytes() == b'name,mos\n"a, b",1.5\n'
    assert files.digest(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    files.write_json(path, {"x": 1})
    assert files.read_json(path, "x") == json.loads(path.read_text()) == {"x": 1}


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (None, "a.json: not a readable JSON file: No such file or directory, expected JSON with x"),
        (b"{", "a.json: not a readable JSON file: Expecting property name"),
        (b"\xff", "a.json: not a readable JSON file: 'utf-8' codec can't decode"),
        (b"[" * 100_000, "a.json: not a readable JSON file: maximum recursion depth"),
        (b"[1]", "a.json: found no x, expected JSON with x"),
        (b'{"y": 1}', "a.json: found no x, expected JSON with x"),
    ],
)
def test_json_that_is_not_as_expected_is_named(tmp_path, stored, message):
    if stored is not None:
        (tmp_path / "a.json").write_bytes(stored)
    with pytest.raises(InputError, match=message) as error:
        files.read_json(tmp_path / "a.json", "x")
    assert "\n" not in str(error.value)


HOLD = """
import sys, time
from pathlib import Path
from jiqa import files
path = Path(sys.argv[1])
with files.held(path, map(int, sys.argv[2:]), "a"), files.locked(path.with_name("lock2")):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds slots 1 and 3 of the lock at `tmp_path/in/lock`."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "in" / "lock"), "1", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def _hold(path, *slots):
    with files.held(path, slots, "workdir runs/a"):
        pass


def test_a_lock_names_its_holder_until_that_ends(holder, tmp_path):
    path = tmp_path / "in" / "lock"
    _hold(path, 0, 2, 4)
    expected = f"workdir runs/a: found process {holder.pid} on {os.uname().nodename} at work on it"
    for slots in ([1], [0, 1, 2], [3]):
        with pytest.raises(InputError, match=expected):
            _hold(path, *slots)
    holder.kill()
    holder.wait()
    _hold(path, 1, 3)


def test_who_waits_for_a_lock_says_so(holder, tmp_path, capsys):
    path = tmp_path / "in" / "lock2"
    subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -9 {holder.pid}"])
    with files.locked(path):
        assert holder.wait() == -signal.SIGKILL
    said = capsys.readouterr().err
    assert said == f"jiqa: {path}: waiting for process {holder.pid} on {os.uname().nodename}\n"


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (InputError("a: found b"), 2, "a: found b"),
        (
            PermissionError(13, "Permission denied", "/a/b.csv"),
            2,
            "/a/b.csv: permission denied, expected a place to read and write",
        ),
        (OSError(28, "No space left on device"), 2, "no space left on device"),
        (OSError("two\nlines"), 2, "two lines"),
        (KeyboardInterrupt(), 130, "interrupted; the same command goes on from there"),
        (
            interrupt.Interrupted(signal.SIGTERM, "step 3 is kept"),
            143,
            "terminated: step 3 is kept; the same command goes on from there",
        ),
    ],
)
def test_every_end_is_one_line_and_a_status(error, status, line, capsys):
    def run():
        raise error

    assert errors.ended(run) == status
    assert capsys.readouterr().err == f"jiqa: error: {line}\n"


def test_nobody_reads_on_is_no_error(capsys):
    def run():
        raise BrokenPipeError

    assert (errors.ended(run), errors.ended(run, unread=0)) == (141, 0)
    assert capsys.readouterr().err == ""


def test_a_workdir_below_a_file_is_one_line(tmp_path, capsys):
    (tmp_path / "runs").write_text("")
    for workdir in (tmp_path / "runs", tmp_path / "runs" / "a"):
        assert main.main(["reproduce", "iqa_nrtl/3", f"--workdir={workdir}"]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"jiqa: error: {workdir}: ")
        assert said.count("\n") == 1


def _process(code, **options):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_output_to_a_full_disk_is_one_line():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys; from jiqa.cli.main import main; sys.exit(main(['list']))",
            ],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, "jiqa: error: no space left on device\n")


TASKS = """
import asyncio, contextlib, gc, sys
from concurrent.futures import Future
from jiqa.errors import ended

FULL = "Failed to write 23184 bytes: File too large [os_error_code='27']"

@contextlib.asynccontextmanager
async def bytes_held():
    try:
        yield
    finally:
        await asyncio.sleep(0)

async def write(future):
    async with bytes_held():
        await future

async def fail(message):
    raise ValueError(message)

async def save(loop, message):
    writes = [asyncio.ensure_future(write(loop.create_future())) for _ in range(2)]
    await asyncio.sleep(0)
    writes += [asyncio.ensure_future(write(loop.create_future()))]
    writes += [asyncio.ensure_future(fail(message)) for _ in range(2)]
    await asyncio.wait(writes, return_when=asyncio.FIRST_COMPLETED)
    asyncio.ensure_future(write(None))
    raise ValueError(message)

def run():
    loop, written = asyncio.new_event_loop(), Future()
    written.add_done_callback(lambda _: loop.call_soon_threadsafe(print))
    with contextlib.suppress(ValueError):
        loop.run_until_complete(save(loop, MESSAGE))
    loop.close()
    written.set_result(None)
    gc.collect()
    raise OSError(27, "File too large")

sys.exit(ended(run))
"""


def test_only_one_of_many_writes_that_fail_is_told():
    """A loop of asyncio that ends as orbax's does: tasks failed, waiting and never begun."""

    def said(message):
        code = TASKS.replace("MESSAGE", message)
        command = [sys.executable, "-c", code]
        return subprocess.run(command, capture_output=True, text=True, check=False).stderr

    assert said("FULL") == "jiqa: error: file too large\n"
    other = said("'a fault of the program'")
    assert other.count("exception was never retrieved") == 2
    assert other.endswith("jiqa: error: file too large\n")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_anywhere_is_one_line_and_its_status(signum):
    code = """
    import sys, time
    from jiqa.errors import ended

    def run():
        print("on", flush=True)
        time.sleep(30)

    sys.exit(ended(run))
    """
    process = _process(code)
    assert process.stdout.readline() == "on\n"
    process.send_signal(signum)
    _, said = process.communicate()
    assert process.returncode == 128 + signum
    assert said.startswith("jiqa: error: ")
    assert said.count("\n") == 1


def test_a_signal_waits_for_what_is_not_to_be_broken_off():
    def work():
        with interrupt.deferred() as signals:
            os.kill(os.getpid(), signal.SIGINT)
            assert signals
            os.kill(os.getpid(), signal.SIGINT)  # a terminal's, beside one handed on
            raise OSError("a worker has gone")

    with pytest.raises(interrupt.Interrupted) as error:
        work()
    assert error.value.status == 130


def test_a_second_signal_does_not_wait():
    def work():
        with interrupt.deferred():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1.1)
            os.kill(os.getpid(), signal.SIGTERM)
            pytest.fail("it went on")

    with pytest.raises(interrupt.Interrupted):
        work()


class Last:
    """A signal comes while it is deleted, where Python ignores errors."""

    def __del__(self):
        signal.raise_signal(signal.SIGTERM)
        time.sleep(0)


def test_a_signal_in_a_finalizer_is_raised_after_it(capfd):
    def first():
        with interrupt.raised():
            Last()
            time.sleep(20)

    def second():
        with interrupt.deferred():
            signal.raise_signal(signal.SIGINT)
            time.sleep(1.1)
            Last()
            time.sleep(20)

    began = time.monotonic()
    for work in (first, second):
        with pytest.raises(interrupt.Interrupted) as error:
            work()
        assert (str(error.value), error.value.status) == ("terminated", 143)
    assert time.monotonic() - began < 10
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_run_gets_the_signal_and_ends_first(signum, tmp_path):
    """As `jiqa reproduce` runs a training, which saves its state before it ends."""
    child = """
    import sys, time
    from pathlib import Path
    from jiqa import interrupt

    with interrupt.deferred() as signals:
        print("on", flush=True)
        while not signals:
            time.sleep(0.01)
        time.sleep(0.5)
        Path(sys.argv[1]).write_text("saved")
    """
    code = f"""
    import os, sys
    from jiqa import errors, interrupt

    command = [sys.executable, "-c", {textwrap.dedent(child)!r}, {str(tmp_path / "state")!r}]
    sys.exit(errors.ended(lambda: interrupt.run(command, os.environ)))
    """
    process = _process(code)
    assert process.stdout.readline() == "on\n"
    process.send_signal(signum)
    process.communicate()
    assert process.returncode == 128 + signum
    assert (tmp_path / "state").read_text() == "saved"
