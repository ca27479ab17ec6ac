"""What a scan costs in the browser when the worker is alone, and when its assistant shares the work.

    cargo xtask serve                                                  # builds the app into dist; stop it with Ctrl C
    cargo build --release --package server --bin server
    python tests/beside/two_workers.py target/release/server dist room.ply floor.ply --rounds 5

The network runs on the CPU. In every round each scan is opened twice in a page that was just loaded, alone and together in turns: the first time
the network is loaded, from the browser's cache, and the second time it is there. Times are between the messages of the worker, by
its own clock: a stage begins with the first message about it and ends with the next one's. What was found is compared. Needs Python's standard library,
chromedriver and its browser. Prints a table of medians with the fastest; --json writes every run.
"""

import argparse
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request

MODES = {"alone": "&assistant=none", "together": ""}
STAGES = ["read", "superpoints", "model", "backbone", "decoder", "instances"]
# Messages are noted where they are sent, because the page may be busy. A worker made of text has no address that others could be relative to.
WATCH = """
    const Real = Worker, said = window.said = [];
    new BroadcastChannel('said').onmessage = ({ data }) => said.push(data);
    window.Worker = function (url, options) {
        const text = `const real = fetch, post = self.postMessage.bind(self), channel = new BroadcastChannel('said');
            self.fetch = (what, ...rest) => real(new URL(what, '${location.origin}'), ...rest);
            self.postMessage = (message, ...rest) => {
                const [kind, content] = typeof message === 'string' ? [message] : Object.entries(message)[0];
                channel.postMessage([kind, content?.stage ?? null, performance.now(), kind === 'Instances' ? content.instances.map(it => it.points) : null]);
                post(message, ...rest);
            };
            await import('${new URL(url, location)}');`;
        return new Real(URL.createObjectURL(new Blob([text], { type: 'text/javascript' })), options);
    };
"""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("server", type=pathlib.Path)
    parser.add_argument("app", type=pathlib.Path, help="folder of the built app")
    parser.add_argument("scans", type=pathlib.Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--priority", action="store_true", help="lets the workers run before all others, the page too; needs root")
    parser.add_argument("--json", type=pathlib.Path, help="file of all runs")
    return parser.parse_args()


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Browser:
    """A browser with an empty profile, by WebDriver."""

    def __init__(self):
        port = free_port()
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.base = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                self.call("GET", "/status")
                break
            except OSError:
                time.sleep(0.1)
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-background-networking", "--window-size=1440,900"]}
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
        self.base += "/session/" + self.call("POST", "/session", wanted)["sessionId"]
        self.call("POST", "/goog/cdp/execute", {"cmd": "Page.addScriptToEvaluateOnNewDocument", "params": {"source": WATCH}})

    def call(self, method, path, body=None):
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(self.base + path, method=method, data=data, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.load(answer)["value"]

    def run(self, script):
        return self.call("POST", "/execute/sync", {"script": script, "args": []})

    def until(self, script, seconds=240):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := self.run(f"return {script}"):
                return found
            time.sleep(0.1)
        raise TimeoutError(script)

    def choose(self, path):
        element = self.call("POST", "/element", {"using": "css selector", "value": "[data-testid=file-input]"})
        self.call("POST", f"/element/{next(iter(element.values()))}/value", {"text": str(path.resolve())})

    def stop(self):
        try:
            self.call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()


def prefer(driver):
    """Gives real-time priority to the threads of the workers that the driver's browser starts."""
    known = set()
    while True:
        parents = {}
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
            except OSError:
                pass  # it has ended
        for process in parents:
            ancestor = process
            while ancestor in parents and ancestor != driver:
                ancestor = parents[ancestor]
            for thread in pathlib.Path(f"/proc/{process}/task").glob("*") if ancestor == driver else []:
                try:
                    if thread.name not in known and (thread / "comm").read_text().startswith("DedicatedWorker"):
                        os.sched_setscheduler(int(thread.name), os.SCHED_RR, os.sched_param(1))
                        known.add(thread.name)
                except OSError:
                    pass
        time.sleep(0.02)


def opened(browser, scan):
    """Milliseconds of each stage of one scan, and the numbers of points of what was found."""
    browser.run("window.said.length = 0")
    browser.choose(scan)
    browser.until("window.said.some(([kind]) => kind === 'Done' || kind === 'Failed' || kind === 'Panicked')")
    said = browser.run("return window.said")
    assert not any(kind in ("Failed", "Panicked") for kind, *_ in said), said[-1]
    begun = {}
    for kind, stage, at, _ in said:
        if kind == "Progress":
            begun.setdefault(stage, at)
    done = next(at for kind, _, at, _ in said if kind == "Done")
    found = next(found for kind, _, _, found in said if kind == "Instances")
    order = [stage for stage in STAGES if stage in begun]
    ends = [begun[stage] for stage in order[1:]] + [done]
    times = {stage: end - begun[stage] for stage, end in zip(order, ends)}
    return {"stages": times, "sum": done - begun[order[0]], "found": sorted(found)}


def report(runs):
    columns = [*STAGES, "sum"]
    print("| scan | network | worker | " + " | ".join(columns) + " |")
    print("|---" * (3 + len(columns)) + "|")
    for key in dict.fromkeys((run["scan"], run["network"], run["mode"]) for run in runs):
        own = [run for run in runs if (run["scan"], run["network"], run["mode"]) == key]
        cells = []
        for column in columns:
            times = [run["sum"] if column == "sum" else run["stages"].get(column, 0) for run in own]
            cells.append(f"{statistics.median(times):.0f} ({min(times):.0f})")
        print("| " + " | ".join([*key, *cells]) + " |")
    for scan in dict.fromkeys(run["scan"] for run in runs):
        found = [run["found"] for run in runs if run["scan"] == scan]
        print(f"{scan}: {len(found[0])} things, " + ("the same in all runs" if all(f == found[0] for f in found) else "NOT the same in all runs"))


def main():
    options = arguments()
    runs = []
    port = free_port()
    with tempfile.TemporaryDirectory() as store:
        server = subprocess.Popen(
            [options.server, "--app", options.app, "--listen", f"127.0.0.1:{port}", "--store", store],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        browser = Browser()
        if options.priority:
            threading.Thread(target=prefer, args=[browser.driver.pid], daemon=True).start()
        try:
            time.sleep(0.5)
            for scan in options.scans:
                for round in range(-1, options.rounds):  # the first one fills the browser's caches
                    for mode in sorted(MODES, reverse=round % 2 == 1):
                        address = f"http://127.0.0.1:{port}/?backend=cpu&renderer=2d&lang=en{MODES[mode]}"
                        browser.call("POST", "/url", {"url": address})
                        browser.until("document.querySelector('[data-testid=backend]')?.textContent.includes('·')")
                        for network in ["loaded", "there"]:
                            run = opened(browser, scan) | {"scan": scan.name, "mode": mode, "network": network, "round": round}
                            if round >= 0:
                                runs.append(run)
                            stages = ", ".join(f"{stage} {ms:.0f}" for stage, ms in run["stages"].items())
                            print(f"{scan.name} {round} {mode} {network}: {stages}, sum {run['sum']:.0f}", flush=True)
        finally:
            browser.stop()
            server.send_signal(signal.SIGTERM)
            server.wait()
    report(runs)
    if options.json:
        options.json.write_text(json.dumps(runs, indent=1))


main()
