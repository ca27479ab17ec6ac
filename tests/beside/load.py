"""The server under load beside nginx: viewers who fetch a scene again and again, uploads, and clients who are slow.

Each viewer asks the server and nginx in turn for the same bytes, so that both answer in the same minutes, on the same machine and to as many
viewers and slow readers; uploads go to the server. Then each of them has the viewers for itself, without uploads. Needs nginx (Debian's package)
and blake3 from PyPI:

    cargo build --release --package server --bin server
    python tests/beside/load.py target/release/server --viewers 200 --uploads 20 --slow 300 --seconds 600

Prints the time of a whole scene, p50 and p99, what failed and how often, seconds of the processor, and the most memory of the server. With
`--checks`, it prints instead the most memory of a server that checks as many bundles of the largest size as it does at a time.
"""

import argparse
import asyncio
import base64
import collections
import concurrent.futures
import hashlib
import json
import multiprocessing
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

import bundles

PART = 2 << 20
NGINX = """
daemon off; worker_processes auto; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 2048; }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; root {folder}/files; sendfile on; client_header_timeout 10s; send_timeout 30s; }}
}}
"""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("server", type=pathlib.Path)
    parser.add_argument("--scene-bytes", type=int, default=1_000_000)
    parser.add_argument("--upload-bytes", type=int, default=100_000_000)
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--uploads", type=int, default=20)
    parser.add_argument("--slow", type=int, default=300)
    parser.add_argument("--pause", type=float, default=0.5, help="between two scenes of a viewer, seconds")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--alone", type=float, default=60, help="for each of the two alone, seconds")
    parser.add_argument("--checks", action="store_true")
    return parser.parse_args()


