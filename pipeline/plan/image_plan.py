"""Everything that will change in an image, and why: the table of contents of the product. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.java.java_properties import Properties
from pipeline.model.gateway import Gateway
from pipeline.model.golden import Golden
from pipeline.model.layer import DirEntry, Entry, FileEntry, Layer, LinkEntry, Removal, combine
from pipeline.model.outside.raw_region import RawChange, Region
from pipeline.model.outside.sidecar import Outside, Sidecar
from pipeline.model.overlay import Overlay
from pipeline.model.release import Release
from pipeline.model.setting import PropertySetting
from pipeline.model.tree import Kind, Node, Tree
from pipeline.model.trust import GatewaySecrets, PlatformBundle, Trust
from pipeline.model.vanilla import Vanilla
from pipeline.transforms import firewall, network
from pipeline.transforms import overlays as overlay_files
from pipeline.transforms.accounts import accounts, login_defaults
from pipeline.transforms.boot import bootloader
from pipeline.transforms.boot import outside as bootloader_outside
from pipeline.transforms.boot import raw as bootloader_raw
from pipeline.transforms.esf import framework, keystores, packages, policy, snapshot
from pipeline.transforms.esf.keystores import services as keystore_services
from pipeline.transforms.identity import identity
from pipeline.transforms.services import services
from pipeline.transforms.ssh import dropbear, openssh


@dataclass(frozen=True)
class Inputs:
    """What all gateways of a release have in common, read and checked.

    Attributes:
        raw: what the vanilla image holds where `bootloader_raw.regions` says.
        bounded: keeps a template that does not end from keeping the build.
    """

    vanilla: Vanilla
    golden: Golden
    release: Release
    trust: Trust
    overlays: Sequence[Overlay]
    platform: Sequence[PlatformBundle] = ()
    raw: Mapping[Region, bytes] = field(default_factory=dict, repr=False)
    bounded: overlay_files.Bounded = overlay_files.unbounded


@dataclass(frozen=True)
class Plan:
    """A landed layer and the tree it leads to.

    Attributes:
        before: the tree the layer is applied to.
        layer: paths are literal: no symbolic link on the way, every parent exists.
        after: names and metadata of the result, with content digests where they are known.
        snapshot: what changes in the golden sample's configuration, a line for each property, secrets masked.
        raw: what changes outside all file systems.
        sidecars: what is to be written to places of the gateway outside the image.
    """

    before: Tree = field(repr=False)
    layer: Layer = field(repr=False)
    after: Tree = field(repr=False)
    snapshot: tuple[str, ...] = ()
    raw: tuple[RawChange, ...] = ()
    sidecars: tuple[Sidecar, ...] = ()


def plan_product(inputs: Inputs) -> Plan:
    """What every gateway of the release shares: goes into the base image, once."""
    vanilla, golden, release, trust = inputs.vanilla, inputs.golden, inputs.release, inputs.trust
    require_same_release(vanilla, golden, release)
    # Of no gateway alone, so told before the base is made, all at once.
    raise_if_any([*network.contradictions(golden, vanilla), *firewall.contradictions(golden, vanilla.layout)])
    layer = combine(
        (
            packages.install(trust, golden, vanilla),
            policy.harden(golden, vanilla, release, trust, inputs.platform),
            framework.harden_start(vanilla, release),
            firewall.mend_unit(vanilla),
            openssh.harden(vanilla, release),
            dropbear.harden(vanilla, release),
            services.disable(vanilla, release),
            login_defaults.tighten(vanilla, release),
            bootloader.protect(vanilla, release),
            identity.forget(vanilla),
            overlay_files.copy(inputs.overlays),
        )
    )
    raw = bootloader_raw.protect(release, inputs.raw, bootloader_raw.regions(vanilla, release))
    return replace(_plan(vanilla.tree, layer), raw=raw)


def plan_device(
    inputs: Inputs, product: Plan, gateway: Gateway, secrets: GatewaySecrets, outside: Outside | None = None
) -> Plan:
    """What one gateway has for itself: stamped on a copy of the base.

    Args:
        outside: U-Boot's environment where it lies outside the image, as it was given.
    """
    vanilla, golden, release, trust = inputs.vanilla, inputs.golden, inputs.release, inputs.trust
    network_files, network_settings = network.restore(golden, vanilla, release, gateway, secrets)
    firewall_files, firewall_settings = firewall.restrict(golden, vanilla, release, gateway)
    if vanilla.layout.keystore_model == "service":
        keystore_files, keystore_settings = keystore_services.install(
            golden, vanilla, release, trust, secrets, inputs.platform
        )
        keystore_properties: tuple[PropertySetting, ...] = ()
    else:
        keystore_files, keystore_properties, keystore_settings = keystores.install(
            vanilla, release, trust, secrets, inputs.platform
        )
    settings = (
        *snapshot.console_settings(release, secrets, vanilla.layout.console_auth),
        *snapshot.own_names(golden, vanilla, gateway),
        *network_settings,
        *firewall_settings,
        *keystore_settings,
    )
    layer = combine(
        (
            snapshot.rewrite(golden, vanilla, release, settings),
            framework.set_properties(vanilla, keystore_properties),
            framework.give_key(vanilla, release, secrets),
            keystore_files,
            network_files,
            firewall_files,
            accounts.set_up(vanilla, release, gateway, secrets),
            identity.give(vanilla, release, gateway, secrets),
            overlay_files.render(inputs.overlays, gateway, release, inputs.bounded),
        )
    )
    ours = [
        entry for entry in (*product.layer.files(), *layer.files()) if entry.origins[0].rule.startswith("overlays.")
    ]
    raise_if_any(network.stale_addresses(golden, vanilla, gateway, ours))
    plan = _plan(product.after, layer)
    _refuse_shared_paths(product.layer, plan.layer)
    changes = snapshot.changes(golden, vanilla, release, settings)
    return replace(
        plan,
        snapshot=tuple(str(change) for change in changes),
        sidecars=bootloader_outside.protect(vanilla, release, outside),
    )


def require_same_release(vanilla: Vanilla, golden: Golden, release: Release) -> None:
    """The golden sample and the vanilla image must be of one release (A:240), and of the one that was decided."""
    if release.golden_esf_version not in ("", golden.esf_version):
        raise PipelineError(
            f"gateway.toml [golden] says release {release.golden_esf_version}, the export is of {golden.product} "
            f"{golden.esf_version}",
            "name the release the golden gateway runs, or take the export of the right gateway (A:240)",
        )
    if (vanilla.layout.product, vanilla.esf_version) != (golden.product, golden.esf_version):
        raise PipelineError(
            f"the golden sample is {golden.product} {golden.esf_version}, "
            f"the vanilla image is {vanilla.layout.product} {vanilla.esf_version}",
            "take a vanilla image of the golden sample's release, or export the golden sample again (A:240)",
        )
    root = vanilla.layout.root
    listed = [url for _, url in Properties.parse(golden.dpa, "golden: dpa.properties").items()]
    # What export.toml states, people may have written; the list of packages, the gateway has.
    # A relative place is relative to wherever the framework runs, and says nothing of its product.
    absolute = [url for url in listed if url.removeprefix("file:").startswith("/")]
    if absolute and not any(f"{root}/" in url for url in absolute):
        raise PipelineError(
            f"golden: dpa.properties: no package lies below {root}, so this is no sample of {vanilla.layout.product}",
            "take a vanilla image of the golden sample's product, or export the golden sample again (A:240)",
        )


def _plan(before: Tree, layer: Layer) -> Plan:
    landed = land(before, layer)
    return Plan(before, landed, before.apply(landed))


def land(tree: Tree, layer: Layer) -> Layer:
    """The layer with every path resolved inside the image and every parent known to exist.

    A file written to a symbolic link lands on the link's target, as a copy on the gateway would; a removal or a link
    entry is about the link itself. Removals of what is not there and directories that are already as wanted are
    dropped: they change nothing.

    Raises:
        PipelineError: two entries meet in one place, a parent is missing, or a file and a directory collide.
    """
    landed: list[Layer] = []
    for entry in layer.entries:
        place = _place(tree, entry)
        if place is not None:
            landed.append(Layer((place,)))
    result = combine(landed)
    after = tree.apply(result)
    problems: list[Problem] = []
    for entry in result.entries:
        if isinstance(entry, Removal):
            continue
        problems.extend(_misplaced(tree, after, entry))
    raise_if_any(problems)
    return result


def _place(tree: Tree, entry: Entry) -> Entry | None:
    """The entry at its real path, or None when it changes nothing."""
    follow = isinstance(entry, FileEntry | DirEntry)
    path = tree.resolve(entry.path, follow_last=follow)
    node = tree.get(path)
    if isinstance(entry, Removal) and node is None:
        return None
    if isinstance(entry, DirEntry) and node is not None and _metadata(node) == _wanted(entry):
        return None
    if isinstance(entry, LinkEntry) and node is not None and node.kind is Kind.LINK and node.target == entry.target:
        return None
    return replace(entry, path=path)


def _metadata(node: Node) -> tuple[Kind, int, int, int]:
    return node.kind, node.mode, node.uid, node.gid


def _wanted(entry: DirEntry) -> tuple[Kind, int, int, int]:
    return Kind.DIRECTORY, entry.mode, entry.uid, entry.gid


def _misplaced(before: Tree, after: Tree, entry: Entry) -> list[Problem]:
    origin = entry.origins[0]
    parent = after.get(entry.path.parent)
    if parent is None or parent.kind is not Kind.DIRECTORY:
        return [
            Problem(
                f"{entry.path}: the image has no directory {entry.path.parent} (wanted by {origin.rule})",
                f"add the directory with its mode and owner, or correct {origin.source}",
            )
        ]
    old = before.get(entry.path)
    if old is None:
        return []
    wants_directory = isinstance(entry, DirEntry)
    if (old.kind is Kind.DIRECTORY) != wants_directory:
        return [
            Problem(
                f"{entry.path}: is a {'directory' if old.kind is Kind.DIRECTORY else 'file'} in the image, "
                f"{origin.rule} wants a {'directory' if wants_directory else 'file'}",
                f"correct {origin.source}",
            )
        ]
    if isinstance(entry, FileEntry) and old.kind not in (Kind.FILE, Kind.LINK):
        return [
            Problem(
                f"{entry.path}: is a device, pipe or socket and cannot be written (wanted by {origin.rule})",
                f"correct {origin.source}",
            )
        ]
    return []


def _refuse_shared_paths(product: Layer, device: Layer) -> None:
    """A path belongs to the base or to the gateway; only what the base removed may come back."""
    problems: list[Problem] = []
    for entry in device.entries:
        shared = product.by_path.get(entry.path)
        if shared is not None and not isinstance(shared, Removal):
            problems.append(
                Problem(
                    f"{entry.path}: wanted by {shared.origins[0].rule} for all gateways ({shared.origins[0].source}) "
                    f"and by {entry.origins[0].rule} for one ({entry.origins[0].source})",
                    "leave it to one of the two",
                )
            )
    raise_if_any(problems)
