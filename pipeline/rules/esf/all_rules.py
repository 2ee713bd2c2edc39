"""All rules about ESF in one order, and the files they look into."""

from __future__ import annotations

from pipeline.model.layout import Layout
from pipeline.model.rule import Rule
from pipeline.rules.esf import (
    bundles,
    console,
    encryption_key,
    jvm,
    keystores,
    residue,
    snapshot,
    start,
    steps,
)
from pipeline.rules.esf import (
    packages as esf_packages,
)
from pipeline.rules.esf import (
    policy as esf_policy,
)
from pipeline.rules.esf import (
    properties as esf_properties,
)
from pipeline.rules.firewall import (
    after_boot,
    before_start,
    containers,
    copies,
    loaded,
    only_loader,
    packets_through,
    saved_by_kura,
)
from pipeline.rules.kernel import parameters
from pipeline.rules.network import files, reachability, unused, wifi
from pipeline.rules.ssh import port

_MODULES = (
    esf_policy,
    esf_packages,
    bundles,
    keystores,
    jvm,
    encryption_key,
    esf_properties,
    snapshot,
    console,
    packets_through,
    containers,
    copies,
    loaded,
    only_loader,
    after_boot,
    before_start,
    saved_by_kura,
    unused,
    files,
    wifi,
    residue,
    reachability,
    steps,
)

RULES: tuple[Rule, ...] = tuple(rule for module in _MODULES for rule in module.RULES)

# What is looked into whatever the layout; links are followed, ``**`` is everything below a directory.
READS: tuple[str, ...] = tuple(
    sorted(
        {
            *(pattern.replace("[0-9][0-9]", "*") for pattern in (*start.STARTERS, *start.ENVIRONMENTS)),
            *after_boot.READS,
            *loaded.READS,
            *encryption_key.READS,
            *before_start.READS,
            *files.READS,
            *parameters.READS,
            *port.READS,
            *residue.READS,
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
