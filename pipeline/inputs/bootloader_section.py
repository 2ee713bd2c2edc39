"""``[bootloader]`` of ``gateway.toml``: where U-Boot's environment lies, and the delay it is to have (A:90)."""

from __future__ import annotations

from pipeline.inputs.toml_table import Table
from pipeline.model.guest_path import GuestPath
from pipeline.model.release import Bootloader, OutsideEnvironment

_LARGEST_DISK = 1 << 50  # bytes
_PATH = r"[^\0-\x1f\x7f]+"


def read_bootloader(table: Table) -> Bootloader:
    """The section; what is wrong with it is noted with its keys."""
    environment = table.text(
        "environment", "/boot/uboot.env", form=r"(/[A-Za-z0-9_.+-]+)+|", meaning="an absolute path"
    )
    if environment:
        try:
            GuestPath(environment)
        except ValueError:
            table.wrong("environment", "has . or .. in it, or is not canonical", "write the path without . and ..")
    offsets, size = _raw_environment(table)
    outside = _outside(table) if table.has("outside") else None
    if offsets or outside is not None:
        environment = ""
    bootloader = Bootloader(
        bootdelay=_bootdelay(table), environment=environment, offsets=offsets, size=size, outside=outside
    )
    table.close()
    return bootloader


def _raw_environment(table: Table) -> tuple[tuple[int, ...], int]:
    """Where an environment lies that is in no file; offsets may count from the end of the disk."""
    offsets = tuple(
        table.integer(key, 0, -_LARGEST_DISK, _LARGEST_DISK) for key in ("offset", "redundant_offset") if table.has(key)
    )
    size = table.integer("size", 0, 16, 16 << 20) if table.has("size") else 0
    if table.has("redundant_offset") and not table.has("offset"):
        table.wrong("redundant_offset", "is for the second copy, but there is no first", "give offset too")
    if table.has("offset") != table.has("size"):
        table.wrong("offset", "needs size, and size needs offset", "give both, as in the board's fw_env.config")
    if table.has("offset") and table.has("environment"):
        table.wrong("environment", "names a file, but offset names a place outside all files", "remove one of them")
    return offsets, size


def _outside(table: Table) -> OutsideEnvironment:
    """An environment on another chip; what is to be written there must come from somewhere."""
    for key in ("environment", "offset"):
        if table.has(key):
            table.wrong(
                key,
                "means that the environment is in the image, and outside means that it is not",
                "remove one of them",
            )
    inner = table.table("outside")
    dumps = inner.texts("dumps", form=_PATH, meaning="a path")
    outside = OutsideEnvironment(
        config=inner.text("config", "", form=_PATH, meaning="a path"),
        dumps=dumps,
        defaults=inner.text("defaults", "", form=_PATH, meaning="a path"),
    )
    if bool(dumps) == bool(outside.defaults):
        inner.wrong(
            "dumps",
            "needs either dumps or defaults, not both",
            "give dumps as read from a gateway, or the board's u-boot-initial-env as defaults",
        )
    if len(dumps) > 2:
        inner.wrong("dumps", "an environment has one copy or two", "name one file for each line of fw_env.config")
    if len({"{gateway}" in dump for dump in dumps}) > 1:
        inner.wrong("dumps", "{gateway} is in one path but not in the other", "write it in both paths, or in neither")
    inner.close()
    return outside


def _bootdelay(table: Table) -> int:
    """0 as the documents ask (A:90); -2 also ignores the keyboard; -1 would never boot (U-Boot, CONFIG_BOOTDELAY)."""
    delay = table.integer("bootdelay", 0, -2, 0)
    if delay == -1:
        table.wrong("bootdelay", "-1 means never to boot by itself", "use 0, or -2 to ignore the keyboard too")
    return delay
