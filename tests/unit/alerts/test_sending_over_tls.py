"""A webhook by https goes to who can prove the name that was configured, and to nobody else."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ATTEMPT = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from alerts.delivery.endpoints import Endpoint
from alerts.delivery.outbox import Claimed
from alerts.delivery.sending import Sender

async def attempt(url):
    at = datetime.now(UTC)
    endpoint = Endpoint("desk", url, "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0", allow_private=True)
    claimed = Claimed("msg_1", "desk", "test", "{}", 1, created_at=at, since=at, claimed_at=at)
    async with Sender(timeout=timedelta(seconds=10)) as sender:
        try:
            print(await sender.post(endpoint, claimed, at))
        except Exception as error:
            print(type(error).__name__, error)

asyncio.run(attempt(sys.argv[1]))
"""


def certificate(folder: Path, name: str) -> Path:
    """A key and a certificate for `name` that vouches for itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / f"{name}.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


class Taking(BaseHTTPRequestHandler):
    """Takes whatever comes."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def https_server(proof: Path, newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if newest != ssl.TLSVersion.MAXIMUM_SUPPORTED:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = newest
    context.load_cert_chain(proof)
    server = HTTPServer(("127.0.0.1", 0), Taking)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"https://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def attempt(url: str, trusted: Path) -> str:
    """How one attempt ended, in a process that trusts nobody but who made `trusted`."""
    environment = os.environ | {"SSL_CERT_FILE": str(trusted)}
    words = [sys.executable, "-c", ATTEMPT, url]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("shown", "trusted", "outcome"),
    [
        ("localhost", "localhost", "204"),
        ("localhost", "elsewhere.example", "UnreachableError"),
        ("elsewhere.example", "elsewhere.example", "UnreachableError"),
    ],
    ids=["the name, by somebody trusted", "the name, by nobody known", "another name, by somebody trusted"],
)
def test_only_who_proves_the_name_is_told(tmp_path: Path, shown: str, trusted: str, outcome: str) -> None:
    proofs = {name: certificate(tmp_path, name) for name in {shown, trusted}}
    with https_server(proofs[shown]) as url:
        told = attempt(url, proofs[trusted])
    assert told.split()[0] == outcome, told
    if outcome != "204":
        assert "ertificate" in told


@pytest.mark.filterwarnings("ignore:.*TLSv1_1 is deprecated:DeprecationWarning")
def test_who_speaks_only_tls_of_yesterday_is_told_nothing(tmp_path: Path) -> None:
    proof = certificate(tmp_path, "localhost")
    with https_server(proof, newest=ssl.TLSVersion.TLSv1_1) as url:
        told = attempt(url, proof)
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = ssl.TLSVersion.TLSv1_1
        old.load_verify_locations(proof)
        port = int(url.split(":")[2].strip("/"))
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            old.wrap_socket(plain, server_hostname="localhost") as talk,
        ):
            spoken = talk.version()
    assert spoken == "TLSv1.1", "the receiver is there, for who is less careful"
    assert told.startswith("UnreachableError"), told
