"""What a release has decided, as far as checks need it."""

from __future__ import annotations

from pipeline.model.release import Release
from pipeline.model.rule import Expected


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
        bootdelays=(release.bootloader.bootdelay,),
        approved_os=release.rules.approved_os,
        golden_esf_version=release.golden_esf_version,
        root_by_people=release.rules.root_by_people,
        vendor_signers=release.policy.vendor_signers,
        day=release.epoch // 86400,
    )
