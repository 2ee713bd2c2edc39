"""Deployment packages by the rules of the gateway's reader: each rule that is broken has its own message."""

from __future__ import annotations

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.esf.deployment_package import BundleEntry, Member, check_bundle, read_package

MANIFEST = Member("META-INF/MANIFEST.MF")
MAIN = {"manifest-version": "1.0", "deploymentpackage-symbolicname": "heater", "deploymentpackage-version": "1.0.0"}
BUNDLE = {"name": "b/x.jar", "bundle-symbolicname": "org.x;singleton:=true", "bundle-version": "1.2.0.q"}
OTHER = {"name": "c.jar", "bundle-symbolicname": "org.y", "bundle-version": "1"}
SECTIONS: dict[str, dict[str, str]] = {"b/x.jar": BUNDLE, "c.jar": OTHER}
MEMBERS = (MANIFEST, Member("b/x.jar"), Member("c.jar"))
RESOURCE = {"name": "r.xml", "resource-processor": "p"}


def read(
    members: tuple[Member, ...] = MEMBERS,
    main: dict[str, str] = MAIN,
    sections: dict[str, dict[str, str]] = SECTIONS,
    complete: bool = True,
) -> object:
    return read_package(members, main, sections, complete=complete, where="x.dp")


def test_a_package_is_read() -> None:
    package = read_package(MEMBERS, MAIN, SECTIONS, complete=True, where="x.dp")
    assert (package.symbolic_name, package.version) == ("heater", "1.0.0")
    assert package.bundles == (BundleEntry("b/x.jar", "org.x", "1.2.0.q"), BundleEntry("c.jar", "org.y", "1"))


@pytest.mark.parametrize(
    "arguments",
    [
        {"members": (Member("META-INF/"), *MEMBERS)},
        {"members": (MANIFEST, Member("c.jar"), Member("b/x.jar"))},
        {"members": (*MEMBERS, Member("extra file"))},
        {"members": (*MEMBERS, Member("META-INF/A.SF"), Member("OSGI-INF/l10n/x"), Member("dir/"))},
        {"sections": {**SECTIONS, "r.xml": {**RESOURCE, "deploymentpackage-missing": "true"}}},
        {"sections": {**SECTIONS, "c.jar": {**OTHER, "deploymentpackage-missing": "false", "sha-256-digest": "x"}}},
        {"main": {**MAIN, "deploymentpackage-symbolicname": "The plant's heater (2)"}},
        {"sections": {**SECTIONS, "c.jar": {**OTHER, "bundle-version": " 1 "}}},
    ],
)
def test_what_the_reader_tolerates(arguments: dict[str, object]) -> None:
    read(**arguments)  # type: ignore[arg-type]


