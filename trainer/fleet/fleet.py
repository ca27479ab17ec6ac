#!/usr/bin/env python3
"""Runs the trainer on a list of scans on many machines, a task of ray for each scan.

    pip install -r requirements.txt
    python fleet.py --out s3://bucket/found segment s3://bucket/rooms --prompt "chair. table"
    python fleet.py --out s3://bucket/parts eval s3://bucket/rooms --protocol scannet
    python fleet.py --out /mnt/labels pseudo network s3://bucket/rooms
    python fleet.py prepare frames s3://bucket/recordings s3://bucket/bundles

A task is `trainer ... --shard I/N`: one scan of the list. What it writes is stored when it is complete, the file that says so last, so a worker that
is killed leaves nothing, its scan is done by another one, and a run that was stopped goes on where it was. At the end the results of all scans are told
together (`--join`), as one process tells them. docs/many-machines.md has the rest.
"""

import argparse
import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

# Ray reports to its makers what it is used for, unless this is set before it is imported.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import boto3
import ray

# The end of the name of the file that is stored last, by command. `prepare` stores its bundles itself.
LAST_FILE = {"segment": ".summary.json", "eval": ".found.safetensors", "pseudo": ".pseudo.safetensors", "prepare": None}
# Commands that tell the results of all scans together.
JOINED = ("segment", "eval")
# Options of the trainer that are given here.
OURS = ("--shard", "--list", "--join", "--skip-done", "--out")
# How the temporary folders of tasks begin; the number of their process follows.
TEMPORARY = "segscape-fleet-"
# The argument of prctl(2) that says which signal a process gets when its parent ends.
PR_SET_PDEATHSIG = 1


class Failed(Exception):
    """What the trainer said when it failed."""


class Folder:
    """Results in a folder that all machines share."""

    def __init__(self, place: str):
        self.path = Path(place).absolute()

    def names(self) -> set[str]:
        return {file.name for file in self.path.iterdir()} if self.path.is_dir() else set()

    def put(self, file: Path):
        self.path.mkdir(parents=True, exist_ok=True)
        part = self.path / f".{file.name}.part{os.uname().nodename}-{os.getpid()}"
        shutil.copyfile(file, part)
        os.replace(part, self.path / file.name)

    def get(self, name: str, to: Path):
        shutil.copyfile(self.path / name, to)


class Bucket:
    """Results in a folder of an object store; who may read and write there is said by the usual AWS_ variables."""

    def __init__(self, address: str):
        self.bucket, _, folder = address.removeprefix("s3://").partition("/")
        self.prefix = f"{folder.strip('/')}/" if folder.strip("/") else ""
        self.client = boto3.client("s3")

    def names(self) -> set[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix, Delimiter="/")
        return {entry["Key"].removeprefix(self.prefix) for page in pages for entry in page.get("Contents", [])}

    def put(self, file: Path):
        self.client.upload_file(str(file), self.bucket, self.prefix + file.name)

    def get(self, name: str, to: Path):
        self.client.download_file(self.bucket, self.prefix + name, str(to))


def store(place: str) -> Folder | Bucket:
    if place.startswith("s3://"):
        return Bucket(place)
    if "://" in place:
        raise SystemExit(f"{place} is not supported, a folder and s3:// are")
    return Folder(place)


def end_with_parent():
    """Ends this process with the one that started it: who is killed cannot end its children."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def clear_up():
    """Removes the temporary folders of tasks that were killed on this machine."""
    for folder in Path(tempfile.gettempdir()).glob(f"{TEMPORARY}*"):
        number = folder.name.removeprefix(TEMPORARY).partition("-")[0]
        if number.isdecimal() and not Path("/proc", number).exists() and Path("/proc").is_dir():
            shutil.rmtree(folder, ignore_errors=True)


def take(program: list[str], folder: str, part: str, out: str | None, last: str | None, threads: int):
    """Does one part, and stores what it gives."""
    clear_up()
    with tempfile.TemporaryDirectory(prefix=f"{TEMPORARY}{os.getpid()}-") as temporary:
        line = [*program, "--shard", part, *(["--out", temporary] if last else [])]
        environment = {**os.environ, "RAYON_NUM_THREADS": str(threads), "RUST_BACKTRACE": "0"}
        done = subprocess.run(line, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=end_with_parent)
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines()[-5:]
            raise Failed("\n".join(said) or f"the trainer ended with {done.returncode}")
        if last:
            results = store(out)
            for file in sorted(Path(temporary).iterdir(), key=lambda file: (file.name.endswith(last), file.name)):
                results.put(file)


@contextlib.contextmanager
def beside_the_results():
    """Lets whatever is printed meanwhile go to the standard error: ray prints what happens to its workers, and the standard output is for results."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def trainer(line: list[str], folder: str) -> str:
    """What the trainer prints."""
    done = subprocess.run(line, cwd=folder, stdout=subprocess.PIPE)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(line)} ended with {done.returncode}")
    return done.stdout.decode()


