"""Lines that hold a secret in a place without a name: what programs expect where, by their manuals.

Each shape is for one program's file or command line; the ones that other files could have by chance are for files of
that name only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.classification.command_lines import COMMAND_LINES, HINT, WORD
from pipeline.classification.named_files import BY_NAME
from pipeline.classification.wording import is_value

# In every file. The last group that took part is the secret.
_ANYWHERE: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (why, re.compile(form))
    for why, form in (
        ("a password beside its user",
         rf"(?i)\b(?:login|user(?:name)?|account)\s+(?!and\b|or\b)\S+\s+(?:privilege\s+\d+\s+)?(?:password|secret|passwd|pass)\s+(?:\d\s+)?"
         rf"{WORD}(?!\s+[a-z]{{2,}}\s+[a-z]{{2,}})"),
        ("a quoted password", r"""(?i)\b(?:password|passphrase|passwd|psk|auth-token)\s+"([^"\s][^"]{3,})\""""),
        ("a password given to curl",
         rf"\b(?:curl|http|https|wget)\b.*?\s(?:-u|-U|--user|--proxy-user)[\s=]*[\"']?[^\s\"':]+:{WORD}"),
        ("a password given to sshpass", rf"\bsshpass\s+-p\s*{WORD}"),
        ("a password given to a data base", rf"\b(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump)\b.*?\s-p{WORD}"),
        ("a password given to a registry",
         rf"\b(?:docker|podman|helm|crane|skopeo|oras|nerdctl|az|oc|buildah)\b.*?\blogin\b.*?\s-p\s*{WORD}"),
        ("a password given to an MQTT client", rf"\bmosquitto_(?:pub|sub|rr)\b.*?\s-P\s*{WORD}"),
        ("a password given to mosquitto_passwd", rf"\bmosquitto_passwd\s+-b\s+\S+\s+\S+\s+{WORD}"),
        ("a password given to htpasswd", rf"\bhtpasswd\s+-\w*b\w*\s+\S+\s+\S+\s+{WORD}"),
        ("a password given to LDAP", rf"\bldap(?:search|modify|add|delete|passwd|whoami)\b.*?\s-w\s*{WORD}"),
        ("a password given to SMB", rf"\bsmbclient\b.*?\s-U\s*[\"']?[^\s%]+%{WORD}"),
        ("a community of SNMP", rf"\bsnmp(?:walk|get|set|bulkwalk|bulkget|trap|inform|table)\b.*?\s-[cAX]\s*{WORD}"),
        ("a password given to Redis", rf"\bredis-cli\b.*?\s(?:-a|--pass)\s*{WORD}"),
        ("a password given to OpenSSL", rf"\bopenssl\b.*?\bpass:{WORD}"),
        ("a passphrase given to nmcli", rf"\bnmcli\b.*?\b(?:password|psk|wifi-sec\.psk|802-1x\.password)\s+{WORD}"),
        ("a passphrase given to wpa_passphrase", rf"\bwpa_passphrase\s+(?:\"[^\"]+\"|'[^']+'|[\w.-]+)\s+{WORD}"),
        ("a passphrase given to wpa_cli",
         rf"\bwpa_cli\b.*?\bset_network\s+\d+\s+(?:psk|password|sae_password)\s+{WORD}"),
        ("a password given to ipmitool", rf"\bipmitool\b.*?\s-P\s*{WORD}"),
        ("a password given to an archiver", rf"\b(?:un)?zip\s+(?:-\w+\s+)*-P\s*{WORD}|\b7za?\s+\w\s+.*?-p{WORD}"),
        ("a password given to PuTTY", rf"\b(?:plink|pscp|psftp)\b.*?\s-pw\s+{WORD}"),
        ("a password given to sqlcmd", rf"\b(?:sqlcmd|bcp|isql)\b.*?\s-P\s*{WORD}"),
        ("a password given to chpasswd", r"\becho\s+[\"']?[\w.-]+:([^\s\"'|]+)[\"']?\s*\|\s*(?:sudo\s+)?chpasswd"),
        ("a password given to passwd", rf"\becho\s+{WORD}\s*\|\s*(?:sudo\s+)?(?:passwd\s+--stdin|sudo\s+-S|kinit)"),
        ("a password given to aws",
         rf"\baws_?(?:configure\s+set\s+)?(?:aws_)?(?:secret_access_key|session_token)[\s=]+{WORD}"),
        ("a community of SNMP", rf"(?m)^\s*(?:r[ow]community6?|r[ow]communityname)\s+(?!public\b){WORD}"),
        ("a community of SNMP", rf"(?m)^\s*com2sec6?\s+(?:-Cn\s+\S+\s+)?\S+\s+\S+\s+(?!public\b){WORD}"),
        ("a community of SNMP", rf"(?m)^\s*(?:trapcommunity|snmp-server\s+community)\s+(?!public\b){WORD}"),
        ("a community of SNMP", rf"(?m)^\s*(?:trapsink|trap2sink|informsink)\s+\S+\s+(?!public\b){WORD}"),
        ("a community of SNMP", r"(?mi)^\s*authcommunity\s+\S+\s+(?!public\b)(\S+)"),
        ("a community of SNMP", rf"(?m)^\s*(?:trapsess|proxy|informsess)\b.*?\s-(?:c|A|X)\s*{WORD}"),
        ("a password of an installer", rf"(?m)\b\S*(?:password|passphrase)\S*\s+(?:password|string)\s+{WORD}"),
        ("a password of an installer", r"(?m)^\s*(?:rootpw|sshpw)\s+(?:--\S+\s+)*(\S+)"),
        ("a password of the boot loader", r"\bpassword_pbkdf2\s+\S+\s+(grub\.pbkdf2\S+)"),
        ("a user of hostapd's EAP server", r"(?m)^\"[^\"]+\"\s+[A-Z0-9,-]+\s+(hash:[0-9a-fA-F]{32})"),
        ("a user of SNMPv3",
         rf"(?m)^\s*(?:createUser|usmUser|net-snmp-create-v3-user)\s+(?:-e\s+\S+\s+)?\S+.*?\b(?:MD5|SHA[\w-]*|0x[0-"
         rf"9a-fA-F]+)\s+{WORD}"),
        ("a pre-shared key of IPsec", rf"(?m)^\s*[^#\n]*:\s*(?:PSK|XAUTH|EAP|NTLM|PIN)\s+{WORD}"),
        ("the passphrase of an IPsec key", r"(?m)^\s*[^#\n]*:\s*(?:RSA|ECDSA|P12|PKCS8|PKCS12)\s+\S+\s+\"([^\"]+)\""),
        ("a password of PostgreSQL", r"(?m)^[^\s:#]+:(?:\d{2,5}|\*):[^:\n]+:[^:\n]+:([^:\s]+)$"),
        ("a password hash of Samba", r"(?m):\d+:[0-9A-FX]{32}:([0-9A-F]{32}):\[[UWSNDITXLH ]+\]"),
        ("a password of digest authentication", r"(?m)^[\w.@-]+:[^:\n]+:([0-9a-f]{32})$"),
        ("a password hash of LDAP",
         r"\{(?:SSHA|SHA|SMD5|MD5|SSHA256|SSHA512|SHA256|SHA512|PBKDF2[\w-]*|CRYPT|CLEARTEXT|PLAIN)\}(\S{8,})"),
        ("a password of SCRAM", r"\b(SCRAM-SHA-(?:1|256|512)(?:\$|=)\S{20,})"),
        ("a password hash of Django or Python", r"\b((?:pbkdf2|scrypt|argon2|bcrypt)[_:](?:sha\d+)?[$:]\S{20,})"),
        ("a log-in of monit", r"(?m)^\s*(?:and\s+)?allow\s+(?:md5\s+|crypt\s+)?[\w.-]+:(\S+)"),
        ("a user of a RADIUS server", r"(?:Cleartext|User|Crypt|NT|SMD5|SSHA|SHA)-Password\s*:?=\s*\"([^\"]+)\""),
        ("a user of hostapd's EAP server", r"(?m)^\"[^\"]+\"\s+[A-Z0-9,-]+\s+\"([^\"]+)\""),
        ("a secret of systemd", r"(?m)^\s*SetCredential(?:Encrypted)?\s*=\s*[^:\s]+:\s*(\S+)"),
        ("a modem command with a PIN or password",
         r"(?i)AT[+^$#]C(?:PIN=|LCK=|PWD=)(?:\\?\"[A-Z]{2}\\?\",(?:\d,)?)?\s*\\?\"?(\d{4,8})"),
        ("a modem command with a PIN or password",
         r"(?i)AT[+^$#](?:CGAUTH|QICSGP|AUTHDATA|PDPAUTH|UAUTHREQ|QC?PDP\w*)=[^\n]*,([^\n,]+)"),
        ("a PIN given to a modem",
         rf"\b(?:mmcli|qmicli|mbimcli|uqmi)\b.*?--(?:pin|puk|verify-pin|uim-verify-pin|dms-uim-verify-pin|enter-pin"
         rf")[=\s]+(?:PIN\d?,)?{WORD}"),
        ("a one-time password's secret", r"\botpauth://\S*[?&]secret=([A-Z2-7]{8,})"),
    )
)  # fmt: skip

