"""What a first visit fetches and when it shows something, on an emulated line and a slower processor.

    cargo xtask serve                                                  # builds the app into dist; stop it with Ctrl C
    cargo build --release --package server --bin server
    python tests/beside/first_visit.py target/release/server dist --visits 5

Several builds of the app are visited in turns. Each visit has a browser of its own with an empty profile. Between browser and server is a proxy
that is the line: what comes down shares its bits in pieces, fairly between connections, every piece takes half a round trip in either direction,
and a new connection takes one round trip more; names, TLS and TCP's slow start are not emulated. Every thread of the browser, those of workers,
compilers and the network too, gets one share in --slower of a core: it has a control group of its own (version 1, `cpu.cfs_quota_us`, which needs
root), in periods of 10 ms, and a weight that other work on the machine does not pass. Without control groups, use --slower 1.

The page is given a binary PLY file of 5 MB as soon as it has an input for files. Points are on screen once the picture has more than its
background, in the browser's own clock from the start of the navigation; the page draws with the processor (`renderer=2d`) and computes with it
(`backend=cpu`). Needs Python's standard library, chromedriver and its browser. Prints a table; --json writes every visit with all its requests.
"""

import argparse
import asyncio
import collections
import json
import math
import os
import pathlib
import signal
import socket
import statistics
import struct
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

PIECE = 4096  # bytes of a turn of a connection on the line
WINDOW = 1 << 16  # bytes of a connection that wait for the line
GROUPS = pathlib.Path("/sys/fs/cgroup/cpu/first-visit")
PERIOD_US = 10_000
# Said by the page: when it takes files, when it got one, when points are on screen, and when the things in them are listed.
WATCH = """
    const seen = window.seen = {};
    const note = what => seen[what] ??= performance.now();
    const find = id => document.querySelector(`[data-testid=${id}]`);
    let looking = false;
    const look = () => {
        const canvas = find('viewer-canvas');
        const scratch = new OffscreenCanvas(64, 40).getContext('2d', { willReadFrequently: true });
        scratch.drawImage(canvas, 0, 0, 64, 40);
        const { data } = scratch.getImageData(0, 0, 64, 40);
        let drawn = 0;
        for (let at = 4; at < data.length; at += 4)
            drawn += Math.abs(data[at] - data[0]) + Math.abs(data[at + 1] - data[1]) + Math.abs(data[at + 2] - data[2]) > 24;
        if (drawn > 100) note('points');
        else requestAnimationFrame(look);
    };
    const notice = () => {
        if (find('file-input')) note('accepts');
        if (find('backend')?.textContent.includes('·')) note('worker');
        const first = find('viewer-canvas')?.hasAttribute('data-first-look'), all = find('preflight');
        if (all) note('whole');
        if ((first || all) && !looking) { looking = true; note('sent'); requestAnimationFrame(look); }
        if (find('instance-row') || find('status')?.textContent.startsWith('Done')) note('instances');
        if (find('error')) seen.error = find('error').textContent;
    };
    addEventListener('change', () => note('given'), true);
    new MutationObserver(notice).observe(document, { subtree: true, childList: true, characterData: true, attributes: true,
        attributeFilter: ['data-first-look'] });
"""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("server", type=pathlib.Path)
    parser.add_argument("apps", type=pathlib.Path, nargs="+", help="folders of built apps")
    parser.add_argument("--visits", type=int, default=5, help="of each app")
    parser.add_argument("--mbit", type=float, default=10, help="of the line, each second")
    parser.add_argument("--round-trip", type=float, default=40, help="milliseconds")
    parser.add_argument("--slower", type=float, default=4, help="than this machine's cores, times")
    parser.add_argument("--points", type=int, default=333_000, help="of 15 bytes each")
    parser.add_argument("--until", choices=["points", "instances", "kept"], default="points", help="what ends a visit")
    parser.add_argument("--patience", type=float, default=120, help="with a visit, seconds")
    parser.add_argument("--json", type=pathlib.Path, help="file of all visits")
    return parser.parse_args()


def scan(path, points):
    """Writes a binary PLY file of a room of 5 x 4 m with some boxes in it."""
    boxes = [((0, 0, 0), (5, 4, 2.5)), ((0.4, 0.3, 0), (1.9, 0.9, 0.75)), ((2.6, 2.2, 0), (4.6, 3.8, 0.5)), ((4.3, 0.1, 0), (4.9, 1.3, 1.9))]
    out = bytearray(
        f"ply\nformat binary_little_endian 1.0\nelement vertex {points}\n"
        "property float x\nproperty float y\nproperty float z\nproperty uchar red\nproperty uchar green\nproperty uchar blue\nend_header\n".encode()
    )
    for i in range(points):
        box = 0 if i % 2 == 0 else i // 2 % 4
        # Steps of irrational shares fill a rectangle evenly.
        u, v = (0.5 + 0.7548776662466927 * i) % 1, (0.5 + 0.569840290998053 * i) % 1
        side = i // 8 % (3 if box == 0 else 5)
        x, y, z = [(u, v, 0 if box == 0 else 1), (u, 0, v), (0, u, v), (1, u, v), (u, 1, v)][side]
        low, high = boxes[box]
        place = [low + share * (high - low) for share, low, high in zip((x, y, z), low, high)]
        out += struct.pack("<3f3B", *place, 90 + 40 * box, int(255 * u), int(255 * v))
    path.write_bytes(out)


