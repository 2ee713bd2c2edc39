"""The SSH server of a running gateway, met with stock OpenSSH: whom it lets in, and what it shows of itself."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.boottest.observation import Login
from pipeline.host import tools

_REASON = "look at the gateway's SSH server"
_DENIED = re.compile(r"Permission denied \(([^)]*)\)")
_CLIENT = "the client ended without a message"


@dataclass(frozen=True)
class Server:
    """Where it is reached from here.

    Attributes:
        known_hosts: the manifest's host keys; the client accepts no other.
        patience: seconds for one login.
    """

    port: int
    known_hosts: Path
    patience: float


def server(port: int, host_keys: Iterable[str], place: Path, patience: float) -> Server:
    """Write down which keys the server may have."""
    known = place / "known_hosts"
    known.write_text("".join(f"[127.0.0.1]:{port} {key}\n" for key in sorted(host_keys)), "utf-8")
    return Server(port, known, patience)


def host_keys(port: int, patience: float) -> frozenset[str]:
    """Every kind of host key the server shows, as ``type key``."""
    done = tools.run(
        "ssh-keyscan",
        *("-T", f"{patience:.0f}", "-p", str(port), "127.0.0.1"),
        reason=_REASON,
        ok=range(256),
        timeout=patience * 6,  # one connection for each kind
    )
    lines = (line.split() for line in done.text.splitlines() if not line.startswith("#"))
    return frozenset(" ".join(words[1:3]) for words in lines if len(words) >= 3)


def log_in(where: Server, user: str, identity: Path | None, command: str = "") -> tuple[Login, str]:
    """Try to log in and run a command; what it printed.

    Args:
        identity: a private key that needs no passphrase; None offers nothing at all, upon which the server says how it
            would let people in.
        command: goes to the shell's standard input.
    """
    offer = (
        ("-i", str(identity), "-o", "IdentitiesOnly=yes", "-o", "PreferredAuthentications=publickey")
        if identity is not None
        else ("-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=none")
    )
    options = (
        *("BatchMode=yes", "StrictHostKeyChecking=yes", f"UserKnownHostsFile={where.known_hosts}"),
        *("GlobalKnownHostsFile=none", f"ConnectTimeout={where.patience:.0f}", "LogLevel=ERROR", "UpdateHostKeys=no"),
        *("ControlPath=none", "ForwardAgent=no", "ForwardX11=no"),
    )
    done = tools.run(
        "ssh",
        *("-F", "none", "-T", *(part for option in options for part in ("-o", option)), *offer),
        *("-p", str(where.port), f"{user}@127.0.0.1", "sh"),
        reason=_REASON,
        stdin=command.encode(),
        ok=range(256),
        env={"SSH_ASKPASS_REQUIRE": "never", "HOME": os.devnull},
        timeout=where.patience * 3,
    )
    complaint = next(reversed(done.complaints.strip().splitlines()), "") or _CLIENT
    denied = _DENIED.search(done.complaints)
    methods = tuple(denied[1].split(",")) if denied else ()
    # 255 is the client's own; every other status is that of the shell on the gateway.
    entered = done.status != 255
    return Login(entered, methods, "" if entered else complaint), done.text if entered else ""