_HINT = re.compile(
    r"(?i)hash:|proxy|rootpw|pass|user|secret|psk|login|curl|wget|http|mysql|mariadb|docker|podman|helm|mosquitto|ldap"
    r"|smbclient|snmp|redis|openssl|wpa_|ipmi|zip|7z|plink|pscp|sqlcmd|community|com2sec|trap|inform"
    r"|: ?(?:xauth|eap|rsa|pin)|\||:[^:]+:[^:]+|\{[a-z]|scram|scrypt|pbkdf|argon|bcrypt|allow|credential|at[+^$#]|modem"
    r"|mmcli|qmi|mbim|otpauth|echo|aws|\"\s+[a-z]"
)


def by_shape(path: str, line: str) -> Iterator[str]:
    """What each secret in a line is, by the place it stands in.

    Args:
        path: of the file, by which some kinds of lines are known.
    """
    for names, why, form in BY_NAME:
        if names.fullmatch(path) and (found := form.match(line)) is not None and is_value(_last(found)):
            yield why
    for hint, forms in ((_HINT, _ANYWHERE), (HINT, COMMAND_LINES)):
        if hint.search(line):
            yield from (why for why, form in forms if any(is_value(_last(found)) for found in form.finditer(line)))


def _last(found: re.Match[str]) -> str:
    return next((group for group in reversed(found.groups()) if group is not None), "")
