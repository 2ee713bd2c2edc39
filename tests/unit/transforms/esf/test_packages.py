"""Packages and the list that installs them: everything the gateway would only log is an error before."""

from __future__ import annotations

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.java.java_properties import Properties
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, Removal
from pipeline.plan.image_plan import land
from pipeline.transforms.esf.packages import install
from tests.support.trust import HEATER, a_bundle, a_golden, a_package, a_trust
from tests.support.vanilla import ESF, a_vanilla

METER = "bundles/org.example.meter.jar"
TWO = {
    "heater_1.0.0.dp": a_package({HEATER: a_bundle()}),
    "org.example.meter_1.0.0.dp": a_package({METER: a_bundle("org.example.meter")}, "org.example.meter"),
}


def installed(golden: Golden, **files: bytes) -> Layer:
    return install(a_trust(golden), golden, a_vanilla({f"{ESF}/kura/{name}": data for name, data in files.items()}))


def test_packages_lie_where_the_list_says() -> None:
    layer = installed(a_golden(TWO))
    dpa = layer.by_path[GuestPath(f"{ESF}/kura/dpa.properties")]
    assert isinstance(dpa, FileEntry)
    assert dpa.content == (
        b"heater=file\\:/opt/eurotech/esf/kura/packages/heater_1.0.0.dp\n"
        b"org.example.meter=file\\:/opt/eurotech/esf/kura/packages/org.example.meter_1.0.0.dp\n"
    )
    for url in dict(Properties.parse(dpa.content).items()).values():
        entry = layer.by_path[GuestPath(url.removeprefix("file:"))]
        assert isinstance(entry, FileEntry)
        assert (entry.mode, entry.secret) == (0o644, False)
    assert land(a_vanilla().tree, layer)


def test_packages_that_nobody_asked_for_go() -> None:
    vanilla = a_vanilla({f"{ESF}/kura/packages/stale_0.9.dp": b"x", f"{ESF}/kura/packages/heater_1.0.0.dp": b"x"})
    layer = install(a_trust(), a_golden(), vanilla)
    assert [entry.path.name for entry in layer.entries if isinstance(entry, Removal)] == ["stale_0.9.dp"]


def test_no_packages_at_all() -> None:
    layer = installed(a_golden({}))
    entry = layer.by_path[GuestPath(f"{ESF}/kura/dpa.properties")]
    assert isinstance(entry, FileEntry)
    assert entry.content == b""


DPA = "heater=file\\:/opt/x/heater_1.0.0.dp\norg.example.meter=file\\:/opt/x/org.example.meter_1.0.0.dp\n"


@pytest.mark.parametrize(
    ("dpa", "reason"),
    [
        ("", "packages/heater_1.0.0.dp: it is not in dpa.properties"),
        (DPA + "other=file\\:/opt/x/other.dp\n", "other.dp is not among the packages"),
        (DPA.replace("heater=", "cooler="), "heater_1.0.0.dp is the package heater"),
        (DPA.replace("file\\:/opt", "http\\://host", 1), "'http://host/x/heater_1.0.0.dp' is not a file: URL"),
        (DPA.replace("heater_1", "hea%20ter_1"), "does not decode escapes"),
        (DPA.replace("heater_1", "hea ter_1"), "does not decode escapes"),
        (DPA + "second=file\\:/opt/x/heater_1.0.0.dp\n", "heater_1.0.0.dp is listed 2 times"),
        ("heater=relative.dp", "is not a file: URL"),
    ],
    ids=range(8),
)
def test_what_the_gateway_would_stumble_over(dpa: str, reason: str) -> None:
    with pytest.raises(PipelineError) as caught:
        installed(a_golden(TWO, dpa))
    assert any(reason in problem.what for problem in caught.value.problems), caught.value


def test_one_bundle_in_two_packages() -> None:
    packages = {**TWO, "twin_1.0.0.dp": a_package({HEATER: a_bundle()}, "twin")}
    with pytest.raises(PipelineError, match=r"is in heater_1\.0\.0\.dp and in twin_1\.0\.0\.dp"):
        installed(a_golden(packages))
