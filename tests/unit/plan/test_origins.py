"""Whoever reads a manifest finds every origin explained: as a rule, or in docs/reference/origins.md."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.model.layer import Layer
from pipeline.plan.image_plan import Inputs, plan_device, plan_product
from pipeline.rules import registry
from pipeline.signing.secrets.secrets import FleetSecret, gateway_secrets
from tests.support import esf_view
from tests.support.esf import every_layout
from tests.support.network import NORTH
from tests.support.trust import a_signer, a_trust

ROOT = Path(__file__).resolve().parents[3]
RULES = {rule.id for rule in registry.RULES}
EXPLAINED = {
    name
    for line in (ROOT / "docs/reference/origins.md").read_text("utf-8").splitlines()
    if line.startswith("| `")
    for name in re.findall(r"`([a-z0-9_.]+)`", line.split("|")[1])
}


def origins_of(layer: Layer) -> set[str]:
    """Of entries, and of single lines."""
    return {origin.rule for entry in layer.entries for origin in entry.origins} | {
        line.origin.rule for entry in layer.files() for line in entry.lines
    }


def planned_origins(layout: str) -> set[str]:
    """Of both layers of one gateway of a layout, lines and all."""
    golden, vanilla = every_layout.a_golden_of(layout), every_layout.a_vanilla_of(layout)
    release = replace(esf_view.the_release(), golden_esf_version=every_layout.RELEASES[layout])
    inputs = Inputs(vanilla, golden, release, a_trust(golden, a_signer()), ())
    gateway = replace(NORTH, interfaces={}) if vanilla.layout.generation == "C" else NORTH
    product = plan_product(inputs)
    secrets = gateway_secrets(FleetSecret(bytes(32)), release, gateway)
    return origins_of(product.layer) | origins_of(plan_device(inputs, product, gateway, secrets).layer)


@pytest.mark.parametrize("layout", [name for name in every_layout.RELEASES if name != "esf-6"])
def test_every_origin_of_a_planned_gateway_is_explained(layout: str) -> None:
    unexplained = planned_origins(layout) - RULES - EXPLAINED
    assert not unexplained


def test_no_explained_origin_is_a_rules_name_or_unknown_to_the_code() -> None:
    assert not EXPLAINED & RULES
    code = "".join(path.read_text("utf-8") for path in (ROOT / "pipeline").rglob("*.py"))
    assert [name for name in sorted(EXPLAINED) if f'"{name}"' not in code] == []
