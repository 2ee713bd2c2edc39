"""Asks a running golden gateway for its files, by the ssh program: pinned host key, a key or an agent, no password."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from urllib.parse import urlsplit

from pipeline.errors import PipelineError
from pipeline.host import tools
from pipeline.host.scratch import temporary_directory

MOST_BYTES = (512 << 20) + (64 << 20)
_DEADLINE = 900  # seconds for everything
_REASON = "read the golden gateway's files"
# What may be needed for old gateways, which offer nothing newer; each lowers the protection for this connection only.
_TUNABLE = ("HostKeyAlgorithms", "PubkeyAcceptedAlgorithms", "KexAlgorithms", "Ciphers", "MACs")
_OPTION = re.compile(rf"({'|'.join(_TUNABLE)})=[A-Za-z0-9@.,+^-]+")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*|[0-9A-Fa-f:.]+(?:%[A-Za-z0-9]+)?")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


@dataclass(frozen=True)
class Target:
    """A gateway as ``ssh://user@host:port`` names it."""

    user: str
    host: str
    port: int = 22

    def __str__(self) -> str:
        return f"ssh://{self.user}@{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def parse_target(text: str) -> Target:
    """Read ``ssh://user@host[:port]``; `PipelineError` for anything else, a password above all."""
    remedy = "write ssh://root@192.168.10.1 or ssh://root@192.168.10.1:22"
    try:
        parts = urlsplit(text)
        user, host, port = parts.username or "", parts.hostname or "", parts.port or 22
    except ValueError:
        raise PipelineError("the address of the gateway is not understood", remedy) from None
    if parts.password is not None:
        raise PipelineError("a password in an address is seen by everybody on this machine", "use a key or an agent")
    if parts.path not in ("", "/") or parts.query or parts.fragment or not _USER.fullmatch(user):
        raise PipelineError("the address of the gateway is not understood", remedy)
    if not _HOST.fullmatch(host):
        raise PipelineError("the address of the gateway is not understood", remedy)
    return Target(user, host, port)


@contextmanager
def pinned(target: Target, known_hosts: Path | None, fingerprint: str) -> Iterator[Path]:
    """A file with the one host key that is accepted.

    Args:
        known_hosts: a file that has it already.
        fingerprint: else ``SHA256:…`` as ``ssh-keygen -lf /etc/ssh/ssh_host_…_key.pub`` prints it on the gateway.

    Raises:
        PipelineError: neither is given, or the gateway has another key.
    """
    if known_hosts is not None:
        if not known_hosts.is_file():
            raise PipelineError(f"{known_hosts}: no such file", "name a known_hosts file that has the gateway's key")
        yield known_hosts.resolve()
        return
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise PipelineError(
            "the gateway's host key must be known before anything is asked of it",
            "on the gateway run ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub and give --fingerprint SHA256:…, "
            "or give --known-hosts FILE",
        )
    done = tools.run(
        "ssh-keyscan",
        *("-T", "15", "-p", str(target.port), target.host),
        reason="ask for the gateway's host key",
        ok=(0, 1),  # older versions end with 0 when nobody answers
        timeout=60,
    )
    line = _matching(done.text, fingerprint, target)
    with temporary_directory("capture-") as place:
        file = Path(place) / "known_hosts"
        file.write_text(line, "ascii")
        yield file


def _matching(scan: str, fingerprint: str, target: Target) -> str:
    offered: list[str] = []
    for line in scan.splitlines():
        words = line.split()
        if len(words) != 3 or line.startswith("#"):
            continue
        try:
            digest = hashlib.sha256(base64.b64decode(words[2], validate=True)).digest()
        except ValueError:
            continue
        offered.append(f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}")
        if offered[-1] == fingerprint:
            name = target.host if target.port == 22 else f"[{target.host}]:{target.port}"
            return f"{name} {words[1]} {words[2]}\n"
    if not offered:
        raise PipelineError(
            f"{target}: nobody answers there, or no SSH server does",
            "check address and port, and that this machine reaches the gateway: ssh-keyscan shows the same",
        )
    raise PipelineError(
        f"{target}: does not have the host key {fingerprint}; it offers {', '.join(offered)}",
        "compare with what ssh-keygen -lf shows on the gateway itself; if they differ, somebody is in between",
    )


