"""Unpacks zstd inside an export, by the zstd program: Python 3.11 has no module for it."""

from __future__ import annotations

import subprocess
import tempfile

from pipeline.classification.containers import NotSearchedError
from pipeline.host import tools

_PIECE = 1 << 20


def unzstd(content: bytes, most: int) -> bytes:
    """The content of zstd data.

    Args:
        most: bytes it may become.

    Raises:
        NotSearchedError: damaged, cut off, or larger.
        PipelineError: the zstd program is missing.
    """
    program = tools.require("zstd", reason="look into zstd data of the golden sample's export")
    unpacked = bytearray()
    with tempfile.TemporaryFile() as packed:  # without a name, so that nobody else can open it
        packed.write(content)
        packed.seek(0)
        with subprocess.Popen(  # noqa: S603 - fixed arguments, the data comes on standard input
            # The largest window that is taken unasked, whatever the data asks for.
            [str(program), "-dcq", "--memory=128MB"],
            stdin=packed,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=tools.closed_environment(),
        ) as process:
            if process.stdout is None:
                raise AssertionError("it is a pipe")
            while piece := process.stdout.read(_PIECE):
                unpacked += piece
                if len(unpacked) > most:
                    process.kill()
                    raise NotSearchedError(f"zstd data that unpacks to more than {most >> 20} MiB")
    if process.returncode != 0:
        raise NotSearchedError("damaged zstd data")
    return bytes(unpacked)
