"""A small initial RAM disk that loads a stock kernel's modules and starts the system of a disk image."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.host import tools

# What a virtual machine's disk and network need, and what the firewall of a gateway may ask for: the image brings no
# modules for this kernel, so everything is loaded before its init starts.
MODULES = (
    "virtio_pci",
    "virtio_blk",
    "virtio_net",
    "virtio_rng",
    "crc32c_generic",  # ext4 and the firewall ask the kernel for it by algorithm, which modules.dep does not tell
    "ext4",
    "vfat",
    "nls_cp437",
    "nls_iso8859_1",
    "nls_ascii",
    "af_packet",
    "veth",  # a network inside the machine, from where its firewall can be tried with addresses of any kind
    "autofs4",  # systemd asks for it early
    "ip_tables",
    "iptable_filter",
    "iptable_mangle",
    "iptable_nat",
    "ip6_tables",
    "ip6table_filter",
    "ip6t_REJECT",
    "ipt_REJECT",
    "nf_log_syslog",
    "nf_tables",
    "nft_compat",
    "nft_chain_nat",
    "nft_ct",
    "nft_counter",
    "xt_LOG",
    "xt_MASQUERADE",
    "xt_REDIRECT",
    "xt_TCPMSS",
    "xt_addrtype",
    "xt_comment",
    "xt_connlimit",
    "xt_connmark",
    "xt_conntrack",
    "xt_hashlimit",
    "xt_iprange",
    "xt_length",
    "xt_limit",
    "xt_mac",
    "xt_mark",
    "xt_multiport",
    "xt_nat",
    "xt_owner",
    "xt_pkttype",
    "xt_recent",
    "xt_state",
    "xt_tcpmss",
    "xt_tcpudp",
    "xt_time",
)
# A kernel has some of them built in, under another name, or no more; the boot shows what is really missing.
_NEEDED = frozenset({"virtio_pci", "virtio_blk", "virtio_net", "ext4"})

# Kernel argument ADDRESS=INTERFACE,ADDRESS/PREFIX; the dot keeps the kernel from handing it to init.
ADDRESS = "ramdisk.address"

_PT_INTERP = 3  # elf(5)

_INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for word in $(cat /proc/cmdline); do
	case "$word" in
	root=*) root=${word#root=} ;;
	rootfstype=*) rootfstype=${word#rootfstype=} ;;
	ramdisk.address=*) addresses="$addresses ${word#ramdisk.address=}" ;;
	esac
done
while read module; do
	insmod "/modules/$module" || echo "initramfs: $module was refused"
done </modules/order
for given in $addresses; do
	ip address add "${given#*,}" broadcast + dev "${given%%,*}"
	ip link set "${given%%,*}" up
done
tries=0
while [ ! -b "$root" ] && [ $tries -lt 100 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
if ! mount -o ro -t "$rootfstype" "$root" /root; then
	echo "initramfs: $root cannot be mounted as $rootfstype"
	poweroff -f
fi
mount --move /dev /root/dev
umount /proc /sys
exec switch_root /root /sbin/init
"""


def initramfs(modules: Path) -> bytes:
    """The archive for the kernel whose modules lie in a directory such as ``/lib/modules/6.1.0-1-amd64``.

    Its script obeys the kernel arguments ``root=``, ``rootfstype=`` and `ADDRESS`.

    Raises:
        PipelineError: there is no static busybox, or the modules of this kernel are incomplete.
    """
    busybox = _static_busybox()
    files: dict[str, tuple[int, bytes]] = {
        "bin": (0o040755, b""),
        "bin/busybox": (0o100755, busybox),
        "dev": (0o040755, b""),
        "init": (0o100755, _INIT.encode()),
        "modules": (0o040755, b""),
        "proc": (0o040755, b""),
        "root": (0o040755, b""),
        "sys": (0o040755, b""),
    }
    order = load_order(modules)
    for path in order:
        files[f"modules/{_plain_name(path)}"] = (0o100644, _unpacked(modules / path))
    files["modules/order"] = (0o100644, "".join(f"{_plain_name(path)}\n" for path in order).encode())
    return cpio((name, mode, content) for name, (mode, content) in sorted(files.items()))