def without(mapping: dict[str, str], key: str, **more: str) -> dict[str, str]:
    return {**{name: value for name, value in mapping.items() if name != key}, **more}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"members": (Member("b/x.jar"), MANIFEST, Member("c.jar"))}, "is not its first file"),
        ({"members": ()}, "is not its first file"),
        ({"members": (MANIFEST, Member("b/"), *MEMBERS[1:])}, "directory entry, b/"),
        ({"members": (MANIFEST, Member("META-INF/A.SF"), *MEMBERS[1:])}, "signed itself"),
        ({"members": (MANIFEST, Member("OSGI-INF/l10n/x"), *MEMBERS[1:])}, "localization"),
        ({"members": (*MEMBERS[:2], Member("a b"), MEMBERS[2])}, "a b is not named"),
        ({"members": (*MEMBERS, Member("../a"))}, "outside the package's directory"),
        ({"members": (*MEMBERS, Member("extra", streamable=False))}, "stored without its size"),
        ({"members": (MANIFEST, Member("b/x.jar", streamable=False), Member("c.jar"))}, "stored without its size"),
        ({"members": MEMBERS[:2]}, "names c.jar, which it does not contain"),
        ({"main": without(MAIN, "deploymentpackage-symbolicname")}, "no DeploymentPackage-SymbolicName"),
        ({"main": {**MAIN, "deploymentpackage-symbolicname": " "}}, "no DeploymentPackage-SymbolicName"),
        ({"main": {**MAIN, "deploymentpackage-symbolicname": "../a"}}, "no directory can be made"),
        ({"main": {**MAIN, "deploymentpackage-symbolicname": "a "}}, "no directory can be made"),
        ({"main": without(MAIN, "deploymentpackage-version")}, "no DeploymentPackage-Version"),
        ({"main": {**MAIN, "deploymentpackage-version": "1.x"}}, "DeploymentPackage-Version is '1.x'"),
        ({"main": {**MAIN, "deploymentpackage-version": "1.0 "}}, "blanks around it"),
        ({"main": {**MAIN, "deploymentpackage-fixpack": "[1,2)"}}, "it is a fix pack"),
        ({"sections": {**SECTIONS, "c.jar": without(OTHER, "bundle-version")}}, "Bundle-Version of c.jar"),
        ({"sections": {**SECTIONS, "c.jar": without(OTHER, "bundle-symbolicname")}}, "resource c.jar"),
        ({"sections": {**SECTIONS, "c.jar": {**OTHER, "bundle-symbolicname": "org.y ;a:=b"}}}, "has blanks"),
        ({"sections": {**SECTIONS, "c.jar": {**OTHER, "bundle-symbolicname": "a b"}}}, "missing or malformed"),
        ({"sections": {**SECTIONS, "c.jar": {**OTHER, "deploymentpackage-missing": "True"}}}, "'true' or 'false'"),
        ({"sections": {**SECTIONS, "c.jar": {**OTHER, "deploymentpackage-missing": "true"}}}, "only a fix pack"),
        ({"sections": {**SECTIONS, "c.jar": {**OTHER, "deploymentpackage-customizer": "yes"}}}, "'true' or 'false'"),
        ({"sections": {**SECTIONS, "c//d.jar": OTHER}}, "characters outside"),
        ({"sections": {**SECTIONS, "c.jar": BUNDLE}}, "bundle org.x is in it twice"),
        ({"members": (*MEMBERS, Member("r.xml")), "sections": {**SECTIONS, "r.xml": RESOURCE}}, "resource r.xml: the"),
        (
            {"members": (*MEMBERS[:2], Member("r.xml"), MEMBERS[2]), "sections": {**SECTIONS, "r.xml": RESOURCE}},
            "bundle c.jar comes after resource r.xml",
        ),
        ({"complete": False}, "is not ended"),
    ],
    ids=range(30),
)
def test_each_broken_rule_is_named(arguments: dict[str, object], reason: str) -> None:
    with pytest.raises(PipelineError) as caught:
        read(**arguments)  # type: ignore[arg-type]
    assert any(reason in problem.what for problem in caught.value.problems), caught.value
    assert all(problem.what.startswith("x.dp: ") for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"bundle-symbolicname": "org.x; singleton:=true", "bundle-version": "1.2.0.q"}, ""),
        ({"bundle-symbolicname": "org.y", "bundle-version": "1.2.0.q"}, "declared as org.x and is org.y"),
        ({"bundle-symbolicname": "org.x", "bundle-version": "1.2.1"}, "version 1.2.0.q and has 1.2.1"),
        ({"bundle-version": "1.2.0.q"}, "no Bundle-SymbolicName"),
    ],
)
def test_the_bundle_must_be_what_is_declared(headers: dict[str, str], reason: str) -> None:
    found = check_bundle(BundleEntry("b/x.jar", "org.x", "1.2.0.q"), headers, "x.dp")
    assert [reason in problem.what for problem in found] == ([True] if reason else [])


def test_versions_are_compared_as_versions() -> None:
    headers = {"bundle-symbolicname": "org.x", "bundle-version": "1"}
    assert check_bundle(BundleEntry("b", "org.x", "1.0.0"), headers, "x") == []
