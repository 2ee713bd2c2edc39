"""Golden sample, vanilla image and decision are of one release of one product (A:240)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.capture.export_directory import about
from pipeline.capture.taken import Found, judged
from pipeline.errors import PipelineError
from pipeline.inputs.golden_export import read_export
from pipeline.plan.image_plan import require_same_release
from tests.support.golden import a_golden
from tests.support.kura import a_kura, a_kura_golden
from tests.support.release import a_release
from tests.support.vanilla import a_vanilla

RELEASE = replace(a_release(), golden_esf_version="")


def test_the_same_is_taken() -> None:
    require_same_release(a_vanilla({}), a_golden(), RELEASE)
    require_same_release(a_kura(), a_kura_golden(), RELEASE)
    require_same_release(a_kura(), a_kura_golden(), replace(RELEASE, golden_esf_version="5.6.0"))


def test_another_one_is_named() -> None:
    with pytest.raises(PipelineError, match=r"sample is ESF 5\.1\.0, the vanilla image is ESF 5\.0\.0"):
        require_same_release(a_vanilla({}), replace(a_golden(), esf_version="5.1.0"), RELEASE)
    with pytest.raises(PipelineError, match=r"says release 5\.1\.0, the export is of ESF 5\.0\.0"):
        require_same_release(a_vanilla({}), a_golden(), replace(RELEASE, golden_esf_version="5.1.0"))


def test_a_number_of_another_product_is_another_release() -> None:
    with pytest.raises(PipelineError, match=r"sample is ESF 5\.6\.0, the vanilla image is Kura 5\.6\.0"):
        require_same_release(a_kura(), replace(a_kura_golden(), product="ESF"), RELEASE)
    # Whatever export.toml says: packages lie where the product has them.
    with pytest.raises(PipelineError, match="so this is no sample of Kura"):
        require_same_release(a_kura(), replace(a_kura_golden(), dpa=a_golden().dpa), RELEASE)


@pytest.mark.parametrize("url", ["packages/heater_1.0.0.dp", "file:packages/heater_1.0.0.dp", "./heater_1.0.0.dp"])
def test_a_relative_place_says_nothing_of_the_product(url: str) -> None:
    golden = replace(a_kura_golden(), dpa=f"heater={url}\n".encode())
    require_same_release(a_kura(), golden, RELEASE)


@pytest.mark.parametrize(
    ("path", "product", "line"),
    [
        ("opt/eurotech/esf/kura/dpa.properties", "ESF", 'esf_version = "5.0.0"'),
        ("opt/eclipse/kura/packages/dpa.properties", "Kura", 'kura_version = "5.0.0"'),
        ("etc/network/interfaces", "ESF", 'esf_version = "5.0.0"'),
    ],
)
def test_capture_says_which_product_it_was(path: str, product: str, line: str, tmp_path: Path) -> None:
    found = Found({path: b""}, {}, "5.0.0")
    assert found.product == product
    text = about(judged(found, None), "5.0.0", "a test", found.product)
    assert line in text.decode().splitlines()
    (tmp_path / "export").mkdir(mode=0o700)
    (tmp_path / "export/export.toml").write_bytes(text)
    assert read_export(tmp_path / "export").product == product
