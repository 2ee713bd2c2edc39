"""A timestamp authority of one's own: ``openssl ts``, asked as a program or over HTTP on this machine."""

from __future__ import annotations

import http.server
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_CONFIG = """\
[req]
distinguished_name = dn
prompt = no
x509_extensions = ext
[dn]
C = US
O = Test
CN = Timestamp Authority
[ext]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = authority
[authority]
serial = {place}/serial
signer_cert = {place}/tsa.crt
signer_key = {place}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
ordering = no
ess_cert_id_alg = sha256
"""


@dataclass(frozen=True)
class TimestampAuthority:
    """Its files lie in a directory; its certificate is self-signed."""

    place: Path

    @property
    def command(self) -> tuple[str, ...]:
        """A program that reads a query and writes the reply."""
        config = str(self.place / "tsa.cnf")
        return ("openssl", "ts", "-reply", "-config", config, "-queryfile", "/dev/stdin")

    def reply(self, query: bytes) -> bytes:
        """What the authority answers."""
        return subprocess.run(self.command, input=query, capture_output=True, check=True).stdout

    @contextmanager
    def served(self) -> Iterator[str]:
        """The authority's address for a while."""
        authority = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.headers["Content-Type"] == "application/timestamp-query"
                reply = authority.reply(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing."""

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_address[1]}/"
            finally:
                server.shutdown()
                thread.join()


def make_authority(place: Path, *key: str) -> TimestampAuthority:
    """An authority whose key is made by ``openssl req -newkey …``; RSA unless said otherwise."""
    place.mkdir(parents=True)
    (place / "tsa.cnf").write_text(_CONFIG.format(place=place))
    (place / "serial").write_text("01\n")
    kind = key or ("-newkey", "rsa:2048")
    subprocess.run(
        ["openssl", "req", "-x509", *kind, "-noenc", "-days", "30", "-config", place / "tsa.cnf",
         "-keyout", place / "tsa.key", "-out", place / "tsa.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    return TimestampAuthority(place)