async def ask(port, method, path, body=b"", headers=(), client="10.0.0.1"):
    """Status and body of one answer, over a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"x-forwarded-for: {client}", "connection: close", f"content-length: {len(body)}"]
        writer.write("\r\n".join([*lines, *headers, "", ""]).encode())
        writer.write(body)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0)
        return int(head.split(" ")[1]), await reader.readexactly(length) if length else b""
    finally:
        writer.close()


async def patiently(*request, **more):
    """As `ask`, again and again while the server is busy."""
    for _ in range(600):
        status, said = await ask(*request, **more)
        if status != 503:
            break
        await asyncio.sleep(1)
    return status, said


async def parts(port, bundle, client):
    """Announces a bundle and sends its parts. Returns the status of the first request that failed, or 204, and the link."""
    json_type, bytes_type = "content-type: application/json", "content-type: application/octet-stream"
    said = json.dumps({"bytes": len(bundle), "days": 1}).encode()
    status, said = await ask(port, "POST", "/api/uploads", said, [json_type], client)
    if status != 201:
        return status, None
    link = json.loads(said)
    for number, at in enumerate(range(0, len(bundle), PART)):
        part = bundle[at : at + PART]
        digest = f"content-digest: sha-256=:{base64.b64encode(hashlib.sha256(part).digest()).decode()}:"
        path = f"/api/uploads/{link['upload']}/parts/{number}"
        status, _ = await patiently(port, "PUT", path, part, [bytes_type, digest], client=client)
        if status != 204:
            return status, None
    return status, link


async def share(port, bundle, client):
    """Sends a bundle in parts and completes it. Returns the status of the first request that failed, or 200, and the link."""
    status, link = await parts(port, bundle, client)
    if link:
        status, _ = await patiently(port, "POST", f"/api/uploads/{link['upload']}/complete", client=client)
    return status, link if status == 200 else None


class Load:
    """What happens to the servers in a given time. `targets` are name, port and path of the scene."""

    def __init__(self, targets, seconds, size, pause):
        self.targets, self.size, self.pause = targets, size, pause
        self.end = time.monotonic() + seconds
        self.times, self.outcomes = collections.defaultdict(list), collections.Counter()
        # Nobody looks at what comes.
        self.buffer = memoryview(bytearray(256 << 10))

    async def counted(self, who, work):
        try:
            self.outcomes[f"{who}: {await work}"] += 1
        except (OSError, asyncio.IncompleteReadError) as error:
            self.outcomes[f"{who}: {type(error).__name__}"] += 1

    async def view(self, name, port, path, client):
        """Fetches a scene with as little work as possible: the machine is the server's, too."""
        loop, began = asyncio.get_running_loop(), time.monotonic()
        with socket.socket() as stream:
            stream.setblocking(False)
            await loop.sock_connect(stream, ("127.0.0.1", port))
            request = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-forwarded-for: {client}\r\nconnection: close\r\n\r\n"
            await loop.sock_sendall(stream, request.encode())
            first = await loop.sock_recv(stream, 4 << 10)
            head, came = first.partition(b"\r\n\r\n")[0], len(first)
            while (more := await loop.sock_recv_into(stream, self.buffer)) > 0:
                came += more
        whole = came == len(head) + 4 + self.size
        status = head[9:12].decode() or "nothing"
        if whole and status == "200":
            self.times[name].append(time.monotonic() - began)
        return status if whole else f"{status} not whole"

    async def viewer(self, number):
        turn = number
        while time.monotonic() < self.end:
            name, port, path = self.targets[turn % len(self.targets)]
            await self.counted(f"{name}, viewer", self.view(name, port, path, f"10.1.{number // 250}.{number % 250}"))
            await asyncio.sleep(self.pause)
            turn += 1

    async def uploader(self, number, bundle):
        name, port, _ = self.targets[0]

        async def upload(client):
            status, link = await share(port, bundle, client)
            if link:
                secret = f"authorization: Bearer {link['secret']}"
                await ask(port, "DELETE", f"/api/scenes/{link['id']}", headers=[secret], client=client)
            return status

        turn = 0
        while time.monotonic() < self.end:
            # An address may not send more than its share of a day.
            await self.counted(f"{name}, upload", upload(f"10.{2 + number}.{turn // 250}.{turn % 250}"))
            turn += 1

    async def slow(self, number):
        """One who reads 32 KiB a second, or one who sends a head byte by byte."""
        name, port, path = self.targets[number // 2 % len(self.targets)]

        async def dawdle():
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=32 << 10)
            try:
                head = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-forwarded-for: 10.100.{number // 250}.{number % 250}\r\n\r\n".encode()
                if number % 2:
                    for byte in head:
                        writer.write(bytes([byte]))
                        await writer.drain()
                        await asyncio.sleep(1)
                        if reader.at_eof() or time.monotonic() > self.end:
                            return "head, ended by the server" if reader.at_eof() else "head"
                writer.write(head)
                while time.monotonic() < self.end and await reader.read(32 << 10):
                    await asyncio.sleep(1)
                return "reader"
            finally:
                writer.close()

        while time.monotonic() < self.end:
            await self.counted(f"{name}, slow", dawdle())
            await asyncio.sleep(0.5)


def run(kind, count, load, *more):
    """Runs so many clients of one kind. Each kind has a process of its own, so that none waits for another."""
    load = Load(*load)

    async def all_of_them():
        await asyncio.gather(*(getattr(load, kind)(number, *more) for number in range(count)))

    asyncio.run(all_of_them())
    return load.times, load.outcomes


class Program:
    """A server, with what the system says of it."""

    def __init__(self, command, **more):
        self.child = subprocess.Popen(command, **more)

    def processes(self):
        children = pathlib.Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children").read_text().split()
        return [self.child.pid, *map(int, children)]

    def memory(self, name):
        status = pathlib.Path(f"/proc/{self.child.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith(name)).split()[1]) >> 10

    def seconds(self):
        """Of the processor."""
        fields = [pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in self.processes()]
        return sum(int(field[11]) + int(field[12]) for field in fields) / os.sysconf("SC_CLK_TCK")

    def end(self):
        self.child.terminate()
        self.child.wait()


def phase(title, options, targets, programs, seconds, uploads, bundle):
    print(f"{title}, {seconds:.0f} s")
    before = {name: program.seconds() for name, program in programs.items()}
    load = (targets, seconds, options.scene_bytes, options.pause)
    kinds = [("viewer", options.viewers), ("slow", options.slow * len(targets)), ("uploader", uploads, bundle)]
    with concurrent.futures.ProcessPoolExecutor(3, multiprocessing.get_context("fork")) as pool:
        runs = [pool.submit(run, kind, count, load, *more) for kind, count, *more in kinds if count]
        rest = []
        while not all(one.done() for one in runs):
            time.sleep(1)
            rest.append(programs["server"].memory("VmRSS"))
        results = [one.result() for one in runs]
    times = {name: sorted(time for result, _ in results for time in result.get(name, [])) for name, _, _ in targets}
    outcomes = sum((outcome for _, outcome in results), collections.Counter())
    for name, _, _ in targets:
        found = times[name] or [float("nan")]
        p50, p99 = (1000 * found[min(len(found) - 1, int(len(found) * share))] for share in (0.5, 0.99))
        spent = programs[name].seconds() - before[name]
        print(f"    {name}: {len(found)} scenes, p50 {p50:.1f} ms, p99 {p99:.1f} ms, {spent:.0f} s of the processor")
    for outcome, count in sorted(outcomes.items()):
        print(f"        {outcome}: {count}")
    fifths = [max(rest[at : at + max(1, len(rest) // 5)]) for at in range(0, len(rest), max(1, len(rest) // 5))]
    print(f"    memory of the server, MiB: at most {programs['server'].memory('VmHWM')}; from fifth to fifth {fifths}", flush=True)


async def ready(port):
    for _ in range(200):
        try:
            return await ask(port, "GET", "/")
        except OSError:
            await asyncio.sleep(0.1)
    sys.exit(f"nothing answers on port {port}")


async def checks(port, server):
    """Completes uploads of the largest size, more at once than are checked."""
    limit = 64 << 20
    # They have to be the largest that are accepted.
    for name, bundle in [("scenes", bundles.scene(limit - 200_000)), ("costly scenes", bundles.costly(limit - 2_000_000)), ("labels", bundles.labels(12_000_000))]:
        sent = [await parts(port, bundle, f"10.{number}.0.{len(bundle) % 250}") for number in range(8)]
        if any(link is None for _, link in sent):
            sys.exit(f"{name} are refused: {sent}")
        before = server.memory("VmRSS")
        paths = [f"/api/uploads/{link['upload']}/complete" for _, link in sent]
        done = await asyncio.gather(*(patiently(port, "POST", path) for path in paths))
        print(f"{name} of {len(bundle)} bytes, {[status for status, _ in done]}: {before} MiB before, at most {server.memory('VmHWM')}", flush=True)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        for part in ("app", "files"):
            (folder / part).mkdir()
            (folder / part / "index.html").write_text("<!doctype html><title>load</title>")
        own, other = free_ports(2)
        limits = ["--max-connections-per-address", "2048", "--max-unfinished-bytes", str(8 << 30), "--min-free", "0"]
        if not options.checks:
            limits += ["--max-bytes", str(max(64 << 20, options.upload_bytes + 1_000_000))]
        command = [options.server, "--listen", f"127.0.0.1:{own}", "--app", folder / "app", "--store", folder / "store", "--trust-proxy", "127.0.0.1"]
        # As in the unit.
        environment = os.environ | {"RUST_LOG": "warn", "MALLOC_ARENA_MAX": "2"}
        with open(folder / "server.log", "wb") as log:
            server = Program([*command, *limits], stderr=log, env=environment)
        programs = {"server": server}
        try:
            asyncio.run(ready(own))
            if options.checks:
                asyncio.run(checks(own, server))
                return
            scene, bundle = bundles.scene(options.scene_bytes), bundles.scene(options.upload_bytes)
            options.scene_bytes = len(scene)
            (folder / "files/scene").write_bytes(scene)
            (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=other))
            programs["nginx"] = Program(["nginx", "-c", folder / "nginx.conf", "-e", folder / "error.log"])
            asyncio.run(ready(other))
            status, link = asyncio.run(share(own, scene, "10.0.0.2"))
            if status != 200:
                sys.exit(f"the scene is refused: {status}")
            here, there = ("server", own, f"/api/scenes/{link['id']}"), ("nginx", other, "/scene")
            phase("both, with uploads to the server", options, [here, there], programs, options.seconds, options.uploads, bundle)
            for alone in (there, here) if options.alone else ():
                phase(f"{alone[0]} alone, without uploads", options, [alone], programs, options.alone, 0, bundle)
        finally:
            for program in programs.values():
                program.end()


main()
