"""Signs and gathers what the plan needs of trust, before the plan is made."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats import jks
from pipeline.model.golden import Golden
from pipeline.model.keyring import KeyRing
from pipeline.model.release import Release
from pipeline.model.trust import Certificate, Trust
from pipeline.signing.packages import sign_packages
from pipeline.signing.signers import open_bundle_signer, read_certificates


def prepare_trust(golden: Golden, release: Release, keyring: KeyRing, *, base: Path = Path()) -> Trust:
    """Signed packages, our signer's certificates, further TLS certificates.

    Args:
        base: from where the paths in ``[keystores.trusted_tls]`` count: the directory of ``gateway.toml``.

    Raises:
        PipelineError: keys, certificates or packages that gateways would not accept, or that this release must not
            use; all of one kind at once.
    """
    signer = open_bundle_signer(keyring, release.bundle_key)
    tls = tuple(_tls(alias, base / path) for alias, path in sorted(release.keystores.trusted_tls.items()))
    raise_if_any(problem for certificate in (*signer.certificates, *tls) for problem in _unfit(certificate, release))
    _refuse_development_key(release, keyring)
    return Trust(sign_packages(golden.packages, signer, "keep"), signer.certificates, tls)


def _refuse_development_key(release: Release, keyring: KeyRing) -> None:
    manifest_key = keyring.entries.get(release.manifest_key)
    if release.production and manifest_key is not None and manifest_key.development:
        raise PipelineError(
            f"{keyring.file}: {release.manifest_key} is a development key; the release is for production",
            "name a production key in gateway.toml [keys], or set production = false",
        )


def _tls(alias: str, path: Path) -> Certificate:
    found = read_certificates(path, f"gateway.toml [keystores.trusted_tls] {alias}")
    if len(found) != 1:
        raise PipelineError(
            f"gateway.toml [keystores.trusted_tls] {alias}: {path} holds {len(found)} certificates",
            "give each certificate a file and an alias of its own",
        )
    return jks.describe(alias, found[0])


def _unfit(certificate: Certificate, release: Release) -> list[Problem]:
    problems = []
    if release.production and certificate.development:
        problems.append(
            Problem(
                f"{certificate.alias}: {certificate.subject} is a development certificate in a production release",
                "name a production key in gateway.toml [keys], or set production = false",
            )
        )
    if not certificate.not_before <= release.epoch <= certificate.not_after:
        problems.append(
            Problem(
                f"{certificate.alias}: {certificate.subject} is not valid at the release's epoch {release.epoch}",
                "use a certificate that is valid then, or correct [release] epoch",
            )
        )
    return problems
