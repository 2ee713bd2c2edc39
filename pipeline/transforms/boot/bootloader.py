"""U-Boot starts the system without waiting for somebody at the serial console (A:90 to A:104)."""

from __future__ import annotations

from pipeline.errors import PipelineError
from pipeline.formats.boot import uboot_env
from pipeline.formats.boot.uboot_env import UbootEnvError
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, Origin
from pipeline.model.release import Release
from pipeline.model.vanilla import Vanilla

# The second copy of a redundant environment on FAT, by U-Boot's own default name (CONFIG_ENV_FAT_FILE_REDUND).
_SECOND = "uboot-redund.env"
_ORIGIN = Origin("bootloader.delay", "gateway.toml [bootloader]", "A:98")


def protect(vanilla: Vanilla, release: Release) -> Layer:
    """Set ``bootdelay`` in the environment's file, and nothing else there: read, modify, write.

    Writing a new environment would lose every other variable, and one in a form U-Boot does not expect would make it
    fall back to its compiled-in delay. With no environment in the image the layer is empty.

    Raises:
        PipelineError: the file is not there or not an environment.
    """
    if not release.bootloader.environment or release.bootloader.environment.endswith("/fw_env.config"):
        return Layer()
    path = GuestPath(release.bootloader.environment)
    if not vanilla.exists(path):
        raise PipelineError(
            f"vanilla image: {path} is missing, U-Boot's environment should lie there",
            '[bootloader] environment in gateway.toml names it; "" says that the image has none',
        )
    places = [vanilla.tree.resolve(path)]
    second = path.parent / _SECOND
    if vanilla.exists(second):
        places.append(vanilla.tree.resolve(second))
    return Layer.of(*(_protected(vanilla, release, place) for place in places))


def _protected(vanilla: Vanilla, release: Release, place: GuestPath) -> FileEntry:
    try:
        environment = uboot_env.parse(vanilla.read(place))
        changed = uboot_env.change(environment, {"bootdelay": str(release.bootloader.bootdelay)})
    except UbootEnvError as error:
        raise PipelineError(
            f"vanilla image: {place}: {error}",
            "check [bootloader] environment in gateway.toml, and the file with fw_printenv",
        ) from None
    node = vanilla.tree.nodes[place]
    return FileEntry(place, uboot_env.render(changed), (_ORIGIN,), node.mode, node.uid, node.gid)
