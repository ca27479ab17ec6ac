#!/usr/bin/env python3
"""Checks fleet.py on this machine: two workers of ray, an object store (moto), and the results of one process to compare with.

    python3 -m venv fleet && fleet/bin/pip install -r trainer/fleet/requirements.txt && fleet/bin/pip install --no-deps -r server/tests/moto.txt
    cargo build --locked --release --package trainer
    fleet/bin/python trainer/fleet/test_fleet.py

It runs in the project's folder, with the network there. SEGSCAPE_TRAINER names another trainer.
"""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

PROJECT = Path(__file__).resolve().parents[2]
FLEET = Path(__file__).resolve().parent / "fleet.py"
TRAINER = os.environ.get("SEGSCAPE_TRAINER", str(PROJECT / "target/release/trainer"))
ROOMS = 6
# Seconds to wait for what takes a moment, on a busy machine.
SOON = 120


def trainer(*arguments: str) -> str:
    return subprocess.run([TRAINER, *arguments], cwd=PROJECT, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def fleet(*arguments: str) -> subprocess.Popen:
    line = [sys.executable, str(FLEET), "--trainer", TRAINER, "--here", "2", *arguments]
    return subprocess.Popen(line, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def processes() -> dict[int, tuple[int, str]]:
    """Parent and command line of every process."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            found[int(folder.name)] = (parent, (folder / "cmdline").read_text().replace("\0", " "))
        except (OSError, ValueError, IndexError):
            continue
    return found


def busy_workers(program: int) -> dict[int, int]:
    """The trainers below a program, by their workers of ray."""
    all_of_them = processes()

    def is_below(number: int) -> bool:
        while number in all_of_them and number != program:
            number = all_of_them[number][0]
        return number == program

    trainers = [number for number, (_, line) in all_of_them.items() if line.startswith(TRAINER + " ") and "--shard" in line]
    return {all_of_them[number][0]: number for number in trainers if is_below(number)}


def without_time(summary: bytes) -> dict:
    """A summary but for how long it took."""
    value = json.loads(summary)
    value["json"] = {key: of for key, of in json.loads(value["json"]).items() if key != "ms"}
    value["words"] = re.sub(r"\([0-9.]+ s\)", "", value["words"])
    return value


class Fleet(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.path = Path(cls.temporary.name)
        # Every request of the store would be told.
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        cls.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        cls.server.start()
        host, port = cls.server.get_host_and_port()
        os.environ |= {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "anybody",
            "AWS_SECRET_ACCESS_KEY": "anything",
        }
        cls.client = boto3.client("s3")
        cls.client.create_bucket(Bucket="bucket")
        trainer("synth", "--out", str(cls.path / "rooms"), "--count", str(ROOMS))
        for file in (cls.path / "rooms").iterdir():
            cls.client.upload_file(str(file), "bucket", f"rooms/{file.name}")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.temporary.cleanup()

    def stored(self, folder: str) -> dict[str, bytes]:
        """The files in a folder of the store."""
        listed = self.client.list_objects_v2(Bucket="bucket", Prefix=folder + "/").get("Contents", [])
        read = lambda key: self.client.get_object(Bucket="bucket", Key=key)["Body"].read()
        return {entry["Key"].removeprefix(folder + "/"): read(entry["Key"]) for entry in listed}

    def ended(self, program: subprocess.Popen, status: int = 0) -> tuple[str, str]:
        out, said = program.communicate(timeout=5 * SOON)
        self.assertEqual(program.returncode, status, said)
        return out, said

    def assert_same(self, found: dict[str, bytes], expected: dict[str, bytes]):
        self.assertEqual(sorted(found), sorted(expected))
        for name in found:
            if name.endswith(".summary.json"):
                self.assertEqual(without_time(found[name]), without_time(expected[name]), name)
            else:
                self.assertEqual(found[name], expected[name], name)

    def test_a_killed_worker_loses_nothing(self):
        asked = ["segment", "s3://bucket/rooms", "--json"]
        lines = trainer(*asked, "--shard", "0/1", "--out", str(self.path / "one"))
        program = fleet("--out", "s3://bucket/found", *asked)
        began = time.monotonic()
        while not (busy := busy_workers(program.pid)) or not self.stored("found"):
            self.assertIsNone(program.poll(), "it ended before a worker could be killed")
            self.assertLess(time.monotonic() - began, SOON, "no worker began")
            time.sleep(0.02)
        worker, its_trainer = next(iter(busy.items()))
        os.kill(worker, signal.SIGKILL)
        done_before = len(self.stored("found"))
        while its_trainer in busy_workers(program.pid).values():
            self.assertLess(time.monotonic() - began, SOON, "its trainer goes on")
            time.sleep(0.02)
        told, said = self.ended(program)
        self.assertIn(f"{ROOMS}/{ROOMS} ", said)
        self.assertLess(done_before, 3 * ROOMS, "it was not in the middle")
        self.assert_same(self.stored("found"), {file.name: file.read_bytes() for file in (self.path / "one").iterdir()})
        self.assertEqual(len(told.splitlines()), ROOMS, told)
        without = lambda text: [{key: of for key, of in json.loads(line).items() if key != "ms"} for line in text.splitlines()]
        self.assertEqual(without(told), without(lines))

        # A second run has nothing to do, and tells the same; what is gone is done again.
        self.client.delete_object(Bucket="bucket", Key="found/room_0_00001.summary.json")
        again, said = self.ended(fleet("--out", "s3://bucket/found", *asked))
        self.assertIn(f"{ROOMS} scans, {ROOMS - 1} were done before", said)
        self.assertEqual(without(again), without(lines))

    def test_figures_are_those_of_one_process(self):
        for protocol in ["scannet", "class-agnostic"]:
            asked = ["eval", "s3://bucket/rooms", "--protocol", protocol, "--json"]
            told, _ = self.ended(fleet("--out", f"s3://bucket/{protocol}", *asked))
            self.assertEqual(told, trainer(*asked))
            self.assertEqual(json.loads(told)["scans"], ROOMS)

    def test_labels_and_bundles_are_those_of_one_process(self):
        network = next((PROJECT / "static/models").glob("*/manifest.json")).parent.relative_to(PROJECT)
        trainer("pseudo", str(network), "s3://bucket/rooms", "--out", str(self.path / "labels"))
        # These go to a folder.
        self.ended(fleet("--out", str(self.path / "fleet-labels"), "pseudo", str(network), "s3://bucket/rooms"))
        read = lambda folder: {file.name: file.read_bytes() for file in folder.iterdir()}
        self.assert_same(read(self.path / "fleet-labels"), read(self.path / "labels"))

        recording = self.path / "recording"
        zipfile.ZipFile(PROJECT / "static/samples/living-room.zip").extractall(recording)
        for file in recording.rglob("*"):
            for scene in ["first", "second"] if file.is_file() else []:
                self.client.upload_file(str(file), "bucket", f"recordings/{scene}/{file.relative_to(recording).as_posix()}")
        kind = ["prepare", "frames", "s3://bucket/recordings"]
        trainer(*kind, "s3://bucket/bundles")
        self.ended(fleet(*kind, "s3://bucket/fleet-bundles"))
        expected = self.stored("bundles")
        self.assertIn("second/foundation.json", expected)
        self.assert_same(self.stored("fleet-bundles"), expected)

    def test_a_scan_that_is_refused_is_named_and_the_others_are_done(self):
        self.client.put_object(Bucket="bucket", Key="mixed/broken.ply", Body=b"ply\nnot at all")
        room = (self.path / "rooms/room_0_00003.ply").read_bytes()
        self.client.put_object(Bucket="bucket", Key="mixed/whole.ply", Body=room)
        program = fleet("--retries", "0", "--out", "s3://bucket/mixed-found", "segment", "s3://bucket/mixed")
        told, said = self.ended(program, 1)
        self.assertIn("broken failed: s3://bucket/mixed/broken.ply: ", said)
        self.assertIn("whole.ply: 42940 points", told)
        self.assertEqual(sorted(self.stored("mixed-found")), ["whole.json", "whole.labelled.ply", "whole.summary.json"])
        refused = fleet("--out", "x", "segment", "s3://bucket/mixed", "--shard", "0/2")
        self.assertIn("--shard is given to the trainer by this program", self.ended(refused, 2)[1])


if __name__ == "__main__":
    unittest.main()
