"""Signs bundles and collects the certificates and secrets that the plan needs, before the plan is made."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.crypto import jks
from pipeline.model.golden import Golden
from pipeline.model.keyring import KeyRing
from pipeline.model.release import Release
from pipeline.model.trust import Certificate, Trust
from pipeline.signing.bundles.packages import sign_packages
from pipeline.signing.bundles.timestamps import Authority, authority_of
from pipeline.signing.keys.certificate_fitness import certificate_problems
from pipeline.signing.keys.signers import (
    BundleSigner,
    bundle_certificates,
    described_chain,
    open_bundle_signer,
    read_certificates,
)


def prepare_trust(
    golden: Golden,
    release: Release,
    keyring: KeyRing,
    *,
    base: Path = Path(),
    accepts_ec: Callable[[], bool] = lambda: False,
    accepts_sha384: Callable[[], bool] = lambda: False,
) -> Trust:
    """Signed packages, our signer's certificates, further TLS certificates.

    Args:
        base: from where the paths in ``gateway.toml`` count: its directory.
        accepts_ec: whether the framework of the gateways is known to take EC signatures; asked for EC keys only.
        accepts_sha384: whether it takes all that jarsigner writes; asked where signatures are kept.

    Raises:
        PipelineError: keys, certificates or packages that gateways would not accept, or that this release must not
            use; all of one kind at once.
    """
    chain, tls = prepare_certificates(release, keyring, base=base)
    signer = open_signer(release, keyring, base=base, accepts_ec=accepts_ec)
    if release.signing.resign == "keep":
        signer = replace(signer, beside_jdk=accepts_sha384())
    packages = sign_packages(golden.packages, signer, release.signing.resign)
    return Trust(packages, chain, tls, prepare_signers(release, base=base))


def prepare_certificates(
    release: Release, keyring: KeyRing, *, base: Path = Path()
) -> tuple[tuple[Certificate, ...], tuple[Certificate, ...]]:
    """Our signer's certificates and the further TLS certificates: what is public of trust; no key is opened.

    Raises:
        PipelineError: see `prepare_trust`.
    """
    chain = bundle_certificates(keyring, release.bundle_key)
    tls = tuple(_one("trusted_tls", *item, base) for item in sorted(release.keystores.trusted_tls.items()))
    problems = [problem for certificate in chain for problem in _unfit(certificate, release)]
    for certificate in tls:
        where = f"gateway.toml [keystores.trusted_tls] {certificate.alias}"
        problems += certificate_problems(certificate.der, where, release.epoch)
    raise_if_any(problems + _development_key(release, keyring))
    return chain, tls


def prepare_signers(release: Release, *, base: Path = Path()) -> tuple[Certificate, ...]:
    """Certificates of others whose bundles the gateway may trust (B:527); what they may do is for the policy to say.

    Raises:
        PipelineError: not readable, not valid at the release's epoch, weak, or made for a demonstration and the release
            is for production.
    """
    found = []
    problems: list[Problem] = []
    for alias, path in sorted(release.keystores.trusted_signers.items()):
        where = f"gateway.toml [keystores.trusted_signers] {alias}"
        (certificate,) = described_chain(alias, [_one("trusted_signers", alias, path, base).der], development=False)
        problems += certificate_problems(certificate.der, where, release.epoch)
        problems += _development(certificate, release)
        found.append(certificate)
    raise_if_any(problems)
    return tuple(found)


def open_signer(
    release: Release, keyring: KeyRing, *, base: Path, accepts_ec: Callable[[], bool] = lambda: False
) -> BundleSigner:
    """The signer of this release's bundles, with its timestamp authority if it has one."""
    return open_bundle_signer(
        keyring, release.bundle_key, accepts_ec=accepts_ec, authority=timestamp_authority(release, base)
    )


def timestamp_authority(release: Release, base: Path) -> Authority | None:
    """The authority a release names, or None."""
    signing = release.signing
    return authority_of(signing.timestamp_url, signing.timestamp_command, base / signing.timestamps)


def _development_key(release: Release, keyring: KeyRing) -> list[Problem]:
    manifest_key = keyring.entries.get(release.manifest_key)
    if not release.production or manifest_key is None or not manifest_key.development:
        return []
    return [
        Problem(
            f"{keyring.file}: {release.manifest_key} is a development key; the release is for production",
            "name a production key in gateway.toml [keys], or set production = false",
        )
    ]


def _one(table: str, alias: str, name: str, base: Path) -> Certificate:
    path = base / name
    found = read_certificates(path, f"gateway.toml [keystores.{table}] {alias}")
    if len(found) != 1:
        raise PipelineError(
            f"gateway.toml [keystores.{table}] {alias}: {path} holds {len(found)} certificates",
            "give each certificate a file and an alias of its own",
        )
    return jks.describe(alias, found[0])


def _development(certificate: Certificate, release: Release) -> list[Problem]:
    if not release.production or not certificate.development:
        return []
    return [
        Problem(
            f"{certificate.alias}: {certificate.subject} is a development certificate in a production release",
            "name a production key in gateway.toml [keys], or set production = false",
        )
    ]


def _unfit(certificate: Certificate, release: Release) -> list[Problem]:
    problems = _development(certificate, release)
    if not certificate.not_before <= release.epoch <= certificate.not_after:
        early = release.epoch < certificate.not_before
        problems.append(
            Problem(
                f"{certificate.alias}: {certificate.subject} is valid from {_day(certificate.not_before)} to "
                f"{_day(certificate.not_after)}, and the release's epoch is {release.epoch} ({_day(release.epoch)})",
                f"gateway.toml [release]: epoch = {certificate.not_before} or later, since the certificate is younger"
                if early
                else "get a new certificate: this one had expired at the release's epoch",
            )
        )
    return problems


def _day(moment: int) -> str:
    return f"{datetime.datetime.fromtimestamp(moment, datetime.UTC):%Y-%m-%d}"
