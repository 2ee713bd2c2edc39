"""Keys and tokens recognised by their shape, as their issuers publish it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from pipeline.classification.crypt_hashes import crypt_hashes
from pipeline.classification.found import PASSWORD, PRIVATE_KEY, TOKEN

# After the first line of a key comes the key: on the next line, or behind an escape of a string. Programs that read
# keys have the line without what follows it, or not at the start of a line.
_BEHIND = (
    rb"(?:(?:\s|\\+[nr]|&#1[03];|&#x[aAdD];|%0[aAdD])*(?:[A-Za-z0-9+/=]{2,}|[A-Z][A-Za-z-]+: )"
    rb"|[\s\"'+,\\nr.|&;]{1,40}[A-Za-z0-9+/=]{16,})"
)
_PEM = rb"-----BEGIN (?!OPENSSH|PGP|OpenVPN)(?:[A-Z0-9 ]*)PRIVATE KEY(?: BLOCK)?-----"
_OPENSSH = rb"-----BEGIN OPENSSH PRIVATE KEY-----"
_OPENVPN = rb"-----BEGIN OpenVPN (?:Static key V1|tls-crypt-v2 (?:client|server) key)-----(?:\s|\\n)"
_KTY = rb"\"kty\"\s*:\s*\"(?:EC|RSA|OKP)\""
_D = rb"\"d\"\s*:\s*\"[A-Za-z0-9_-]{20,}\""
_OCT, _K = rb"\"kty\"\s*:\s*\"oct\"", rb"\"k\"\s*:\s*\"[A-Za-z0-9_-]{10,}\""
_PART = rb"[A-Za-z0-9_-]{8,}"
_NOT_LATER = rb"(?!\$|\{|<|%)[A-Za-z0-9+/_.=-]{6,}"

# What must be in a file (one of these, in lower case), the form, and what it is.
_TOKENS: tuple[tuple[str, bytes, str, str], ...] = (
    ("-----begin open", _OPENSSH + _BEHIND + rb"|(?m:^)" + _OPENSSH + rb"(?m:\r?$)", PRIVATE_KEY,
     "an SSH private key of OpenSSH"),
    ("-----begin pgp", rb"-----BEGIN PGP PRIVATE KEY BLOCK-----(?:\s|\\n)", PRIVATE_KEY, "a private key of OpenPGP"),
    ("-----begin openvpn", _OPENVPN, PRIVATE_KEY, "a static key of OpenVPN"),
    ("---- begin ssh2", rb"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----", PRIVATE_KEY, "an SSH private key of SSH2"),
    ("-----begin ", _PEM + _BEHIND + rb"|(?m:^)" + _PEM + rb"(?m:\r?$)", PRIVATE_KEY, "a private key in PEM"),
    ("putty-user-key-file", rb"(?m)^PuTTY-User-Key-File-\d: ", PRIVATE_KEY, "an SSH private key of PuTTY"),
    ("age-secret-key", rb"AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{20,}", PRIVATE_KEY, "a private key of age"),
    ("age-plugin", rb"AGE-PLUGIN-[A-Z0-9]+-1[0-9A-Z]{20,}", PRIVATE_KEY, "a private key of age"),
    ("-----begin age", rb"(?m)^-----BEGIN AGE ENCRYPTED FILE-----", PRIVATE_KEY, "a file encrypted by age"),
    ("ssh private key file", rb"\ASSH PRIVATE KEY FILE FORMAT 1", PRIVATE_KEY, "an SSH private key of version 1"),
    ("untrusted", rb"untrusted comment: (?:minisign|rsign|signify)[ \w]*secret key\s", PRIVATE_KEY,
     "a private key of minisign"),
    ('"kty"', _KTY + rb"(?=[^{}]*" + _D + rb")|" + _D + rb"(?=[^{}]*" + _KTY + rb")", PRIVATE_KEY,
     "a private key in JSON (JWK)"),
    ('"oct"', _OCT + rb"(?=[^{}]*" + _K + rb")|" + _K + rb"(?=[^{}]*" + _OCT + rb")", PRIVATE_KEY,
     "a secret key in JSON (JWK)"),
    ("rsakeyvalue", rb"<RSAKeyValue>(?=.{0,4000}<D>[A-Za-z0-9+/=\s]{20,}</D>)", PRIVATE_KEY, "a private key in XML"),
    ("private-key-format", rb"(?m)^Private-key-format: v1", PRIVATE_KEY, "a private key of DNSSEC"),
    ("akia asia abia acca", rb"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b", TOKEN, "an access key of AWS"),
    ("ghp_ gho_ ghu_ ghs_ ghr_", rb"\bgh[pousr]_[A-Za-z0-9]{30,}", TOKEN, "a token of GitHub"),
    ("github_pat_", rb"\bgithub_pat_[A-Za-z0-9_]{40,}", TOKEN, "a token of GitHub"),
    ("gl", rb"\bgl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat|ffct)-[A-Za-z0-9_-]{20,}", TOKEN, "a token of GitLab"),
    ("xox xapp-", rb"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-\d-[A-Za-z0-9-]{20,}", TOKEN, "a token of Slack"),
    ("hooks.slack.com", rb"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/+]{20,}", TOKEN, "a webhook of Slack"),
    ("/webhooks/", rb"discord(?:app)?\.com/api/webhooks/\d+/[\w-]{30,}", TOKEN, "a webhook of Discord"),
    ("aiza ya29. gocspx-", rb"\bAIza[0-9A-Za-z_-]{35}|\bya29\.[0-9A-Za-z_-]{20,}|\bGOCSPX-[\w-]{20,}", TOKEN,
     "a key of Google"),
    ("k_live_ k_test_ whsec_", rb"\b[rs]k_(?:live|test)_[0-9A-Za-z]{16,}|\bwhsec_[A-Za-z0-9+/=]{20,}", TOKEN,
     "a key of Stripe"),
    ("sg.", rb"\bSG\.[\w-]{16,}\.[\w-]{16,}", TOKEN, "a key of SendGrid"),
    ("npm_", rb"\bnpm_[A-Za-z0-9]{36}\b", TOKEN, "a token of npm"),
    ("pypi-", rb"\bpypi-AgE[\w-]{20,}", TOKEN, "a token of PyPI"),
    ("dckr_", rb"\bdckr_(?:pat|oat)_[\w-]{20,}", TOKEN, "a token of Docker"),
    ("_v1_", rb"\bdo[oprt]_v1_[0-9a-f]{40,}", TOKEN, "a token of DigitalOcean"),
    ("hvs. hvb. hvr.", rb"\bhv[sbr]\.[A-Za-z0-9_-]{24,}\b", TOKEN, "a token of Vault"),
    (":aa", rb"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b", TOKEN, "a token of Telegram"),
    ("sk-", rb"\bsk-(?:ant-|proj-|svcacct-|or-v1-)?(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{32,}", TOKEN,
     "a key of an AI service"),
    ("hf_", rb"\bhf_[A-Za-z0-9]{30,}", TOKEN, "a token of Hugging Face"),
    ("shp", rb"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}", TOKEN, "a token of Shopify"),
    ("atatt3 atctt3", rb"\bAT[AC]TT3[\w=-]{20,}", TOKEN, "a token of Atlassian"),
    ("glsa_ glc_", rb"\bgl(?:sa|c)_[A-Za-z0-9_+/=]{30,}", TOKEN, "a token of Grafana"),
    ("dapi", rb"\bdapi[0-9a-f]{32}\b", TOKEN, "a token of Databricks"),
    ("lin_api_ ntn_ secret_", rb"\b(?:lin_api_|ntn_|secret_)(?=\w*\d)[A-Za-z0-9]{30,}", TOKEN, "a token of a service"),
    ("pmak- nrak- sq0 rubygems_", rb"\b(?:PMAK-[0-9a-f-]{40,}|NRAK-[A-Z0-9]{20,}|sq0[a-z]{3}-[\w-]{20,}"
     rb"|rubygems_[0-9a-f]{40,})", TOKEN, "a token of a service"),
    ("tskey- cfpat- pul- sntry",
     rb"\b(?:tskey-[a-z]+-[\w-]{16,}|CFPAT-[\w-]{30,}|pul-[0-9a-f]{40}|sntry[su]_[\w+/=]{30,})",
     TOKEN, "a token of a service"),
    ("key- sk", rb"\bkey-[0-9a-f]{32}\b|\bSK[0-9a-f]{32}\b", TOKEN, "a token of a service"),
    ("eyj", rb"\beyJ" + _PART + rb"\.eyJ" + _PART + rb"\." + _PART, TOKEN, "a JSON web token"),
    ("eyj", rb"\beyJ[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]*\." + _PART + rb"\." + _PART + rb"\." + _PART, TOKEN,
     "an encrypted JSON web token"),
    ("key=", rb"(?i)\bshared(?:access)?key=[A-Za-z0-9+/%]{20,}", TOKEN, "a shared access key of Azure"),
    ("key=", rb"(?i)\baccountkey=[A-Za-z0-9+/%]{20,}", TOKEN, "an account key of Azure"),
    ("sharedaccesssignature sig=", rb"(?i)\bSharedAccessSignature\s+sr=|[?&]sig=[A-Za-z0-9%+/=]{20,}", TOKEN,
     "a shared access signature of Azure"),
    ("authorization", rb"(?i)\b(?:proxy-)?authorization['\"]?\s*[:=,]\s*['\"]?(?:basic|bearer|token|apikey)\s+"
     + _NOT_LATER, TOKEN, "a header that authorizes"),
    ("authorization", rb"(?i)\bauthorization\s+['\"](?:basic|bearer|token|apikey)\s+" + _NOT_LATER, TOKEN,
     "a header that authorizes"),
    ("x-api x-auth x-access x-vault x-func", rb"(?i)\bx-(?:api-key|auth-token|access-token|vault-token|functions-key)"
     rb"['\"]?\s*[:=,]\s*['\"]?" + _NOT_LATER, TOKEN, "a header that authorizes"),
    ("://", rb"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^/\s:@\"'<>${}%]*:(?!\d{1,5}[/@])[^/\s@\"'<>${}]+@", PASSWORD,
     "a URL with a password"),
)  # fmt: skip
TOKENS = tuple(
    (
        (words.encode(),) if words.startswith("-") else tuple(words.encode().split()),
        re.compile(form, re.DOTALL),
        kind,
        why,
    )
    for words, form, kind, why in _TOKENS
)

_BASIC = re.compile(rb"[\"']Basic ([A-Za-z0-9+/]{8,}={0,2})[\"']")
_AUTH = re.compile(rb"(?i)[\"']?\b_?auth[\"']?\s*[:=]\s*[\"']?([A-Za-z0-9+/]{8,}={0,2})")


def tokens(content: bytes) -> Iterator[tuple[int, str, str]]:
    """Offset, kind and reason of everything that has a known shape."""
    lower = content.lower()
    for words, pattern, kind, reason in TOKENS:
        if any(word in lower for word in words):
            yield from ((found.start(), kind, reason) for found in pattern.finditer(content))
    yield from ((offset, PASSWORD, "a password hash (crypt(5))") for offset in crypt_hashes(content))
    for found in _AUTH.finditer(content) if b"auth" in lower else ():
        if _is_user_and_password(found[1]):
            yield found.start(), PASSWORD, "a log-in of a registry, in Base64"

    for found in _BASIC.finditer(content) if b"basic " in lower else ():
        if _is_user_and_password(found[1]):
            yield found.start(), PASSWORD, "a log-in, in Base64"


def _is_user_and_password(encoded: bytes) -> bool:
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode("ascii").partition(":")
    except (binascii.Error, ValueError):
        return False
    return bool(user and colon and password) and f"{user}{password}".isprintable()
