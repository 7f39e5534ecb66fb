"""An HTTP server of files for tests, run in a process of its own: ``python range_server.py FOLDER LOG``.

It prints its port. The query of an address says how it misbehaves: ``breaks=N`` ends each answer after N
bytes, ``ranges=no`` ignores Range headers, ``ranges=wrong`` answers with another range, ``to=PLACE``
redirects, ``to=itself`` to itself. The log has a line of JSON per request.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit


class Handler(BaseHTTPRequestHandler):
    folder: Path
    log: Path

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        how = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with self.log.open("a") as log:
            log.write(json.dumps({"path": self.path, "range": self.headers.get("Range")}) + "\n")
        if "to" in how:
            self.send_response(302)
            self.send_header("Location", self.path if how["to"] == "itself" else how["to"])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path = self.folder / unquote(parts.path).lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        self._send(content, how)

    def _send(self, content: bytes, how: dict[str, str]) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first = int(asked[1]) if asked and how.get("ranges") != "no" else 0
        if first >= len(content) and asked:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if first and how.get("ranges") == "wrong":
            first -= 1
        body = content[first:]
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the client has seen enough
            self.wfile.write(body[: int(how.get("breaks", len(body)))])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


if __name__ == "__main__":
    Handler.folder, Handler.log = Path(sys.argv[1]), Path(sys.argv[2])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()