def _static_busybox() -> bytes:
    """The program that is all of the RAM disk's user land."""
    place = tools.require("busybox", reason="boot a disk image in a virtual machine")
    content = place.read_bytes()
    if _has_interpreter(content):
        raise PipelineError(
            f"{place}: needs shared libraries, which a RAM disk does not have", "apt-get install busybox-static"
        )
    return content


def _has_interpreter(program: bytes) -> bool:
    """Whether a 64-bit little-endian ELF program has a PT_INTERP segment, that is, is dynamically linked."""
    headers, size, count = (
        int.from_bytes(program[32:40], "little"),
        int.from_bytes(program[54:56], "little"),
        int.from_bytes(program[56:58], "little"),
    )
    kinds = (program[headers + number * size :][:4] for number in range(count))
    return any(int.from_bytes(kind, "little") == _PT_INTERP for kind in kinds)


def load_order(modules: Path, wanted: Sequence[str] = MODULES) -> tuple[str, ...]:
    """Paths of the wanted modules and of all they depend on, relative to the directory, dependencies first.

    Raises:
        PipelineError: ``modules.dep`` cannot be read, or a module without which nothing boots is missing.
    """
    try:
        dependencies = _dependencies((modules / "modules.dep").read_text("utf-8"))
        built_in = {_module_name(line) for line in (modules / "modules.builtin").read_text("utf-8").splitlines()}
    except OSError as error:
        raise PipelineError(
            f"{modules}: not the modules of a kernel: {error.strerror}", "apt-get install linux-image-amd64"
        ) from error
    by_name = {_module_name(path): path for path in dependencies}
    missing = sorted(name for name in _NEEDED.intersection(wanted) if name not in by_name and name not in built_in)
    if missing:
        raise PipelineError(
            f"{modules}: the kernel has no module {', '.join(missing)}",
            "boot with Debian's stock kernel (linux-image-amd64); kernels for clouds and containers lack drivers",
        )
    ordered: dict[str, None] = {}
    for name in wanted:
        if name in by_name:
            # modules.dep lists all dependencies, each one before those it depends on.
            for path in reversed((by_name[name], *dependencies[by_name[name]])):
                ordered.setdefault(path)
    return tuple(ordered)


def _dependencies(text: str) -> Mapping[str, tuple[str, ...]]:
    lines = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {path: tuple(others.split()) for path, others in lines}


def _module_name(path: str) -> str:
    return _plain_name(path).removesuffix(".ko").replace("-", "_")


def _plain_name(path: str) -> str:
    """File name without the compression's ending."""
    name = path.rsplit("/", 1)[-1]
    return name[: name.index(".ko") + 3] if ".ko" in name else name


def _unpacked(path: Path) -> bytes:
    """A module's content; distributions compress them in different ways."""
    content = path.read_bytes()
    match path.suffix:
        case ".xz":
            return lzma.decompress(content)
        case ".gz":
            return gzip.decompress(content)
        case ".zst":
            return tools.run("zstd", "-dc", reason=f"unpack {path.name}", stdin=content).stdout
        case _:
            return content


def cpio(entries: Iterable[tuple[str, int, bytes]]) -> bytes:
    """An archive in the kernel's ``newc`` form (initramfs-buffer-format.rst) of (name, mode with type, content)."""
    parts: list[bytes] = []

    def add(number: int, name: str, mode: int, content: bytes) -> None:
        encoded = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        parts.append(header + bytes(-len(header) % 4) + content + bytes(-len(content) % 4))

    for number, (name, mode, content) in enumerate(entries, start=1):
        add(number, name, mode, content)
    add(0, "TRAILER!!!", 0, b"")
    return b"".join(parts)