class Line:
    """A line to the server at `port`, for all connections together. Notes every request."""

    def __init__(self, port, options):
        self.target, self.options = port, options
        self.requests, self.ready = [], collections.deque()
        self.loop = asyncio.new_event_loop()
        self.start = time.monotonic()
        started = threading.Event()
        threading.Thread(target=self.run, args=[started], daemon=True).start()
        started.wait()

    def run(self, started):
        asyncio.set_event_loop(self.loop)

        async def listen():
            self.wake = asyncio.Event()
            self.server = await asyncio.start_server(self.connected, "127.0.0.1", 0)
            self.port = self.server.sockets[0].getsockname()[1]
            self.sender = asyncio.create_task(self.send())
            started.set()

        self.loop.create_task(listen())
        self.loop.run_forever()

    def now(self):
        return time.monotonic() - self.start

    async def send(self):
        """Sends a piece of one connection after the other, at the rate of the line."""
        rate, delay = self.options.mbit * 1e6 / 8, self.options.round_trip / 2000
        free = 0.0
        while True:
            if not self.ready:
                self.wake.clear()
                await self.wake.wait()
            stream = self.ready.popleft()
            piece = bytes(stream["waits"][:PIECE])
            del stream["waits"][:PIECE]
            if stream["waits"]:
                self.ready.append(stream)
            stream["room"].set()
            # Who wakes late sends the more.
            free = max(free, time.monotonic() - 0.02) + len(piece) / rate
            pause = free - time.monotonic()
            if pause > 0:
                await asyncio.sleep(pause)
            self.loop.call_later(delay, self.arrive, stream, piece)

    def arrive(self, stream, piece):
        if stream["asked"]:
            request = stream["asked"][-1]
            request.setdefault("first", self.now())
            request["last"] = self.now()
            request["bytes"] += len(piece)
            if "status" not in request:
                request["status"] = piece.split(b" ", 2)[1].decode(errors="replace")
        if not stream["to"].is_closing():
            stream["to"].write(piece)

    async def connected(self, reader, writer):
        delay = self.options.round_trip / 2000
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            return writer.close()
        stream = {"waits": bytearray(), "room": asyncio.Event(), "to": writer, "asked": []}
        opened = time.monotonic() + 2 * delay

        async def up():
            while data := await reader.read(1 << 16):
                head = data.split(b" ", 2)
                if head[0] in (b"GET", b"HEAD", b"POST", b"PUT"):
                    request = {"method": head[0].decode(), "path": head[1].decode(), "at": self.now(), "bytes": 0}
                    stream["asked"].append(request)
                    self.requests.append(request)
                await asyncio.sleep(max(opened - time.monotonic(), 0) + delay)
                to_server.write(data)
            to_server.close()

        async def down():
            while data := await from_server.read(1 << 14):
                while len(stream["waits"]) > WINDOW:
                    stream["room"].clear()
                    await stream["room"].wait()
                if not stream["waits"]:
                    self.ready.append(stream)
                    self.wake.set()
                stream["waits"] += data

        try:
            await asyncio.gather(up(), down(), return_exceptions=True)
        except asyncio.CancelledError:
            pass  # the visit is over

    def stop(self):
        async def end():
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            self.loop.stop()

        asyncio.run_coroutine_threadsafe(end(), self.loop)


class Slower:
    """Gives every thread of the descendants of `pid` a share of a core."""

    def __init__(self, pid, times):
        self.pid, self.quota, self.groups = pid, int(PERIOD_US / times), {}
        self.over = threading.Event()
        if times > 1:
            GROUPS.mkdir(exist_ok=True)
            (GROUPS / "cpu.shares").write_text("100000")
            threading.Thread(target=self.follow, daemon=True).start()

    def descendants(self):
        children = collections.defaultdict(list)
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                words = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children[int(words[1])].append(int(stat.parent.name))
        found, rest = [], [self.pid]
        while rest:
            found += children[rest[-1]]
            rest += children[rest.pop()]
        return found

    def follow(self):
        round = 0
        while not self.over.is_set():
            if round % 5 == 0:
                processes = self.descendants()
            round += 1
            for process in processes:
                try:
                    threads = os.listdir(f"/proc/{process}/task")
                except OSError:
                    continue
                for thread in threads:
                    if thread not in self.groups:
                        self.limit(thread)
            time.sleep(0.02)

    def limit(self, thread):
        group = self.groups[thread] = GROUPS / thread
        try:
            group.mkdir(exist_ok=True)
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(self.quota))
            (group / "tasks").write_text(thread)
        except OSError:
            pass  # it has ended

    def stop(self):
        self.over.set()
        time.sleep(0.1)
        for group in [*self.groups.values(), GROUPS]:
            try:
                group.rmdir()
            except OSError:
                pass


