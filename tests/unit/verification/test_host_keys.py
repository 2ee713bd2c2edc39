"""A host key that was put in the place of the gateway's own is noticed, though nothing has a digest of it."""

from __future__ import annotations

from dataclasses import replace

from pipeline.manifest import build_manifest
from pipeline.model.image_view import ImageView
from pipeline.model.manifest import Manifest
from pipeline.signing.secrets.host_keys import ed25519_host_key
from pipeline.verification.host_keys import compare_host_keys
from tests.support.breakages import both, put, remove
from tests.support.hardened import a_hardened_view
from tests.support.manifest import manifest_inputs

OURS, OTHERS = (ed25519_host_key(bytes([seed]) * 32, "gw") for seed in (1, 2))
PRIVATE = "/etc/ssh/ssh_host_ed25519_key"


def an_image(private: bytes, public: str) -> ImageView:
    view = both(put(PRIVATE, private, 0o600), put(f"{PRIVATE}.pub", f"{public}\n"))(a_hardened_view())
    return remove("/etc/ssh/ssh_host_ecdsa_key")(view)


def a_manifest(*public: str) -> Manifest:
    facts = {"host_keys": [" ".join(line.split()[:2]) for line in public]}
    return build_manifest(replace(manifest_inputs(), facts=facts))


def test_the_gateway_s_own_key_is_the_one_that_is_named() -> None:
    assert not list(compare_host_keys(a_manifest(OURS.public), an_image(OURS.private, OURS.public)))


def test_another_pair_in_its_place_is_found() -> None:
    findings = list(compare_host_keys(a_manifest(OURS.public), an_image(OTHERS.private, OTHERS.public)))
    assert [(finding.subject, finding.check) for finding in findings] == [
        (PRIVATE, "host key"),
        ("SSH host keys", "missing"),
    ]
    assert "ssh-ed25519" in findings[0].seen


def test_a_manifest_that_names_none_says_nothing() -> None:
    assert not list(compare_host_keys(build_manifest(manifest_inputs()), an_image(OURS.private, OURS.public)))
