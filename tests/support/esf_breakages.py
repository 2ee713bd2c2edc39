"""Every way we know in which an ESF image can be spoilt, each with the rule that must catch it, and where."""

from __future__ import annotations

from tests.support import (
    esf_breakages_config,
    esf_breakages_firewall,
    esf_breakages_keystores,
    esf_breakages_network,
    esf_breakages_policy,
    esf_breakages_reach,
    esf_breakages_start,
)
from tests.support.esf_breakage import Breakage

BREAKAGES: tuple[Breakage, ...] = (
    *esf_breakages_policy.BREAKAGES,
    *esf_breakages_keystores.BREAKAGES,
    *esf_breakages_start.BREAKAGES,
    *esf_breakages_config.BREAKAGES,
    *esf_breakages_firewall.BREAKAGES,
    *esf_breakages_reach.BREAKAGES,
    *esf_breakages_network.BREAKAGES,
)
