"""Explains bundles and packages of the host by a security policy: the workspace's, a file's, or a finished image's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.build import reading
from pipeline.errors import PipelineError
from pipeline.formats.archive import zip_archive
from pipeline.formats.crypto import jks
from pipeline.formats.esf import esf_policy
from pipeline.host.named_files import read_named
from pipeline.host.progress import Say
from pipeline.host.scratch import temporary_directory
from pipeline.host.workspace import Workspace
from pipeline.inputs.layout_files import load_layouts
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry
from pipeline.model.layout import Layout
from pipeline.model.trust import PlatformBundle
from pipeline.report.text.bundle_explanation import Ground, bundle_explanation, will_run
from pipeline.signing.bundles.platform import describe_bundle

_LARGEST = 1 << 30  # bytes of one bundle inside a package


def is_bundle(path: str) -> bool:
    """Whether an argument names a bundle or a deployment package of the host."""
    return path.endswith((".jar", ".dp"))


def explain_bundles(workspace: Workspace, paths: Sequence[str], policy: str, say: Say) -> tuple[str, bool]:
    """An explanation of each bundle, and whether all of them will run.

    Args:
        policy: a ``security.policy``, or a directory: a gateway's under ``out/``, whose image is opened, or one with a
            ``security.policy`` below it; empty for what the workspace plans.

    Raises:
        PipelineError: a file cannot be read or is not what its name says, or there is no policy.
    """
    bundles = [bundle for path in paths for bundle in _bundles(Path(path))]
    ground = _ground(workspace, policy, say)
    return "".join(bundle_explanation(bundle, ground) for bundle in bundles), all(
        will_run(bundle, ground) for bundle in bundles
    )


def _bundles(path: Path) -> Iterator[PlatformBundle]:
    content = _read(path)
    if path.suffix == ".jar":
        yield describe_bundle(str(path), content)
        return
    archive = zip_archive.read_archive(zip_archive.MemorySource(content), str(path))
    inner = [entry for entry in archive.entries if entry.name.endswith(".jar")]
    if not inner:
        raise PipelineError(f"{path}: there is no bundle in it", "name a bundle, or a deployment package with bundles")
    for entry in inner:
        yield describe_bundle(f"{path}: {entry.name}", archive.read(entry, limit=_LARGEST))


def _ground(workspace: Workspace, policy: str, say: Say) -> Ground:
    place = Path(policy)
    if not policy:
        return _planned(workspace)
    if not place.is_dir():
        return _of_files(place)
    if (place / "image.img").is_file():
        return _of_image(place / "image.img", say)
    found = sorted(place.rglob("security.policy"))
    if not found:
        raise PipelineError(f"{place}: there is neither an image nor a security.policy in it", "name the policy itself")
    return _of_files(found[0])


def _planned(workspace: Workspace) -> Ground:
    inputs = reading.inputs_of(workspace)
    policy, store = _places(inputs.vanilla.layout)
    plan = reading.product_plan_of(workspace)
    entry = plan.layer.by_path.get(plan.after.resolve(policy))
    if not isinstance(entry, FileEntry):
        raise AssertionError(f"{policy}: planned without a policy")
    known = {certificate.sha256 for certificate in (*inputs.trust.signer_chain, *inputs.trust.signers)}
    if store is not None:
        known |= {item.sha256 for item in jks.certificates_in(inputs.vanilla.read(store), store)}
    name = f"the policy of {inputs.release.name}"
    return Ground(name, esf_policy.read_policy(entry.content, name), frozenset(known))


def _places(layout: Layout) -> tuple[GuestPath, GuestPath | None]:
    """Where the policy and the keystore of signers lie."""
    if layout.policy is None:
        raise PipelineError(f"{layout.product} has no security policy: every bundle may run", "name one by --policy")
    return layout.policy, layout.certificates


def _of_files(path: Path) -> Ground:
    policy = esf_policy.read_policy(_read(path), str(path))
    store = path.with_name("certificates.ks")  # where the documents have both, B:498
    if not store.is_file():
        return Ground(str(path), policy)
    known = jks.certificates_in(_read(store), str(store))
    return Ground(str(path), policy, frozenset(item.sha256 for item in known))


def _of_image(image: Path, say: Say) -> Ground:
    from pipeline.image.read.look import look  # noqa: PLC0415 - needs the libguestfs binding

    with temporary_directory("explain-") as state:
        view = look(image, load_layouts(), state_dir=Path(state), say=say)
    if view.layout is None:
        raise PipelineError(f"{image}: there is no ESF in it", "name a gateway's directory")
    policy, store = _places(view.layout)
    content, keys = view.find(policy), view.find(store) if store else None
    if content is None:
        raise PipelineError(f"{image}: {policy} is missing", "build the image again")
    known = frozenset(item.sha256 for item in jks.certificates_in(keys, str(store))) if keys is not None else None
    return Ground(f"{image}: {policy}", esf_policy.read_policy(content, policy), known)


_LARGEST_BUNDLE = 1 << 30  # bytes; deployment packages of a hundred megabytes exist


def _read(path: Path) -> bytes:
    try:
        return read_named(path, _LARGEST_BUNDLE)
    except OSError as error:
        raise PipelineError(f"{path}: cannot be read: {error.strerror}", "check the path") from None
