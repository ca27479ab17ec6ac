"""The server under load beside nginx: viewers who fetch a scene again and again, uploads, and clients who are slow.

nginx sends the same bytes as a file, in the same run and on the same machine, to as many viewers and slow readers; it takes no uploads. Needs
nginx (Debian's package) and a bundle that can be shared, of about the size that is to be measured:

    cargo build --release --package server --bin server
    python tests/beside/load.py target/release/server SCENE.segscape --viewers 200 --uploads 20 --slow 300 --seconds 600 --big BIG.segscape

`--big` is what the uploads send, up to 100 MB (the server is started with a limit for it); without it they send SCENE. Prints the time of a whole
scene, p50 and p99, what failed and how often, and the most memory of the server.
"""

import argparse
import asyncio
import base64
import collections
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile
import time

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
    parser.add_argument("scene", type=pathlib.Path)
    parser.add_argument("--big", type=pathlib.Path)
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--uploads", type=int, default=20)
    parser.add_argument("--slow", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=600)
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


async def share(port, bundle, client):
    """Sends a bundle in parts. Returns the status of the first request that failed, or 200, and the link."""
    json_type, bytes_type = "content-type: application/json", "content-type: application/octet-stream"
    status, said = await ask(port, "POST", "/api/uploads", json.dumps({"bytes": len(bundle), "days": 1}).encode(), [json_type], client)
    if status != 201:
        return status, None
    link = json.loads(said)
    for number, at in enumerate(range(0, len(bundle), PART)):
        part = bundle[at : at + PART]
        digest = f"content-digest: sha-256=:{base64.b64encode(hashlib.sha256(part).digest()).decode()}:"
        path = f"/api/uploads/{link['upload']}/parts/{number}"
        for _ in range(100):
            status, _ = await ask(port, "PUT", path, part, [bytes_type, digest], client)
            if status != 503:
                break
            await asyncio.sleep(1)
        if status != 204:
            return status, None
    for _ in range(100):
        status, _ = await ask(port, "POST", f"/api/uploads/{link['upload']}/complete", client=client)
        if status != 503:
            break
        await asyncio.sleep(1)
    return status, link


class Load:
    """What happens to one server in a given time."""

    def __init__(self, port, path, size, seconds):
        self.port, self.path, self.size = port, path, size
        self.end = time.monotonic() + seconds
        self.times, self.outcomes = [], collections.Counter()

    async def counted(self, who, work):
        try:
            self.outcomes[f"{who}: {await work}"] += 1
        except (OSError, asyncio.IncompleteReadError) as error:
            self.outcomes[f"{who}: {type(error).__name__}"] += 1

    async def viewer(self, number):
        async def view():
            began = time.monotonic()
            status, body = await ask(self.port, "GET", self.path, client=f"10.1.{number // 250}.{number % 250}")
            if status == 200 and len(body) == self.size:
                self.times.append(time.monotonic() - began)
            return status if len(body) == self.size else f"{status} not whole"

        while time.monotonic() < self.end:
            await self.counted("viewer", view())
            await asyncio.sleep(0.5)

    async def uploader(self, number, bundle):
        async def upload(client):
            status, link = await share(self.port, bundle, client)
            if link:
                secret = f"authorization: Bearer {link['secret']}"
                await ask(self.port, "DELETE", f"/api/scenes/{link['id']}", headers=[secret], client=client)
            return status

        turn = 0
        while time.monotonic() < self.end:
            # An address may not send more than its share of a day.
            await self.counted("upload", upload(f"10.{2 + number}.{turn // 250}.{turn % 250}"))
            turn += 1

    async def slow(self, number):
        """Alternately a reader of 32 KiB a second and one who sends a head byte by byte."""

        async def dawdle():
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=32 << 10)
            try:
                head = f"GET {self.path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-forwarded-for: 10.100.{number // 250}.{number % 250}\r\n\r\n".encode()
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
            await self.counted("slow", dawdle())
            await asyncio.sleep(0.5)

    async def run(self, viewers, uploads, slow, bundle):
        work = [self.viewer(n) for n in range(viewers)] + [self.slow(n) for n in range(slow)]
        await asyncio.gather(*work, *(self.uploader(n, bundle) for n in range(uploads)))

    def report(self, name):
        times = sorted(self.times) or [float("nan")]
        p50, p99 = (1000 * times[min(len(times) - 1, int(len(times) * share))] for share in (0.5, 0.99))
        print(f"{name}: {len(self.times)} scenes of {self.size} bytes, p50 {p50:.0f} ms, p99 {p99:.0f} ms")
        for outcome, count in sorted(self.outcomes.items()):
            print(f"    {outcome}: {count}")


async def ready(port):
    for _ in range(200):
        try:
            await ask(port, "GET", "/")
            return
        except OSError:
            await asyncio.sleep(0.1)
    sys.exit(f"nothing answers on port {port}")


def free_ports(count):
    import socket

    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


async def main():
    options = arguments()
    scene = options.scene.read_bytes()
    bundle = options.big.read_bytes() if options.big else scene
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        for part in ("app", "files"):
            (folder / part).mkdir()
            (folder / part / "index.html").write_text("<!doctype html><title>load</title>")
        (folder / "files/scene").write_bytes(scene)
        own, other = free_ports(2)
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=other))
        limits = ["--max-bytes", str(max(64 << 20, len(bundle))), "--max-connections-per-address", "2048", "--max-unfinished-bytes", str(8 << 30)]
        command = [options.server, "--listen", f"127.0.0.1:{own}", "--app", folder / "app", "--store", folder / "store", "--trust-proxy", "127.0.0.1"]
        with open(folder / "server.log", "wb") as log:
            server = subprocess.Popen([*command, *limits], stderr=log, env={"RUST_LOG": "warn"})
        nginx = subprocess.Popen(["nginx", "-c", folder / "nginx.conf", "-e", folder / "error.log"])
        try:
            await ready(own)
            await ready(other)
            status, link = await share(own, scene, "10.0.0.2")
            if status != 200:
                sys.exit(f"the scene is refused: {status}")
            here = Load(own, f"/api/scenes/{link['id']}", len(scene), options.seconds)
            await here.run(options.viewers, options.uploads, options.slow, bundle)
            here.report("server")
            status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
            print("    most memory:", next(line for line in status.splitlines() if line.startswith("VmHWM")).split(":")[1].strip())
            there = Load(other, "/scene", len(scene), options.seconds)
            await there.run(options.viewers, 0, options.slow, bundle)
            there.report("nginx, without uploads")
            alone = Load(own, f"/api/scenes/{link['id']}", len(scene), options.seconds)
            await alone.run(options.viewers, 0, options.slow, bundle)
            alone.report("server, without uploads")
        finally:
            for program in (server, nginx):
                program.terminate()
                program.wait()


asyncio.run(main())
