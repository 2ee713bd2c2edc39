"""All rules about ESF in one order, and the files they look into."""

from __future__ import annotations

from pipeline.model.layout import Layout
from pipeline.model.rule import Rule
from pipeline.rules import (
    esf_bundles,
    esf_console,
    esf_firewall,
    esf_firewall_before,
    esf_firewall_boot,
    esf_firewall_copies,
    esf_jvm,
    esf_keystores,
    esf_network,
    esf_network_files,
    esf_packages,
    esf_policy,
    esf_properties,
    esf_residue,
    esf_snapshot,
    esf_start,
    esf_steps,
    esf_wifi,
    kernel,
    linux_ssh_port,
    reachability,
)

_MODULES = (
    esf_policy,
    esf_packages,
    esf_bundles,
    esf_keystores,
    esf_jvm,
    esf_properties,
    esf_snapshot,
    esf_console,
    esf_firewall,
    esf_firewall_copies,
    esf_firewall_boot,
    esf_firewall_before,
    esf_network,
    esf_network_files,
    esf_wifi,
    esf_residue,
    reachability,
    esf_steps,
)

RULES: tuple[Rule, ...] = tuple(rule for module in _MODULES for rule in module.RULES)

# What is looked into whatever the layout; links are followed, ``**`` is everything below a directory.
READS: tuple[str, ...] = tuple(
    sorted(
        {
            *(pattern.replace("[0-9][0-9]", "*") for pattern in (*esf_start.STARTERS, *esf_start.ENVIRONMENTS)),
            *esf_firewall_boot.READS,
            *esf_firewall_before.READS,
            *esf_network_files.READS,
            *kernel.READS,
            *linux_ssh_port.READS,
        }
    )
)


def paths_needed(layout: Layout) -> tuple[str, ...]:
    """Patterns of every file the rules look into, in an image of one layout; sorted."""
    single = (
        layout.properties,
        layout.custom_properties,
        layout.dpa,
        layout.policy,
        layout.policy_backup,  # a file in some releases, a directory in others
        layout.cacerts,
        layout.certificates,
        layout.kuranet,
        *layout.start_scripts,
    )
    root = layout.root
    below = (root / "bin", layout.snapshots, layout.packages, layout.restore, layout.policy_backup)
    plugins = (root / "plugins", root / "kura/plugins")
    # Where a keystore or key of somebody else would lie under whatever name.
    beside = (root, root / "kura", root / "data", root / "security", root / "user", root / "user/security")
    return tuple(
        sorted(
            {
                *READS,
                *(str(path) for path in single if path is not None),
                *(f"{path}/**" for path in below if path is not None),
                *(f"{path}/**.jar" for path in plugins),
                *(f"{path}/*" for path in beside),
            }
        )
    )
