"""Passwords on command lines and in scripts, by the manual of the program that is given them."""

from __future__ import annotations

import re

# A value in either kind of quotes, or without.
WORD = r"""(?:"([^"]*)"|'([^']*)'|([^\s"',;|&<>\])]+))"""
# Who reads a password from its standard input.
_READERS = (
    r"sudo\s+-S|passwd|chpasswd|cryptsetup|kinit|gpg2?|openconnect|su|mount|smbpasswd|vncpasswd|htpasswd|mosquitto_passwd|"
    r"pass|ssh-add|keyctl|veracrypt|borg|restic|openssl|(?:docker|podman|helm|gh|glab)\s+\S*\s*login"
)

# The last group that took part is the secret.
COMMAND_LINES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (why, re.compile(form))
    for why, form in (
        ("a password given to HTTPie", rf"\bhttps?\s+.*?(?:-a|--auth)[\s=]*[\"']?[^\s\"':]+:{WORD}"),
        ("a token given to curl", rf"\bcurl\b.*?--(?:oauth2-bearer|proxy-pass|pass|tlspassword)[\s=]+{WORD}"),
        ("a cookie given to curl", rf"\b(?:curl|wget)\b.*?(?:-b|--cookie)[\s=]*[\"']?[^\s\"'=;@]+={WORD}"),
        ("a password given to a file transfer", r"\blftp\b.*?\s-u\s*[\"']?[^\s,\"']+,([^\s\"'@]+)"),
        ("a password given to a file transfer", rf"\bncftp(?:put|get|ls|batch)?\b.*?\s-p\s*{WORD}"),
        ("a password given to a data base",
         rf"\b(?:mongo(?:sh|dump|restore|export|import)?|cqlsh|clickhouse-client)\b.*?\s-p\s*{WORD}"),
        ("a password given to a remote desktop", rf"\b[xw]?freerdp\S*\b.*?\s/p:{WORD}|\brdesktop\b.*?\s-p\s*{WORD}"),
        ("a key given to iwconfig", rf"\biwconfig\b.*?\b(?:key|enc)\s+(?:s:)?(?!on\b|off\b|open\b){WORD}"),
        ("a key given to iw", r"\biw\b.*?\bconnect\b.*?\bkeys?\s+d?:?\d:(\S+)"),
        ("a key given to a name server's client", r"\b(?:nsupdate|dig|delv|rndc)\b.*?\s-y\s*(?:[\w-]+:)?[\w.-]+:(\S+)"),
        ("a password given to SMB",
         rf"\b(?:net|rpcclient|smbget|winexe|smbcacls|smbmount|nmblookup)\b.*?\s-U\s*[\"']?[^\s%]+%{WORD}"),
        ("a password given to OpenSSL", rf"\bopenssl\s+enc\b.*?\s-(?:k|K)\s*{WORD}"),
        ("a passphrase given to ssh-keygen", rf"\bssh-keygen\b.*?\s-[NP]\s*{WORD}"),
        ("a password given to an archiver", r"\b(?:un)?rar\s+\w+\s+.*?-h?p([^\s\"'-][^\s\"']*)"),
        ("a password given to sshfs or mount", rf"\b(?:sshfs|mount(?:\.\w+)?)\b.*?\b(?:pass|passwd|password)={WORD}"),
        ("a password read from a pipe",
         rf"\b(?:echo|printf)\s+(?:-\w+\s+)*(?!['\"]?[%$]){WORD}\s*\|\s*(?:sudo\s+)?(?:{_READERS})\b"),
        ("a password read from a here string", rf"\b(?:{_READERS})\b[^|\n]*<<<\s*{WORD}"),
        ("a password given to expect", r"(?i)(?:\bexpect\b|-re)[^\n]*(?:assword|passphrase|\bPIN\b)[^\n]*?"
         r"\bsend\s+(?:--\s+)?\"([^\"\\]+)"),
        ("a password of Oracle", r"(?i)\bjdbc:oracle:(?:thin|oci):[^/\s@:]+/([^\s@/\"']+)@"),
        ("a password of Oracle", r"\b(?:sqlplus|sqlldr|expdp|impdp|exp|imp|rman\s+target)\s+(?:-\S+\s+)*"
         r"[\w$#]+/([^\s@/\"']+)@"),
        ("a key of a routing protocol",
         rf"(?m)^\s*(?:neighbor\s+\S+\s+password|(?:ip\s+)?ospf\s+(?:authentication-key|message-digest-key\s+\d+\s+md5)"
         rf"|ip\s+rip\s+authentication\s+string|area-password\s+(?:clear|md5)|isis\s+password\s+(?:clear|md5)|key-string)"
         rf"\s+(?:\d\s+)?{WORD}"),
        ("a password of a proxy", rf"\b(?:login|proxyauth)=[^\s:=\"'@/]+:{WORD}"),
        ("a password of a proxy", r"(?m)^\s*forward\S*\s+(?:\S+\s+)*?[^\s:@/]+:([^\s@:/]+)@"),
        ("a password beside its user", rf"\buser\s+\S+\s+insecure-password\s+{WORD}"),
        ("an identity of Vault", r"(?i)\bsecret_id[\"']?\s*[=:]\s*[\"']?([\w-]{8,})"),
        ("a key of an IoT hub", r"(?i)\b(?:primary|secondary|symmetric)_?key[\"']?\s*[:=]\s*[\"']?"
         r"([A-Za-z0-9+/]{40,}={0,2})"),
        ("a password of a share", r"\buser(?:name)?=[^\s,%=]+%([^\s,]+)"),
        ("a password for curl", r"(?m)^\s*(?:proxy-)?user\s*=\s*\"[^\":\s]+:([^\"\s]+)\""),
        ("a user's password and roles", r"\busers\b[\"']?\s*[=:]\s*[\"']?[\w.@-]+=([^\s|;\"'=]+)\|"),
        ("a password of a data base", r"(?m)^\s*SQLConnectInfo\s+\S+\s+\S+\s+(\S+)"),
        ("a key in an address", r"[?&](?:key|apikey|auth|code|sig|hash|k)=(?=[\w%.~+/-]*\d)(?=[\w%.~+/-]*[A-Za-z])"
         r"([\w%.~+/-]{12,})"),
        ("a modem command with a PIN or password",
         r"(?i)AT\+QICSGP=\d+,\d+(?:,\\?\"[^\",]*\"){2},\\?\"([^\"\\]+)"),
        ("an identity of ZeroTier", r"\b[0-9a-f]{10}:0:[0-9a-f]{128}:([0-9a-f]{64,})"),
        ("a key of a roaming access point", r"(?m)^\s*r[01]kh=\S+\s+\S+\s+([0-9a-fA-F]{32,})"),
    )
)  # fmt: skip

HINT = re.compile(
    r"(?i)https? |curl|wget|ftp|mongo|cqlsh|clickhouse|rdp|rdesktop|iwconfig|\biw\b|nsupdate|dig|rndc|\bnet\b|rpcclient"
    r"|smb|openssl|ssh-keygen|rar|mount|sshfs|echo|printf|<<<|expect|oracle|sqlplus|neighbor|ospf|rip|isis|key-string"
    r"|area-|login=|proxyauth=|forward|insecure-|secret_id|_?key|[?&]\w+=|qicsgp|:0:|r[01]kh|user|SQLConnect|sudo|passw"
)
