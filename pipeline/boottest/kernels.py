"""Which kernel starts an image: the one it brings, where that can run in a virtual machine, else a stock one."""

from __future__ import annotations

from pathlib import Path

from pipeline.boottest import peek
from pipeline.errors import PipelineError
from pipeline.image.boot.boot import Kernel, newest_kernel
from pipeline.image.boot.initramfs import load_order
from pipeline.model.disk import Disk
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind, Tree

_PREFIX = "vmlinuz-"
# Names of the dynamic loader say what a system runs on; one of a static system says nothing.
_OURS = ("ld-linux-x86-64.so.2", "ld-musl-x86_64.so.1")
_LOADER = ("ld-linux", "ld-musl", "ld.so.1")


def require_x86_64(tree: Tree) -> None:
    """Refuse an image for another processor.

    Raises:
        PipelineError: it has a dynamic loader, and none for this one.
    """
    loaders = sorted({path.name for path in tree.nodes if path.name.startswith(_LOADER)})
    if loaders and not any(name in _OURS for name in loaders):
        raise PipelineError(
            f"the image is for another processor ({loaders[0]}); only x86-64 can be booted here",
            "try it on its own hardware; doit verify and doit audit do not need to start it",
        )


def kernel_for(raw: Path, disk: Disk, tree: Tree, chosen: Path | None, scratch: Path) -> tuple[Kernel, str]:
    """The kernel, and whose it is in words.

    Args:
        chosen: a kernel of this machine that the user wants, ``vmlinuz-VERSION``; None takes the image's own, or the
            newest of this machine.

    Raises:
        PipelineError: there is none that can be used.
    """
    if chosen is not None:
        modules = Path("/lib/modules") / chosen.name.removeprefix(_PREFIX)
        if not chosen.is_file() or not modules.is_dir():
            raise PipelineError(
                f"{chosen}: no kernel with its modules in {modules}", f"name a file such as /boot/{_PREFIX}VERSION"
            )
        return Kernel(chosen, modules), f"kernel {chosen.name.removeprefix(_PREFIX)} of this machine"
    version = _own_version(tree)
    if version is not None:
        own = _own_kernel(raw, disk, tree, version, scratch)
        try:
            load_order(own.modules)
        except PipelineError:
            pass  # made for a board, without drivers for a virtual machine
        else:
            return own, f"the image's own kernel {version}"
    stock = newest_kernel()
    return stock, f"kernel {stock.image.name.removeprefix(_PREFIX)} of this machine"


def _own_version(tree: Tree) -> str | None:
    """The latest kernel of ``/boot`` with modules that depmod has listed."""
    versions = [
        path.name.removeprefix(_PREFIX)
        for path, node in tree.nodes.items()
        if node.kind is Kind.FILE and path.parent == GuestPath("/boot") and path.name.startswith(_PREFIX)
    ]
    return max((version for version in versions if _modules(tree, version) is not None), default=None)


def _modules(tree: Tree, version: str) -> GuestPath | None:
    place = tree.resolve(GuestPath(f"/lib/modules/{version}"))
    return place if f"{place}/modules.dep" in tree.nodes else None


def _own_kernel(raw: Path, disk: Disk, tree: Tree, version: str, scratch: Path) -> Kernel:
    image = scratch / f"{_PREFIX}{version}"
    peek.copy_file(raw, disk, GuestPath(f"/boot/{image.name}"), image)
    modules = _modules(tree, version)
    if modules is None:
        raise AssertionError("only a kernel with modules is taken")
    place = scratch / "modules"
    place.mkdir()
    peek.copy_directory(raw, disk, modules, place)
    return Kernel(image, place / version)
