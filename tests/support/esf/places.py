"""Where files lie in the tests' ESF image."""

from __future__ import annotations

from tests.support.esf.edits import REAL

POLICY = f"{REAL}/kura/security.policy"
BACKUP = f"{REAL}/security/policy_backup/security.policy"
DPA = f"{REAL}/kura/dpa.properties"
PACKAGES = f"{REAL}/kura/packages"
DP = f"{PACKAGES}/heater_1.0.0.dp"
PROPERTIES = f"{REAL}/kura/kura.properties"
CUSTOM = f"{REAL}/kura/kura_custom.properties"
START = f"{REAL}/bin/start_kura_background.sh"
MANUAL = f"{REAL}/bin/start_kura.sh"
INIT = "/etc/init.d/kura"
KURANET = f"{REAL}/data/kuranet.conf"
RESTORED_RULES = f"{REAL}/.data/iptables"
CUSTOM_SCRIPT = "/etc/init.d/firewall_cust"
LOADER = "/etc/init.d/firewall"
SSHD = "/etc/ssh/sshd_config"
