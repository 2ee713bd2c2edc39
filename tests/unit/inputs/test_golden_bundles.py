"""The demo's deployment packages are what is committed, and Java really loads and starts what is in them."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from pipeline.demo import bundles
from pipeline.formats.java.java_properties import Properties

GOLDEN = Path(__file__).resolve().parents[3] / "golden"
KURA = GOLDEN / "opt/eurotech/esf/kura"

_INTERFACES = {
    "BundleContext.java": "package org.osgi.framework; public interface BundleContext {}",
    "BundleActivator.java": """package org.osgi.framework;
        public interface BundleActivator {
          void start(BundleContext context) throws Exception;
          void stop(BundleContext context) throws Exception;
        }""",
    "Main.java": """
        public class Main {
          public static void main(String[] names) throws Exception {
            for (String name : names) {
              Object made = Class.forName(name).getDeclaredConstructor().newInstance();
              org.osgi.framework.BundleActivator activator = (org.osgi.framework.BundleActivator) made;
              activator.start(null);
              activator.stop(null);
            }
          }
        }""",
}


def test_the_committed_packages_are_those_made_here() -> None:
    committed = {path.name: path.read_bytes() for path in sorted((KURA / "packages").iterdir())}
    assert committed == bundles.packages()


def test_dpa_properties_lists_exactly_them() -> None:
    listed = dict(Properties.parse((KURA / "dpa.properties").read_bytes()).items())
    assert listed == {
        package.name: f"file:/opt/eurotech/esf/kura/packages/{package.file_name}" for package in bundles.PACKAGES
    }


@pytest.mark.parametrize("package", bundles.PACKAGES, ids=lambda package: package.name)
def test_the_order_in_a_package_is_the_readers(package: bundles.DemoPackage) -> None:
    with zipfile.ZipFile(io.BytesIO(bundles.deployment_package(package))) as outer:
        names = outer.namelist()
        assert names == ["META-INF/MANIFEST.MF", f"bundles/{package.bundle}_{package.bundle_version}.jar"]
        assert f"Bundle-Version: {package.bundle_version}\r\n".encode() in outer.read(names[0])
        with zipfile.ZipFile(io.BytesIO(outer.read(names[1]))) as inner:
            manifest = inner.read("META-INF/MANIFEST.MF").decode()
            assert inner.namelist()[0] == "META-INF/MANIFEST.MF"
    assert f"Bundle-SymbolicName: {package.bundle};singleton:=true\r\n" in manifest
    assert f"Bundle-Version: {package.bundle_version}\r\n" in manifest
    assert max(len(line) for line in manifest.splitlines()) <= 72


def test_long_manifest_lines_are_folded() -> None:
    package = bundles.DemoPackage("x", "1", "org.example." + "y" * 200, "1.0.0", "x")
    with zipfile.ZipFile(io.BytesIO(bundles.bundle(package))) as jar:
        manifest = jar.read("META-INF/MANIFEST.MF")
    assert max(len(line) for line in manifest.split(b"\r\n")) == 72
    assert b"y" * 200 in manifest.replace(b"\r\n ", b"")


@pytest.mark.tools
def test_java_loads_and_starts_them(tmp_path: Path) -> None:
    programs = {name: shutil.which(name) for name in ("java", "javac", "javap")}
    assert all(programs.values()), f"apt-get install openjdk-17-jdk-headless: {programs}"
    for name, source in _INTERFACES.items():
        (tmp_path / name).write_text(source)
    subprocess.run(
        [str(programs["javac"]), "--release", "8", "-Xlint:-options", "-d", ".", *_INTERFACES], cwd=tmp_path, check=True
    )
    jars = []
    for package in bundles.PACKAGES:
        jar = tmp_path / f"{package.bundle}.jar"
        jar.write_bytes(bundles.bundle(package))
        jars.append(str(jar))
        shown = subprocess.run(
            [str(programs["javap"]), "-v", "-cp", str(jar), f"{package.bundle}.Activator"],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert "implements org.osgi.framework.BundleActivator" in shown
        assert "major version: 52" in shown
        assert "public void start(org.osgi.framework.BundleContext);" in shown
    done = subprocess.run(
        [str(programs["java"]), "-Xverify:all", "-cp", ":".join([".", *jars]), "Main"]
        + [f"{package.bundle}.Activator" for package in bundles.PACKAGES],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        f"{package.bundle} {package.bundle_version} {what}"
        for package in bundles.PACKAGES
        for what in ("started", "stopped")
    ]
