"""Programs for other processors: qemu's user-mode emulation, inside the appliance only."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from pipeline.host import tools

# Machine numbers of ELF headers (System V ABI), little-endian, and how Debian's qemu-user-static calls its programs.
_EMULATED = {
    (2, 183): "qemu-aarch64-static",
    (1, 40): "qemu-arm-static",
    (2, 243): "qemu-riscv64-static",
    (2, 21): "qemu-ppc64le-static",
}
_NATIVE = {(2, 62), (1, 3)}  # x86-64 and the 32-bit programs its kernel runs
_SLOWER = 6


@dataclass(frozen=True)
class Emulator:
    """One of qemu's user-mode emulators.

    Attributes:
        registration: the line for binfmt_misc; flag F opens it at once, so that it is found from any root.
        slower: by how much the time limits of questions are stretched.
    """

    program: Path
    registration: str
    slower: int = _SLOWER


def machine_of(header: bytes) -> tuple[int, int] | None:
    """Class (1: 32 bits, 2: 64) and machine number of an ELF file's first 20 bytes; None for anything else."""
    if len(header) < 20 or header[:4] != b"\x7fELF" or header[4] not in (1, 2) or header[5] not in (1, 2):
        return None
    (machine,) = struct.unpack_from("<H" if header[5] == 1 else ">H", header, 18)
    return header[4], machine


def is_native(machine: tuple[int, int]) -> bool:
    """Whether the appliance's own processor runs it."""
    return machine in _NATIVE


def emulator_for(machine: tuple[int, int]) -> Emulator | str:
    """The emulator for a machine, or why there is none."""
    name = _EMULATED.get(machine)
    if name is None:
        return f"its programs are for a processor nobody emulates here (ELF machine {machine[1]})"
    program = tools.find(name)
    if program is None:
        return f"its programs are for another processor and {name} is not installed (package qemu-user-static)"
    bits, number = machine
    # Offset 0: ident, type (executable or shared object) and machine; everything else does not matter.
    magic = b"\x7fELF" + bytes([bits, 1, 1]) + bytes(9) + b"\x02\x00" + number.to_bytes(2, "little")
    mask = b"\xff" * 7 + b"\x00" * 9 + b"\xfe\xff\xff\xff"
    return Emulator(program, f":reader:M:0:{_hex(magic)}:{_hex(mask)}:/sysroot/work/emulator:F")


def _hex(data: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in data)
