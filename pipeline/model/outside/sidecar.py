"""Files that are delivered beside an image, for places of a gateway that no image reaches."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.model.layer import Origin

ENVIRONMENTS = ("uboot-env.bin", "uboot-env-redundant.bin")
"""U-Boot's environment on another chip: its first copy, and its second where there are two."""


@dataclass(frozen=True)
class Outside:
    """U-Boot's environment outside the image as it was given, unread.

    Attributes:
        source: what it was given by, for messages: names of files.
        config: content of a ``fw_env.config``; None for the image's own.
        dumps: each copy as it was read from a gateway, or its whole device.
        defaults: ``name=value`` lines an environment is made from instead.
        own: the dumps are of this very gateway.
    """

    source: str
    config: bytes | None = None
    dumps: tuple[bytes, ...] = field(default=(), repr=False)
    defaults: bytes | None = field(default=None, repr=False)
    own: bool = False


@dataclass(frozen=True)
class Sidecar:
    """One such file.

    Attributes:
        file: its name beside the image.
        device: of the gateway, where it is to be written.
        offset: bytes into the device; from its end when negative.
        erase: bytes a flash chip erases there at once; 0 where nothing has to be erased.
    """

    file: str
    device: str
    offset: int
    content: bytes = field(repr=False)
    origins: tuple[Origin, ...]
    erase: int = 0
