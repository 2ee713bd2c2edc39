"""The bundles a vanilla image came with: who signed them, as the gateway's framework will see it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.errors import PipelineError
from pipeline.formats.archive import zip_archive
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind
from pipeline.model.trust import PlatformBundle
from pipeline.model.vanilla import Vanilla
from pipeline.signing.bundles.inspection import inspect

# ``java -jar`` starts these, before there is a policy; what enforces it is not subject to it.
_FRAMEWORK = re.compile(r"org\.eclipse\.(osgi|equinox\.launcher)_[^/]*\.jar")
_DIRECTORIES = ("plugins", "kura/plugins")


def platform_bundles(vanilla: Vanilla) -> tuple[PlatformBundle, ...]:
    """Every bundle in the installation's plugin directories, sorted by path; empty where no policy asks for signers.

    None of this raises: what is wrong with a bundle is said in it, because only a policy makes it matter.
    """
    if vanilla.layout.policy is None:
        return ()
    layout = vanilla.layout
    return tuple(
        describe_bundle(
            str(path),
            vanilla.read(path),
            accept_ec=layout.framework_accepts_ec,
            by_jdk=layout.framework_accepts_sha384,
        )
        for path in sorted(_bundles(vanilla))
    )


def _bundles(vanilla: Vanilla) -> Iterator[GuestPath]:
    seen: set[GuestPath] = set()
    for name in _DIRECTORIES:
        directory = vanilla.tree.resolve(vanilla.layout.root / name)
        for path in vanilla.tree.children(directory):
            place = vanilla.tree.resolve(path)
            node = vanilla.tree.get(place)
            is_bundle = path.name.endswith(".jar") and not _FRAMEWORK.fullmatch(path.name)
            if is_bundle and node is not None and node.kind is Kind.FILE and place not in seen:
                seen.add(place)
                yield place


def describe_bundle(path: str, content: bytes, *, accept_ec: bool = False, by_jdk: bool = False) -> PlatformBundle:
    """One bundle as the framework will see it; what is wrong with its signature is said in it.

    Args:
        accept_ec: the framework is known to take EC signatures.
        by_jdk: it takes whatever the JDK's jarsigner writes.
    """
    name = "it"
    try:
        archive = zip_archive.read_archive(zip_archive.MemorySource(content), name)
        signature = inspect(archive, accept_ec=accept_ec, by_jdk=by_jdk)
    except PipelineError as error:
        return PlatformBundle(path, problem=error.problems[0].what.removeprefix(f"{name}: "))
    if signature is None:
        return PlatformBundle(path, problem="it is not signed")
    return PlatformBundle(path, signature.subjects, signature.fingerprints)
