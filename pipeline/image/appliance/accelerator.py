"""Finds out whether KVM really works here.

A ``/dev/kvm`` that can be opened says little: nested or filtered virtualisation lets qemu crash or hang for ever. So
the appliance is launched once, for real, and the outcome remembered.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from pipeline.host import tools
from pipeline.image.appliance import session_dir

Say = Callable[[str], None]

_DEVICE = Path("/dev/kvm")
_FILE = "accelerator.json"
_PATIENCE = 45.0  # seconds; with a KVM that works the appliance takes under 10, building it the first time some more

# What the probe runs, in a process of its own that can be killed with all it started.
_PROBE = """
import sys, guestfs
g = guestfs.GuestFS(python_return_dict=True, environment=False)
g.set_backend("direct")
g.set_backend_settings(["force_kvm"])
g.set_tmpdir(sys.argv[1])
g.set_memsize(512)
g.add_drive_scratch(1 << 20)
g.launch()
g.list_devices()
g.shutdown()
g.close()
"""


def settings(state_dir: Path, say: Say) -> tuple[str, ...]:
    """Backend settings for libguestfs: none with a KVM that works, else ``force_tcg``.

    Says one line when it has to do without KVM, and why, the first time on a machine since it was started.
    """
    if "force_tcg" in os.environ.get("LIBGUESTFS_BACKEND_SETTINGS", "").split(":"):
        return ("force_tcg",)  # the user knows
    key = _machine()
    known = _recall(state_dir, key)
    if known is None:
        known = _try(state_dir, say)
        _remember(state_dir, key, works=known)
    return () if known else ("force_tcg",)


def overrides() -> tuple[tuple[str, str], ...]:
    """Calls that honour where the user says qemu, the appliance and its cache are; no other variable has an effect."""
    names = {"LIBGUESTFS_HV": "set_hv", "LIBGUESTFS_PATH": "set_path", "LIBGUESTFS_CACHEDIR": "set_cachedir"}
    return tuple((call, os.environ[name]) for name, call in names.items() if os.environ.get(name))


def _try(state_dir: Path, say: Say) -> bool:
    if not os.access(_DEVICE, os.R_OK | os.W_OK):
        why = "is not yours: join the group kvm" if _DEVICE.exists() else "does not exist"
        say(f"working without KVM, which takes longer: {_DEVICE} {why}")
        return False
    say("trying whether KVM works (once)")
    if probe(state_dir):
        return True
    say("working without KVM, which takes longer: it is there, but the appliance crashes or hangs with it (remembered)")
    return False


def probe(state_dir: Path, *, patience: float = _PATIENCE) -> bool:
    """Whether the appliance really starts with KVM; nothing of the attempt stays behind."""
    with session_dir.claim(state_dir) as place:
        process = subprocess.Popen(  # noqa: S603 - our own text, closed environment
            [sys.executable, "-c", _PROBE, str(place.directory)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=tools.closed_environment(place.environment()),
            start_new_session=True,
        )
        try:
            return process.wait(patience) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            place.kill_children()
            process.kill()
            process.wait()


def _machine() -> str:
    """What the outcome depends on: this boot of this kernel, and this qemu."""
    qemu = tools.find("qemu-system-x86_64") or Path("/nonexistent")
    about = qemu.stat() if qemu.exists() else None
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = "unknown"
    access = os.access(_DEVICE, os.R_OK | os.W_OK)
    identity = f"{about.st_size}:{about.st_mtime_ns}" if about else ""
    return f"{platform.release()} {boot} {access} {identity}"


def _recall(state_dir: Path, key: str) -> bool | None:
    try:
        known = json.loads((state_dir / _FILE).read_bytes())
        return bool(known["kvm"]) if known["machine"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(state_dir: Path, key: str, *, works: bool) -> None:
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = state_dir / f".{_FILE}.{os.getpid()}"
    beside.write_text(json.dumps({"machine": key, "kvm": works}))
    beside.replace(state_dir / _FILE)
