"""Compression of finished images: transport only, the manifest speaks of the raw bytes."""

from __future__ import annotations

from pathlib import Path

from pipeline.host.tools import run

# One thread and a fixed level: with more threads, xz and zstd cut their blocks differently.
# gzip: -n leaves name and time out.
_COMMANDS = {
    "gz": ("gzip", ("-n", "-9", "--keep", "--force")),
    "xz": ("xz", ("-T1", "-6", "--keep", "--force")),
    "zst": ("zstd", ("-T1", "-10", "--keep", "--force", "--quiet")),
}


def compress(image: Path, kind: str) -> Path:
    """Replace an image by its compressed form, ``image.img.zst`` and the like; it stays readable by its owner only."""
    program, options = _COMMANDS[kind]
    run(program, *options, "--", image, reason="compress a finished image")
    compressed = image.with_name(f"{image.name}.{kind}")
    compressed.chmod(0o600)
    image.unlink()
    return compressed
