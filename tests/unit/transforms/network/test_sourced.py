"""Files that ``/etc/network/interfaces`` sources are read, checked and travel, or the build names them."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from pipeline.errors import PipelineError
from pipeline.model.gateway import Gateway
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer
from pipeline.transforms import network
from tests.support.network import AS_GOLDEN, GATEWAYS, INTERFACES, KURANET, NORTH, a_golden, an_image, committed
from tests.support.release import a_release, some_secrets

D = "/etc/network/interfaces.d"
BRIDGE = "auto br0\niface br0 inet static\n\taddress 10.77.0.1\n\tnetmask 255.255.255.0\n"
MAIN = committed(INTERFACES)
NONE: Mapping[str, str | None] = MappingProxyType({})


def restored(
    files: Mapping[str, str | None], gateway: Gateway = AS_GOLDEN, image: Mapping[str, str] | None = None
) -> Layer:
    layer, _ = network.restore(a_golden(files), an_image(image or {}), a_release(), gateway, some_secrets())
    return layer


def found_in(files: Mapping[str, str | None], image: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(PipelineError) as caught:
        restored(files, image=image)
    return [problem.what for problem in caught.value.problems]


def text(layer: Layer, path: str) -> str:
    entry = layer.by_path[GuestPath(path)]
    assert isinstance(entry, FileEntry)
    assert entry.mode == 0o644
    return entry.content.decode()


LAST = MAIN.count("\n") + 1


@pytest.mark.parametrize(
    "line",
    [
        f"source {D}/*",
        "source interfaces.d/*",
        f"source {D}/br?dge",
        f"source {D}/bridge",
        f"source-directory {D}",
        "source-directory interfaces.d",
        f"source {D}/none.* {D}/[a-c]*",
    ],
)
@pytest.mark.parametrize("gateway", [AS_GOLDEN, NORTH], ids=lambda gateway: gateway.name)
def test_what_is_sourced_travels(line: str, gateway: Gateway) -> None:
    layer = restored({INTERFACES: f"{MAIN}{line}\n", f"{D}/bridge": BRIDGE}, gateway)
    assert text(layer, f"{D}/bridge") == BRIDGE
    assert line in text(layer, INTERFACES)


def test_what_a_sourced_file_sources_travels_too_and_circles_end() -> None:
    files = {
        INTERFACES: f"{MAIN}source {D}/a\n",
        f"{D}/a": f"source {D}/b\n",
        f"{D}/b": f"source {D}/a\nsource {D}/c\n",
        f"{D}/c": BRIDGE,
    }
    layer = restored(files)
    assert text(layer, f"{D}/c") == BRIDGE


def test_a_line_that_finds_nothing_is_no_error() -> None:
    assert f"source {D}/*" in text(restored({INTERFACES: f"{MAIN}source {D}/*\n"}), INTERFACES)


@pytest.mark.parametrize("word", [f"{D}/bridge", "interfaces.d/../more", "/etc/more-interfaces", "$HOME/interfaces"])
def test_a_file_that_is_not_in_the_export_is_named_by_line(word: str) -> None:
    (found,) = found_in({INTERFACES: f"{MAIN}source {word}\n"})
    assert found == f"golden: {INTERFACES}: line {LAST}: sources {word}, which the export does not have"


@pytest.mark.parametrize("line", [f"source {D}/*", f"source-directory {D}"])
def test_a_file_only_the_image_has_is_named(line: str) -> None:
    """On the golden sample it may have been another, or none."""
    image = {f"{D}/setup": "auto usb0\n", f"{D}/.hidden": "", f"{D}/README.txt": ""}
    found = found_in({INTERFACES: f"{MAIN}{line}\n"}, image)
    named = [f"{D}/README.txt", f"{D}/setup"] if line.endswith("*") else [f"{D}/setup"]
    assert found == [
        f"golden: {INTERFACES}: line {LAST}: sources {line.split()[1]}, where the vanilla image has {path} and the "
        "export does not"
        for path in named
    ]


def test_a_file_nothing_sources_is_named() -> None:
    assert found_in({f"{D}/bridge": BRIDGE}) == [
        f"golden: {D}/bridge: not a network file this release knows how to carry over"
    ]
    # A source-directory passes over such a name, and so would the gateway.
    with_dot = {INTERFACES: f"{MAIN}source-directory {D}\n", f"{D}/bridge.conf": BRIDGE}
    assert len(found_in(with_dot)) == 1


def test_an_interface_in_two_files_is_named_with_both() -> None:
    files = {INTERFACES: f"{MAIN}source {D}/*\n", f"{D}/more": "\niface eth1 inet dhcp\n"}
    line = MAIN.count("\n", 0, MAIN.index("iface eth1")) + 1
    assert found_in(files) == [
        f"golden: {INTERFACES}: line {line}: eth1 is configured here and in golden: {D}/more: line 2"
    ]
    twice = {INTERFACES: f"{MAIN}source {D}/*\n", f"{D}/a": BRIDGE, f"{D}/b": BRIDGE}
    assert found_in(twice) == [f"golden: {D}/a: line 2: br0 is configured here and in golden: {D}/b: line 2"]


def test_an_interface_esf_keeps_must_be_where_it_looks() -> None:
    stanza = "auto eth1\niface eth1 inet dhcp\n"
    files = {INTERFACES: MAIN.replace(stanza, "") + f"source {D}/*\n", f"{D}/wan": stanza}
    kuranet = committed(KURANET)
    line = kuranet.count("\n", 0, kuranet.index("eth1.config.ip4.status")) + 1
    found = found_in(files)
    assert (
        f"golden: {D}/wan: line 2: configures eth1, which ESF keeps (golden: {KURANET}: line {line}) and looks for in "
        f"{INTERFACES} only"
    ) in found


def test_what_cannot_be_read_or_belongs_to_one_device_is_named_by_line() -> None:
    main = f"{MAIN}source {D}/*\n"
    assert found_in({INTERFACES: main, f"{D}/a": "auto br0\niface br0 inet\n"})[0].startswith(
        f"golden: {D}/a: line 2: "
    )
    hardware = BRIDGE + "\thwaddress ether 02:60:0c:81:24:5a\n"
    assert found_in({INTERFACES: main, f"{D}/a": hardware}) == [
        f"golden: {D}/a: line 5: holds a hardware address of the golden sample"
    ]


@pytest.mark.tools
@pytest.mark.parametrize("gateway", GATEWAYS, ids=lambda gateway: gateway.name)
def test_ifup_finds_what_was_written(gateway: Gateway, tmp_path: Path) -> None:
    layer = restored({INTERFACES: f"{MAIN}source interfaces.d/*\n", f"{D}/bridge": BRIDGE}, gateway)
    for path in (INTERFACES, f"{D}/bridge"):
        place = tmp_path / path[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text(layer, path))
    command = ["ifquery", "--list", "--all", "--interfaces", str(tmp_path / INTERFACES[1:])]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert {"lo", "eth0", "br0"} <= set(done.stdout.split())
