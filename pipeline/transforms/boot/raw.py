"""U-Boot's environment where it is no file: at an offset of the disk (A:90 to A:104)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.errors import PipelineError
from pipeline.formats.boot import fw_env_config, uboot_env
from pipeline.formats.boot.fw_env_config import FwEnvConfigError, Place
from pipeline.formats.boot.uboot_env import UbootEnvError
from pipeline.model.disk import Disk
from pipeline.model.layer import Origin
from pipeline.model.outside.raw_region import RawChange, Region
from pipeline.model.release import Release
from pipeline.model.vanilla import Vanilla

_SECTOR = 512
_GPT_FIRST, _GPT_LAST = 34 * _SECTOR, 33 * _SECTOR  # header and 128 entries in front, and again at the end (UEFI 5.3)
_REMEDY = "check [bootloader] in gateway.toml, and the place with fw_printenv on a gateway"
_ORIGIN = Origin("bootloader.delay", "gateway.toml [bootloader]", "A:98")


def regions(vanilla: Vanilla, release: Release) -> tuple[Region, ...]:
    """Where the copies of a raw environment lie in the image; none when the release names a file, or nothing.

    Raises:
        PipelineError: the place is not known to be in this image, or belongs to a partition table or file system.
    """
    found = _decided(vanilla, release)
    for region in found:
        _require_unused(vanilla.disk, region)
    if len(found) == 2 and found[0].overlaps(found[1]):
        raise PipelineError("gateway.toml [bootloader]: the two copies of the environment overlap", _REMEDY)
    return found


def protect(release: Release, raw: Mapping[Region, bytes], places: tuple[Region, ...]) -> tuple[RawChange, ...]:
    """Set ``bootdelay`` in every copy and nothing else: read, modify, write.

    The CRC is what tells that the place, the size and the number of copies are right; where it does not fit nothing
    is written, because a board that expects its compiled-in environment would lose all of it.

    Args:
        raw: what the vanilla image holds in each region.

    Raises:
        PipelineError: there is no such environment, or no room.
    """
    if not places:
        return ()
    where = " and ".join(map(str, places))
    try:
        environment = uboot_env.parse(b"".join(raw[place] for place in places))
        if len(environment.copies) != len(places) or (environment.current.flags is not None) != (len(places) == 2):
            has = "two copies" if environment.current.flags is not None else "one copy"
            raise UbootEnvError(f"an environment of {has}, gateway.toml or fw_env.config says {len(places)}")
        changed = uboot_env.change(environment, {"bootdelay": str(release.bootloader.bootdelay)})
    except UbootEnvError as error:
        raise PipelineError(f"vanilla image: U-Boot's environment, {where}: {error}", _REMEDY) from None
    data = uboot_env.render(changed)
    size = places[0].size
    return tuple(
        RawChange(place, data[index * size : (index + 1) * size], (_ORIGIN,)) for index, place in enumerate(places)
    )


def _decided(vanilla: Vanilla, release: Release) -> tuple[Region, ...]:
    bootloader, end = release.bootloader, vanilla.disk.size
    if bootloader.offsets:
        return tuple(
            Region(offset % end if -end <= offset < 0 else offset, bootloader.size) for offset in bootloader.offsets
        )
    if not bootloader.environment.endswith("/fw_env.config"):
        return ()
    path = bootloader.environment
    try:
        places = fw_env_config.parse(vanilla.read(path))
    except FwEnvConfigError as error:
        raise PipelineError(f"vanilla image: {path}: {error}", "correct the file, or give offset and size") from None
    for place in places:
        if _span(vanilla.disk, place) is None:
            raise PipelineError(
                f"vanilla image: {path} line {place.line}: {place.device} is not known to be the disk of this image",
                "name the environment's file as [bootloader] environment, or give offset and size; if it lies on "
                "another chip, say so by [bootloader.outside]",
            )
    if len({(place.device, place.size) for place in places}) != 1:
        raise PipelineError(f"vanilla image: {path}: the two copies differ in device or size", _REMEDY)
    return tuple(region for place in places for region in _region(vanilla.disk, place))


def _span(disk: Disk, place: Place) -> Region | None:
    """The device, as far as it lies in the image: the disk, or a partition of it that holds no file system."""
    if place.whole_disk:
        return Region(0, disk.size)
    return next(
        (
            Region(part.start, part.size)
            for part in disk.partitions
            if part.number == place.partition and part.filesystem == "unknown"
        ),
        None,
    )


def _region(disk: Disk, place: Place) -> Iterator[Region]:
    span = _span(disk, place)
    if span is not None:
        offset = place.offset % span.size if -span.size <= place.offset < 0 else place.offset
        yield Region(span.offset + offset, place.size)


def _require_unused(disk: Disk, region: Region) -> None:
    """Not a byte of a partition table or of a file system: those are written by their own means."""
    taken = [(Region(0, _GPT_FIRST if disk.table == "gpt" else _SECTOR), "the partition table")]
    if disk.table == "gpt":
        taken.append((Region(disk.size - _GPT_LAST, _GPT_LAST), "the partition table's copy"))
    taken += [
        (Region(part.start, part.size), f"partition {part.number} ({part.filesystem})")
        for part in disk.partitions
        if part.filesystem != "unknown"
    ]
    if region.end > disk.size or region.offset < 0:
        raise PipelineError(f"gateway.toml [bootloader]: {region}: the image has {disk.size:#x} bytes", _REMEDY)
    for other, name in taken:
        if region.overlaps(other):
            raise PipelineError(f"gateway.toml [bootloader]: {region}: that is {name}", _REMEDY)