class Browser:
    """A browser with an empty profile, by WebDriver."""

    def __init__(self, options):
        self.profile = tempfile.TemporaryDirectory()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.base = f"http://127.0.0.1:{port}"
        self.until(lambda: self.call("GET", "/status")["ready"], 20)
        arguments = ["--headless=new", "--no-sandbox", "--disable-quic", "--disable-background-networking", "--window-size=1440,900"]
        arguments.append(f"--user-data-dir={self.profile.name}")
        wanted = {"pageLoadStrategy": "none", "goog:chromeOptions": {"args": arguments}}
        self.base += "/session/" + self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        self.call("POST", "/goog/cdp/execute", {"cmd": "Page.addScriptToEvaluateOnNewDocument", "params": {"source": WATCH}})
        self.slower = Slower(self.driver.pid, options.slower)

    def call(self, method, path, body=None):
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(self.base + path, method=method, data=data, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.load(answer)["value"]

    def seen(self):
        return self.call("POST", "/execute/sync", {"script": "return window.seen ?? {}", "args": []})

    def until(self, done, seconds, pause=0.02):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if found := done():
                    return found
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(pause)
        return None

    def choose(self, path):
        element = self.call("POST", "/element", {"using": "css selector", "value": "[data-testid=file-input]"})
        self.call("POST", f"/element/{next(iter(element.values()))}/value", {"text": str(path)})

    def stop(self):
        try:
            self.call("DELETE", "")
        except OSError:
            pass
        self.slower.stop()
        self.driver.terminate()
        self.driver.wait()
        self.profile.cleanup()


def visit(options, app, file):
    """One visit: the times of its events in seconds, and its requests."""
    with tempfile.TemporaryDirectory() as store, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        server = subprocess.Popen(
            [options.server, "--app", app, "--listen", f"127.0.0.1:{port}", "--store", store], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        browser = Browser(options)
        try:
            browser.until(lambda: not socket.create_connection(("127.0.0.1", port)).close(), 20)
            line = Line(port, options)
            address = f"http://127.0.0.1:{line.port}/?backend=cpu&renderer=2d&lang=en"
            browser.call("POST", "/url", {"url": address})
            browser.until(lambda: "accepts" in browser.seen(), options.patience)
            browser.choose(file)
            last = "worker" if options.until == "kept" else options.until
            browser.until(lambda: browser.seen().keys() & {last, "error"}, options.patience, 0.25)
            seen = browser.seen()
            if options.until == "kept":
                # What keeps the app in the browser has come when the line has been idle for some seconds.
                browser.until(lambda: line.now() > 8 + max(request.get("last", request["at"]) for request in line.requests), options.patience, 0.5)
            requests = [dict(request) for request in line.requests]
            line.stop()
        finally:
            browser.stop()
            server.send_signal(signal.SIGTERM)
            server.wait()
    seconds = {what: at / 1000 if isinstance(at, (int, float)) else at for what, at in seen.items()}
    return {"app": str(app), "seconds": seconds, "requests": requests}


def fetched(requests):
    """Bytes by address; and the addresses whose bytes came more than once."""
    by_path, whole = collections.Counter(), collections.Counter()
    for request in requests:
        by_path[request["path"]] += request["bytes"]
        whole[request["path"]] += request["method"] == "GET" and request.get("status") == "200" and request["bytes"] > 2000
    return by_path, [path for path, times in whole.items() if times > 1]


def report(visits):
    events = ["accepts", "given", "sent", "points", "worker", "whole", "instances"]
    print("| app | visits | requests | MB | " + " | ".join(f"{event}, s" for event in events) + " |")
    print("|---" * (4 + len(events)) + "|")
    for app in dict.fromkeys(visit["app"] for visit in visits):
        own = [visit for visit in visits if visit["app"] == app]
        cells = [app, str(len(own))]
        cells.append(f"{statistics.median(len(visit['requests']) for visit in own):.0f}")
        cells.append(f"{statistics.median(sum(r['bytes'] for r in visit['requests']) for visit in own) / 1e6:.2f}")
        for event in events:
            times = sorted(visit["seconds"].get(event, math.inf) for visit in own)
            cells.append(f"{statistics.median(times):.2f} ({times[0]:.2f} to {times[-1]:.2f})" if times[0] < math.inf else "")
        print("| " + " | ".join(cells) + " |")
        by_path, twice = fetched(own[-1]["requests"])
        for path, size in by_path.most_common(9):
            print(f"    {size / 1e3:9.1f} KB  {path}")
        print("    twice: " + (", ".join(twice) or "nothing"))
        for visit in own:
            if "error" in visit["seconds"]:
                print("    error: " + visit["seconds"]["error"])


def main():
    options = arguments()
    visits = []
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "room.ply"
        scan(file, options.points)
        for round in range(options.visits):
            for app in options.apps:
                visits.append(visit(options, app, file))
                print(f"{app} {round + 1}: {visits[-1]['seconds']}", flush=True)
    report(visits)
    if options.json:
        options.json.write_text(json.dumps(visits, indent=1))


main()
