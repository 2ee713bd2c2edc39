"""Permissions as the framework would construct them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.formats.java.java_permissions import KNOWN, problems

SEED = Path(__file__).resolve().parents[5] / "shared/seeds/001_47b6fe3a83294dbd.txt"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("java.security.AllPermission", ("*", "*")),
        ("java.security.AllPermission", ()),
        ("java.io.FilePermission", ("/var/-", "read, write")),
        ("java.util.PropertyPermission", ("user.*", "READ")),
        ("java.lang.RuntimePermission", ("exitVM",)),
        ("java.lang.RuntimePermission", ("exitVM", "")),
        ("org.osgi.framework.PackagePermission", ("*", "import,exportonly")),
        ("org.osgi.framework.AdminPermission", ("*", "*")),
        ("com.example.OwnPermission", ("anything", "at", "all")),
    ],
)
def test_right_ones(kind: str, values: tuple[str, ...]) -> None:
    assert problems(kind, values) == []


@pytest.mark.parametrize(
    ("kind", "values", "reason"),
    [
        ("java.security.AllPermision", ("*", "*"), "there is no permission java.security.AllPermision"),
        ("org.osgi.framework.LifecyclePermission", ("*",), "would grant nothing"),
        ("java.security.AllPermission", ("x", "*"), "takes"),
        ("java.io.FilePermission", ("/x",), "has no actions; it knows delete, execute, read, readlink, write"),
        ("java.io.FilePermission", ("/x", "raed"), "no action 'raed'"),
        ("java.io.FilePermission", ("/x", "read,"), "no action ''"),
        ("java.io.FilePermission", (), "no target name"),
        ("java.io.FilePermission", ("/x", "read", "write"), "3 values"),
        ("java.lang.RuntimePermission", ("exitVM", "read"), "has no actions"),
    ],
)
def test_wrong_ones(kind: str, values: tuple[str, ...], reason: str) -> None:
    assert [found for found in problems(kind, values) if reason in found]


def test_every_permission_the_documents_list_is_known() -> None:
    if not SEED.exists():
        pytest.skip("the documents are not here")
    listed = set(re.findall(r"\bjavax?(?:\.\w+)+Permission\b", SEED.read_text("utf-8")))
    assert len(listed) == 19
    assert listed <= KNOWN.keys()
