"""U-Boot's environment on another chip than the image: files to be written there when flashing (A:90 to A:104)."""

from __future__ import annotations

import re

from pipeline.errors import PipelineError
from pipeline.formats.boot import fw_env_config, uboot_env
from pipeline.formats.boot.fw_env_config import FwEnvConfigError, Place
from pipeline.formats.boot.uboot_env import Environment, UbootEnvError
from pipeline.model.layer import Origin
from pipeline.model.manifest import Step
from pipeline.model.outside.sidecar import ENVIRONMENTS, Outside, Sidecar
from pipeline.model.release import Release
from pipeline.model.vanilla import Vanilla

_CONFIG = "/etc/fw_env.config"
_PLACE = "gateway.toml [bootloader.outside]"
_REMEDY = "check the files with fw_printenv on a gateway"
_ORIGIN = Origin("bootloader.delay", _PLACE, "A:98")
# What U-Boot and its boards keep of one gateway: on all of a release it would be one network address for all.
_OF_ONE = re.compile(
    rb"eth\d*addr|usbnet_(?:dev|host)addr|wlan\d*addr|wifi_?addr|bt_?addr|serial#|serial_?no|board_serial"
)


def protect(vanilla: Vanilla, release: Release, outside: Outside | None) -> tuple[Sidecar, ...]:
    """The given environment with ``bootdelay`` changed and nothing else: read, modify, write; both copies of a pair.

    Args:
        outside: what was given; None when the environment does not lie outside the image.

    Raises:
        PipelineError: what was given is no environment of the form its ``fw_env.config`` says, or holds what belongs
            to one gateway and would be written to all.
    """
    if outside is None:
        return ()
    places = _places(vanilla, outside)
    try:
        environment = _given(outside, places)
        if (environment.current.flags is not None) != (len(places) == 2) or len(environment.copies) != len(places):
            has = "two copies" if environment.current.flags is not None else "one copy"
            raise UbootEnvError(f"an environment of {has}, fw_env.config says {len(places)}")
        changed = uboot_env.change(environment, {"bootdelay": str(release.bootloader.bootdelay)})
    except UbootEnvError as error:
        raise PipelineError(f"{_PLACE} {outside.source}: {error}", _REMEDY) from None
    _refuse_what_is_of_one(changed, outside)
    data = uboot_env.render(changed)
    size = places[0].size
    return tuple(
        Sidecar(name, place.device, place.offset, data[number * size : (number + 1) * size], (_ORIGIN,), place.erase)
        for number, (name, place) in enumerate(zip(ENVIRONMENTS, places, strict=False))
    )


def _places(vanilla: Vanilla, outside: Outside) -> tuple[Place, ...]:
    config, name = outside.config, f"{_PLACE} config"
    if config is None:
        name = f"vanilla image: {_CONFIG}"
        if not vanilla.exists(_CONFIG):
            raise PipelineError(
                f"{name}: is missing, so nothing says where the environment lies", f"give config under {_PLACE}"
            )
        config = vanilla.read(_CONFIG)
    try:
        places = fw_env_config.parse(config)
    except FwEnvConfigError as error:
        raise PipelineError(f"{name}: {error}", "correct it, or give another as config") from None
    if len({place.size for place in places}) != 1:
        raise PipelineError(f"{name}: the two copies differ in size", _REMEDY)
    return places


def _given(outside: Outside, places: tuple[Place, ...]) -> Environment:
    if outside.defaults is not None:
        return uboot_env.from_text(outside.defaults, places[0].size, redundant=len(places) == 2)
    if len(outside.dumps) != len(places):
        raise UbootEnvError(f"{len(outside.dumps)} dumps, fw_env.config says {len(places)} copies")
    return uboot_env.parse(b"".join(_copy(dump, place) for dump, place in zip(outside.dumps, places, strict=True)))


def _copy(dump: bytes, place: Place) -> bytes:
    """Of a dump of the device the copy in it; a dump that is just as long as a copy is one."""
    if len(dump) == place.size:
        return dump
    start = place.offset + len(dump) if place.offset < 0 else place.offset
    if start < 0 or start + place.size > len(dump):
        raise UbootEnvError(
            f"{len(dump)} bytes: neither one copy of {place.size} nor a dump of {place.device} up to its end"
        )
    return dump[start : start + place.size]


def _refuse_what_is_of_one(environment: Environment, outside: Outside) -> None:
    if outside.own:
        return
    found = sorted(
        {name.decode("ascii") for copy in environment.copies for name, _ in copy.pairs if _OF_ONE.fullmatch(name)}
    )
    if found:
        raise PipelineError(
            f"{_PLACE} {outside.source}: holds {', '.join(found)} of the gateway it was read from",
            "name a dump of each gateway by {gateway} in its path, or take the variables out of this one",
        )


def flashing(sidecar: Sidecar, bootdelay: int) -> Step:
    """What people do with a sidecar on the gateway; the chips of boards are written in different ways."""
    device, size = sidecar.device, len(sidecar.content)
    if re.fullmatch(r"/dev/mtd\d+", device):
        erase = f"{sidecar.erase or size:#x}"
        how = (
            f"mtd_debug erase {device} {sidecar.offset:#x} {erase} && "
            f"mtd_debug write {device} {sidecar.offset:#x} {size:#x} {sidecar.file}"
        )
    else:
        block = 512 if sidecar.offset % 512 == 0 else 1
        seek = str(sidecar.offset // block)
        if sidecar.offset < 0:
            seek = f"$((($(blockdev --getsize64 {device}) - {-sidecar.offset}) / {block}))"
        how = f"dd if={sidecar.file} of={device} bs={block} seek={seek} conv=notrunc,fsync"
        if re.fullmatch(r"/dev/mmcblk\d+boot\d+", device):
            how = f"echo 0 > /sys/class/block/{device.rpartition('/')[2]}/force_ro && {how}"
    return Step(
        f"U-Boot's environment lies outside the image: write {sidecar.file} to {device} as well ({how}); afterwards "
        f"`fw_printenv -n bootdelay` on the gateway prints {bootdelay}",
        "A:98",
    )
