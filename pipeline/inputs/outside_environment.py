"""The files ``[bootloader.outside]`` names: U-Boot's environment as it was read from a gateway, or its defaults."""

from __future__ import annotations

from pathlib import Path

from pipeline.inputs.toml_table import read_bytes
from pipeline.model.outside.sidecar import Outside
from pipeline.model.release import Release


def read_outside(release: Release, gateway: str, base: Path) -> Outside | None:
    """What was given for one gateway; None when the environment does not lie outside the image.

    Args:
        base: from where relative paths count: the directory of ``gateway.toml``.

    Raises:
        PipelineError: a file cannot be read.
    """
    named = release.bootloader.outside
    if named is None:
        return None
    dumps = tuple(dump.replace("{gateway}", gateway) for dump in named.dumps)
    return Outside(
        source=named.defaults or " and ".join(dumps),
        config=read_bytes(base / named.config, "fw_env.config") if named.config else None,
        dumps=tuple(read_bytes(base / dump, "dump of U-Boot's environment") for dump in dumps),
        defaults=read_bytes(base / named.defaults, "list of U-Boot's variables") if named.defaults else None,
        own=dumps != named.dumps,
    )