def run_all(names: list[str], wanted: list[int], program: list[str], options: argparse.Namespace) -> list[str]:
    """Runs the tasks. Returns the names of those that failed."""
    if options.here:
        ray.init(address="local", num_cpus=options.here * options.cpus)
    else:
        ray.init()
    task = ray.remote(num_cpus=options.cpus, num_gpus=options.gpus, max_retries=options.retries, retry_exceptions=True)(take)
    last = LAST_FILE[options.command]
    waiting = {
        task.remote(program, options.folder, f"{index}/{len(names)}", options.out, last, options.cpus): names[index] for index in wanted
    }
    failed, total = [], len(waiting)
    while waiting:
        [ready], _ = ray.wait(list(waiting), num_returns=1)
        name = waiting.pop(ready)
        try:
            ray.get(ready)
            print(f"{total - len(waiting)}/{total} {name}", file=sys.stderr, flush=True)
        except ray.exceptions.RayError as error:
            failed.append(name)
            print(f"{total - len(waiting)}/{total} {name} failed: {getattr(error, 'cause', None) or error}", file=sys.stderr, flush=True)
    ray.shutdown()
    return failed


def join(names: list[str], program: list[str], options: argparse.Namespace) -> int:
    """Tells the results of all scans together."""
    results, last = store(options.out), LAST_FILE[options.command]
    there = results.names()
    with tempfile.TemporaryDirectory() as temporary:
        for name in names:
            if name + last in there:
                results.get(name + last, Path(temporary, name + last))
        extra = ["--out", temporary] if options.command == "segment" else []
        return subprocess.run([*program, "--join", temporary, *extra], cwd=options.folder).returncode


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", help="folder or s3://bucket/folder for the results; prepare has its own")
    parser.add_argument("--trainer", default="trainer", help="path of the trainer, on every machine")
    parser.add_argument("--folder", default=os.getcwd(), help="folder in which the trainer runs, on every machine; the default model is in its static/models")
    parser.add_argument("--cpus", type=int, default=1, help="cores of a task")
    parser.add_argument("--gpus", type=float, default=0, help="GPUs of a task; say --device gpu after the command")
    parser.add_argument("--retries", type=int, default=2, help="how often a scan is tried again")
    parser.add_argument("--here", type=int, metavar="WORKERS", help="use this machine alone, with so many tasks at a time, in place of a cluster")
    parser.add_argument("--again", action="store_true", help="do scans again whose results are there")
    parser.add_argument("command", choices=LAST_FILE)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what follows in the trainer's command line")
    options = parser.parse_args(arguments)
    ours = [word for word in options.arguments if word.split("=")[0] in OURS]
    if ours:
        parser.error(f"{ours[0]} is given to the trainer by this program")
    if options.command == "prepare" and options.out:
        parser.error("prepare has the place of its bundles among its own arguments")
    if options.command != "prepare" and not options.out:
        parser.error("--out is needed: a folder that all machines share, or s3://bucket/folder")
    if options.cpus < 1 or options.retries < 0 or (options.here or 1) < 1:
        parser.error("--cpus and --here must be at least 1, and --retries at least 0")
    return options


def main() -> int:
    options = parse(sys.argv[1:])
    program, last = [options.trainer, options.command, *options.arguments], LAST_FILE[options.command]
    # A folder is asked for even where nothing is written.
    listing = [*program, "--list", *(["--out", "."] if options.command == "pseudo" else [])]
    names = [json.loads(line)["name"] for line in trainer(listing, options.folder).splitlines()]
    there = store(options.out).names() if last and not options.again else set()
    wanted = [index for index, name in enumerate(names) if not last or name + last not in there]
    print(f"{len(names)} scans, {len(names) - len(wanted)} were done before", file=sys.stderr)
    if options.command == "prepare" and options.again:
        program.append("--again")
    with beside_the_results():
        failed = run_all(names, wanted, program, options) if wanted else []
    if options.command in JOINED:
        told = join(names, program, options)
        return told or bool(failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