def command_line(target: Target, known_hosts: Path, key: Path | None, options: Sequence[str]) -> list[str]:
    """The arguments of ssh: nothing of this machine's configuration counts, nothing is asked, nothing is forwarded."""
    wrong = [option for option in options if not _OPTION.fullmatch(option)]
    if wrong:
        raise PipelineError(
            f"--ssh-option {ascii(wrong[0])}: is not one that may be given",
            f"one of {', '.join(_TUNABLE)}, as NAME=VALUE",
        )
    fixed = (
        "BatchMode=yes", "StrictHostKeyChecking=yes", f'UserKnownHostsFile="{known_hosts}"',
        "GlobalKnownHostsFile=/dev/null", "UpdateHostKeys=no", "ClearAllForwardings=yes", "ForwardAgent=no",
        "ForwardX11=no", "PermitLocalCommand=no", "PasswordAuthentication=no", "KbdInteractiveAuthentication=no",
        "ConnectTimeout=20", "ServerAliveInterval=15", "LogLevel=ERROR", "RequestTTY=no",
    )  # fmt: skip
    arguments = ["-F", "/dev/null"]
    for option in (*fixed, *options):
        arguments += ["-o", option]
    if key is not None:
        arguments += ["-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-i", str(key.resolve())]
    return [*arguments, "-p", str(target.port), "-l", target.user, "--", target.host, "exec sh -s"]


def run_script(target: Target, known_hosts: Path, script: bytes, *, key: Path | None, options: Sequence[str]) -> bytes:
    """What a script on the gateway writes.

    Raises:
        PipelineError: no connection, another host key, no permission, too much, or the script fails.
    """
    ssh = tools.require("ssh", reason=_REASON)
    agent = {"SSH_AUTH_SOCK": os.environ["SSH_AUTH_SOCK"]} if key is None and "SSH_AUTH_SOCK" in os.environ else {}
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(  # noqa: S603 - argument list, closed environment
            [str(ssh), *command_line(target, known_hosts, key, options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env=tools.closed_environment(agent),
        ) as process,
    ):
        timer = Timer(_DEADLINE, process.kill)
        timer.start()
        try:
            output = _talk(process, script, target)
            status = process.wait()
        finally:
            timer.cancel()
            process.kill()
        complaints.seek(0)
        said = complaints.read(1 << 16).decode("utf-8", "replace")
    if status != 0:
        raise PipelineError(f"{target}: {_explained(said, status)}", _remedy(said))
    return output


def _talk(process: subprocess.Popen[bytes], script: bytes, target: Target) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise AssertionError("both are pipes")
    try:
        process.stdin.write(script)  # smaller than a pipe holds
        process.stdin.close()
    except BrokenPipeError:
        pass  # ssh has given up; its status and its words say why
    output = bytearray()
    while piece := process.stdout.read(1 << 20):
        output += piece
        if len(output) > MOST_BYTES:
            process.kill()
            raise PipelineError(
                f"{target}: sends more than {MOST_BYTES >> 20} MiB", "look what lies in /etc/ppp and packages/ there"
            )
    return bytes(output)


def _explained(said: str, status: int) -> str:
    last = [line for line in said.splitlines() if line.strip() and not line.startswith("@")]
    return ascii(last[-1].strip()[:200])[1:-1] if last else f"ended with status {status}"


def _remedy(said: str) -> str:
    if "Host key verification failed" in said or "host key" in said.lower():
        return "compare with what ssh-keygen -lf shows on the gateway itself; if they differ, somebody is in between"
    if "Permission denied" in said:
        return "give a key that may log in with --key, or load it into an agent"
    if "no matching" in said:
        return f"an old gateway needs --ssh-option NAME=VALUE, NAME one of {', '.join(_TUNABLE)}"
    if "is missing" in said:
        return "capture from an image of its disk instead: doit capture IMAGE"
    return "try ssh by hand"
