"""Files that programs know by name, and where in their lines the secret stands, by the programs' manuals."""

from __future__ import annotations

import re

# Pattern of the file's name, what the secret is, pattern of a line; the last group that took part is the secret.
BY_NAME: tuple[tuple[re.Pattern[str], str, re.Pattern[str]], ...] = tuple(
    (re.compile(rf"(?i)(?:.*/)?(?:{names})"), why, re.compile(form))
    for names, why, form in (
        (r"[._]?curlrc", "a password for curl", r"\s*(?:proxy-)?user\s*[=: ]\s*\"?[^\s\":]+:([^\s\"]+)"),
        (r"pam_radius[^/]*\.conf|raddb/(?:server|clients)|radiusclient/servers", "a secret of RADIUS",
         r"\s*(?!#)[\w.:\[\]/-]+\s+(\S{4,})\s*\d*\s*$"),
        (r"[^/]*tac(?:_plus|plus|acs)[^/]*", "a key of TACACS", r"\s*key\s*=?\s*\"?([^\s\"]{4,})"),
        (r"(?:config/)?wireless", "a key of a Wi-Fi network",
         r"\s*option\s+(?:key\d?|sae_password)\s+[\"']?([^\s\"']{5,})"),
        (r"resource\.cfg", "a secret of a monitor", r"\$USER\d+\$\s*=\s*(\S+)"),
        (r"davfs2?/secrets", "a password of a share", r"\s*(?!#)\S+\s+\S+\s+(\S+)"),
        (r"\.google_authenticator", "a one-time password's secret", r"([A-Z2-7]{16,})\s*$"),
        (r"shiro\.ini", "a user's password", r"\s*[\w.@-]+\s*=\s*([^\s,]{4,})\s*,\s*\w"),
        (r"[^/]*snmp[^/]*\.ya?ml", "a community of SNMP", r"\s*-?\s*community:\s*[\"']?(?!public\b)([^\s\"']+)"),
        (r"(?:chap|pap|srp)-secrets", "a PPP secret in a comment", r"\s*#\s*\S+\s+\S+\s+[\"']?((?=\S*\d)[^\s\"']{4,})"),
        (r"upsmon\.conf", "a password of a monitor", r"\s*MONITOR\s+\S+\s+\d+\s+\S+\s+(\S+)"),
        (r"(?:[^/]*[._-])?psk(?:\.txt|file|s)?", "a pre-shared key", r"[\w.@-]+:([0-9A-Fa-f]{16,})\s*$"),
        (r"(?:chap|pap|srp)-secrets", "a PPP secret",
         r"""\s*(?:"[^"]*"|'[^']*'|[^\s#]+)\s+(?:"[^"]*"|'[^']*'|[^\s#]+)\s+(?:"([^"]*)"|'([^']*)'|([^\s#]+))"""),
        (r"[^/]*(?:htpasswd|passwd|pwfile|shadow)[^/]*", "a password hash",
         r"[^:#\s]+:(?![*!]?(?::|$))([./0-9A-Za-z]{13}|\$\S{12,})(?::|$)"),
        (r"[._]?netrc", "a password in the form of .netrc", r"(?:.*\s)?password\s+(\S+)"),
        (r"[^/]*(?:wpa_psk|hostapd|psk)[^/]*", "a passphrase of one station",
         r"(?:[\w-]+=\S+\s+)*(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}\s+(\S.{7,})"),
        # Apache Artemis: name=password|role, in the broker's setting and in its file.
        (r"(?:[^/]*(?:users|artemis|broker)[^/]*)?", "a user's password and roles",
         r"[\w.@-]+=([^\s|,;\"'=]+)\|[\w.-]+"),
        (r"(?:[^/]*users|realm|[^/]*-users|htusers)\.properties", "a user's password",
         r"\s*[\w.@-]+\s*[:=]\s*(?!\s)([^\s,#|]{3,})"),
        (r"[^/]*grub[^/]*|menu\.lst|lilo\.conf", "a password of the boot loader", r"\s*password\s+\S+\s+(\S+)"),
        (r"keys-[^/]+", "a key of a Wi-Fi network", r"KEY\d?=\s*[\"']?(?:s:)?([^\s\"']+)"),
        (r"ifcfg-[^/]+", "a key of a Wi-Fi network", r"\s*KEY[0-4]?=\s*[\"']?(?:s:)?([^\s\"']{5,})"),
        (r"[^/]*auth-user-pass[^/]*|(?:.*/)?openvpn/(?:.*/)?(?:login|auth|pass|credentials)[^/]*",
         "a log-in of OpenVPN", r"([^\s<>#;]{4,})$"),
        (r"\.?(?:erlang|rabbitmq)\.cookie", "an Erlang cookie", r"([A-Za-z0-9]{8,})$"),
        (r"l2tp-secrets|mppe-secrets", "a PPP secret", r"\s*\S+\s+\S+\s+(\S+)"),
        (r"(?:ntp|chrony)\.keys", "a key of a time server", r"\s*\d+\s+(?:M|MD5|SHA\w*|AES\w*|[A-Z0-9]+)\s+(\S+)"),
        (r"[^/]*rsyncd\.secrets", "a password of rsync", r"[^:#\s]+:(\S+)"),
        (r"sasl_passwd[^/]*|passwd\.client", "a password of a mail server", r"\S+[\s:]+\S+:(\S+)"),
        (r"\.?(?:vnc)?passwd(?:\.vnc)?", "a password of VNC", r"(?!.*:)([^\s:]{6,})$"),
        (r"\.?(?:my\.cnf|mylogin\.cnf)", "a password of MySQL", r"\s*password\s*=?\s*(\S+)"),
    )
)  # fmt: skip
