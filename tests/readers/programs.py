"""How each real program is asked about one file without starting anything that stays."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import tempfile
import tty
from functools import cache
from pathlib import Path
from typing import Any

from tests.readers import servers
from tests.readers.root import Answer, Program, Root, answer, said, simple, write


def _sshd(root: Root, data: bytes) -> Answer:
    """``sshd -t``, and ``-T`` for a connection: what stands in a Match block is read then."""
    with root.folder() as (outside, inside):
        write(outside / "file", data, 0o644)
        (root.path / "run/sshd").mkdir(mode=0o755, exist_ok=True)
        root.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{inside}/key")
        ran = root.run("/usr/sbin/sshd", "-t", "-f", f"{inside}/file", "-h", f"{inside}/key")
        if ran.status == 0:
            who = "user=nobody,host=a.example,addr=192.0.2.1,laddr=192.0.2.2,lport=22"
            ran = root.run("/usr/sbin/sshd", "-T", "-C", who, "-f", f"{inside}/file", "-h", f"{inside}/key")
    return answer(ran.status == 0, re.sub(r"\n[a-z0-9]+ .*", "", ran.words).replace(inside, ""))


def _ifup(root: Root, data: bytes) -> Answer:
    """What ``ifquery`` lists, and every interface brought up without doing it; a refused line stops them all."""
    with root.folder() as (outside, inside):
        write(outside / "file", data, 0o644)
        listed = root.run("ifquery", "--list", "-a", "-i", f"{inside}/file")
        named = sorted(set(re.findall(rb"(?m)^[ \t]*iface[ \t]+(\S+)", data)))
        ran = [listed]
        for name in named if listed.status == 0 else []:
            text = name.decode("utf-8", "replace")
            ran.append(root.run("ifup", "-n", "--force", "--state-dir", inside, "-i", f"{inside}/file", text))
    bad = [one for one in ran if re.search("couldn.t read interfaces|missing ", one.words)]
    return answer(not bad, (bad or ran)[0].words.replace(inside, ""))


def _sudoers(root: Root, data: bytes) -> Answer:
    """``visudo -c``; and by cvtsudoers who may do everything as root, and whether a password is asked for."""
    with root.folder() as (outside, inside):
        write(outside / "file", data, 0o440)
        ran = root.run("visudo", "-c", "-f", f"{inside}/file")
        made = root.run("cvtsudoers", "-e", "-f", "json", f"{inside}/file") if ran.status == 0 else ran
    taken = ran.status == 0
    return answer(taken, ran.words.replace(inside, ""), _roots(made.words) if taken else None)


def _roots(words: str) -> list[list[Any]] | None:
    try:
        found = json.loads(words[words.index("{") :])
    except ValueError:  # it writes what is no JSON for some files that visudo takes
        return None
    return sorted(
        [name, bool(root), _asked(found, name, command)]
        for specification in found.get("User_Specs", [])
        for command in specification["Cmnd_Specs"]
        for who in specification["User_List"]
        if not who.get("negated") and (name := _who(who))
        for root in [_is_root(command) and {"command": "ALL"} in command["Commands"]]
        if root
    )


def _who(user: dict[str, Any]) -> str:
    forms = {"username": "", "usergroup": "%", "usergid": "%#", "userid": "#", "netgroup": "+", "useralias": ""}
    return next((f"{forms[key]}{value}" for key, value in user.items() if key in forms), "")


def _is_root(command: dict[str, Any]) -> bool:
    users = command.get("runasusers")
    if users is None:
        return "runasgroups" not in command
    return any(user.get("username") in ("root", "ALL") or user.get("userid") == 0 for user in users)


def _asked(found: dict[str, Any], name: str, command: dict[str, Any]) -> bool:
    asked = True
    for default in found.get("Defaults", []):
        bound = [_who(one) for one in default.get("Binding", []) if _who(one)]
        other = [one for one in default.get("Binding", []) if not _who(one)]
        if not bound or other or {name, "ALL"} & {*bound}:
            for option in default["Options"]:
                asked = option.get("authenticate", asked)
    for option in command.get("Options", []):
        asked = option.get("authenticate", asked)
    return asked


def _pppd(root: Root, data: bytes) -> Answer:
    """``dryrun``: the options are read, and no more."""
    with root.folder() as (outside, inside):
        write(outside / "file", data, 0o644)
        ran = root.run("pppd", "notty", "file", f"{inside}/file", "dryrun", given="")
    # It looks for the kernel's device when it has read all options; that a quotation swallows the rest of the file is a
    # warning only, and no file anybody meant.
    taken = (ran.status == 0 or "/dev/ppp" in ran.words) and "runs to end of file" not in ran.words
    return answer(taken, ran.words.replace(inside, ""))


def _chat(root: Root, data: bytes) -> Answer:
    """On a terminal whose other end says OK and CONNECT all the time; what it was sent is what the script means."""
    with root.folder() as (outside, inside):
        write(outside / "file", data, 0o644)
        terminal, line = pty.openpty()
        tty.setraw(line)
        command = ["chroot", str(root.path)] if root.path != Path("/") else []
        process = subprocess.Popen(
            [*command, "chat", "-s", "-t", "1", "-f", f"{inside}/file"], stdin=line, stdout=line, stderr=subprocess.PIPE
        )
        os.close(line)
        sent = b""
        for _ in range(120):
            if process.poll() is not None:
                break
            os.write(terminal, b"OK\r\nCONNECT\r\n")
            while select.select([terminal], [], [], 0.05)[0]:
                try:
                    sent += os.read(terminal, 4096)
                except OSError:
                    break
        process.kill()
        said = (process.communicate()[1] or b"").decode("utf-8", "replace")
        os.close(terminal)
    contexts = re.findall(r"(?i)AT\+CGDCONT[^\r\n]*", sent.decode("latin-1"))
    return answer(re.search("unterminated|unbalanced", said) is None, said, contexts)


def _fw_printenv(root: Root, data: bytes) -> Answer:
    """An environment of 131,072 bytes of zeros behind every path: only what is no configuration is refused."""
    with root.folder() as (outside, inside):
        (outside / "env").write_bytes(bytes(0x40000))
        write(outside / "file", data.replace(b"ENV", f"{inside}/env".encode()), 0o644)
        (outside / "default").write_text("a=b\n")
        ran = root.run("fw_printenv", "-c", f"{inside}/file", "-f", f"{inside}/default")
    return answer(ran.status == 0 and "a=b" in ran.words, ran.words.replace(inside, ""))


_READ_MANIFEST = """
public class ReadManifest {
    public static void main(String[] names) throws java.io.IOException {
        new java.util.jar.Manifest(new java.io.FileInputStream(names[0]));
    }
}
"""


@cache
def _manifest_reader() -> bytes:
    """A program of four lines around java.util.jar.Manifest, compiled on this machine."""
    with tempfile.TemporaryDirectory() as made:
        source = Path(made) / "ReadManifest.java"
        source.write_text(_READ_MANIFEST)
        subprocess.run(["javac", "--release", "17", str(source)], check=True)
        return source.with_suffix(".class").read_bytes()


def _java_manifest(root: Root, data: bytes) -> Answer:
    with root.folder() as (outside, inside):
        write(outside / "file", data, 0o644)
        write(outside / "ReadManifest.class", _manifest_reader(), 0o644)
        ran = root.run("java", "-Xshare:auto", "-cp", inside, "ReadManifest", f"{inside}/file")
    return answer(ran.status == 0, ran.words.replace(inside, ""))


def _indexed(*programs: Program) -> dict[str, Program]:
    return {program.name: program for program in programs}


PROGRAMS = _indexed(
    Program("sshd", ("sshd", "-V"), r"OpenSSH_[\w.]+", _sshd),
    Program(
        "hostapd",
        ("hostapd", "-v"),
        r"v\d\S+",
        said("errors? found in configuration|Could not open", "hostapd", "FILE"),
    ),
    Program(
        "wpa_supplicant",
        ("wpa_supplicant", "-v"),
        r"v\d\S+",
        said(
            "Failed to read or parse|Failed to open config",
            "wpa_supplicant",
            "-i",
            "wlan0",
            "-D",
            "wired",
            "-c",
            "FILE",
        ),
    ),
    Program("pppd", ("pppd", "--version"), r"\d+\.\d+\.\d+", _pppd),
    Program("chat", ("pppd", "--version"), r"\d+\.\d+\.\d+", _chat),
    Program("fw_printenv", ("fw_printenv", "-V"), r"\d+\.\d+\S*", _fw_printenv),
    Program("java-manifest", ("java", "--version"), r"openjdk \S+", _java_manifest),
    Program("visudo", ("visudo", "-V"), r"version \S+", _sudoers),
    Program("ifup", ("ifup", "--version"), r"version \S+", _ifup),
    Program("iptables-restore", ("iptables-restore", "-V"), r"v\d\S+ \(\w+\)", simple("iptables-restore", "FILE")),
    Program("ip6tables-restore", ("ip6tables-restore", "-V"), r"v\d\S+ \(\w+\)", simple("ip6tables-restore", "FILE")),
    *servers.PROGRAMS,
)
