"""What a release has decided, as far as checks need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace

from pipeline.model.release import Release
from pipeline.model.rule import Expected

_NUMBERS = frozenset({"closed_ports", "bootdelays", "environment_offsets"})


def expected_of(release: Release) -> Expected:
    """The decisions of ``gateway.toml`` that change what is right."""
    return Expected(
        ssh_port=release.ssh.port,
        use_pam=release.ssh.use_pam,
        vpn=release.firewall.vpn,
        closed_ports=release.firewall.closed_ports,
        services_disabled=release.services.disabled,
        sysrq=release.services.sysrq,
        console_username=release.console.username,
        command_enabled=release.command_enabled,
        environment=release.bootloader.environment,
        environment_offsets=release.bootloader.offsets,
        environment_size=release.bootloader.size,
        environment_outside=release.bootloader.outside is not None,
        bootdelays=(release.bootloader.bootdelay,),
        approved_os=release.rules.approved_os,
        golden_esf_version=release.golden_esf_version,
        root_by_people=release.rules.root_by_people,
        vendor_signers=release.policy.vendor_signers,
        certificates=release.keystores.certificates,
        day=release.epoch // 86400,
    )


def decisions_of(release: Release) -> dict[str, object]:
    """The same as JSON values, for the manifest: whoever verifies an image must judge it by what was decided."""
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in asdict(expected_of(release)).items()
    }


def expected_from(decisions: object) -> Expected:
    """The decisions a manifest carries; what it does not say, or says in another form, is as the documents ask."""
    given = decisions if isinstance(decisions, Mapping) else {}
    known = Expected()
    fitting: dict[str, object] = {}
    for field in fields(Expected):
        default, value = getattr(known, field.name), given.get(field.name)
        if isinstance(default, tuple) and isinstance(value, list):
            kind = int if field.name in _NUMBERS else str
            if all(type(item) is kind for item in value):
                fitting[field.name] = tuple(value)
        elif type(value) is (bool if field.name == "use_pam" else type(default)):
            fitting[field.name] = value
    return replace(known, **fitting)  # type: ignore[arg-type]
