"""Names that announce a secret, and texts that can be one."""

from __future__ import annotations

import re
from itertools import pairwise

# Of a SIM card or a token; pins of a chip's case are named alike, but together with another word.
_PIN = re.compile(
    r"(?:^|[._-])(?:sim|card|user|so)?[._-]?(?:pin|puk)(?:[._-]?code)?\d?$|[a-z]pincode$|simpin$", re.IGNORECASE
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORDS = frozenset(
    """password passwords passwd passphrase passcode pass pwd secret secrets psk token tokens credential credentials
    apikey privatekey keypass storepass wpapsk passkey authtok cak
    passwort kennwort parola senha contrasena""".split()
)
_SECRET_PAIRS = frozenset(
    """api-key private-key access-key shared-key account-key auth-key encryption-key preshared-key wep-key
    wep-tx signing-key master-key pre-shared pass-phrase pass-word secret-key wireless-key hmac-key aes-key
    crypto-key encr-key device-key license-key sas-key storage-key app-key""".split()
)
# Written together with what it belongs to: DBPASSWORD, PGPASSWORD, tcpPassword, userpass.
_SECRET_ENDS = re.compile(
    r"(?:password|passwd|passphrase|passcode|secret|apikey"
    r"|(?:auth|access|api|bot|bearer|refresh|id|session|git|hub|npm)token"
    r"|(?:user|admin|root|require|master|db|sql|key|store|trust|smtp|mail|ftp|http|proxy|tls|ssl|ssh)pass"
    r"|(?:mysql|pg|db)pwd|^pw|(?:bind|root|admin|user|db|ldap|mqtt|ftp|wifi)pw)$"
)
# What is said about a secret is none: password.min.length, private-key-name, token.url.
_ABOUT = frozenset(
    """file path alias length timeout enabled enable type policy name id algorithm change digits characters case min max
    count interval expiration provider class url uri endpoint required reset history age bits target prompt index
    usage format mode length size label description hint placeholder title message error text tooltip help regex
    pattern field column strength expiry ttl service manager factory dialog button input form page view reader writer
    encoder decoder parser handler callback exception directory dir location storage salt rounds iterations
    icon reqd tooltips labels names files days warn tries retries user username failed""".split()
)
_NO_VALUES = frozenset(
    """true false yes no on off null none nil undefined optional required sufficient requisite include prompt ask
    enabled disabled default * - ! !! n/a string str int bool boolean text number object any void byte[] char[]
    files compat systemd sss ldap nis same-origin omit keyring interactive read-only readonly write read get
    set""".split()
)
_PATH = re.compile(
    r"(?:file:)?/?(?:[A-Za-z0-9_.@${}-]+/)+[A-Za-z0-9_.@-]+\.[a-z]{1,5}|\d+/(?:tcp|udp|sctp)|\d{1,3}|(?:file:)?/[A-Za-z0-9_.@-]+(?:/[A-Za-z0-9_.@-]+)+"
    r"|[A-Za-z0-9_.-]+\.(?:pem|key|crt|cer|der|ks|jks|p12|pfx|conf|properties|txt|xml)"
)
_VARIABLE = re.compile(
    r"[$%#@]?[{(][\w.:-]+[})]|\$\w+|\$\{\w+:?[?+][^}]*\}?|\$\(.*|%\w+%|\{\{.*|\{\d+\}|%(?:\d+\$)?[sdr]|@[\w.-]+@"
    r"|<[\w .:-]+>|\[[\w .:-]*\]|!\w+|&lt;[\w .:-]+&gt;|env:\w+|vault:.*|op://.*|:\w+|\?[^\w]*"
)
_METAVARIABLE = re.compile(
    r"(?:YOUR[_-])?(?:[A-Z]+[_-])?(?:PASSWORD|PASSWD|PASS|TOKEN|SECRET|STRING|TEXT|VALUE|KEY|PIN)"
)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[^\s@]*")
_CLASS = re.compile(r"(?:org|com|net|java|javax|jakarta|io|de|eu)(?:\.[A-Za-z_$][\w$-]*){1,}(?:\[\])?")
_MASK = re.compile(r"[*•xX.]{3,}|\.{2,}|…")

# Words of sentences: who writes "the password must not be empty" gives no password away.
_STOP_WORDS = frozenset(
    """the is are was must your please not be for of to and or a an this that with in can cannot has have when if does
    should will enter invalid wrong missing expired incorrect confirm forgot new old current repeat""".split()
)
# Two words and more, of letters alone, whatever the language.
_SENTENCE = re.compile(r"[^\W\d_]+['’]?(?:[ ,]+[^\W\d_]+['’]?)+[.!?:…]*|.*[^\x00-\x7f].* .*")
_WORD = re.compile(r"[^\W\d_]{2,}")
_FOREIGN = re.compile(r"[^\x00-\x7f]|\\u[0-9a-fA-F]{4}")
_SENTENCE_WORDS = re.compile(r"[A-Za-z]{1,20}")


def announces(name: str) -> bool:
    """Whether a name says that its value is a secret: ``config.password``, ``wpaPsk``, ``api_key``, ``PGPASSWORD``."""
    if is_pin(name):
        return True
    words = [word.lower() for word in _WORDS.findall(name)]
    while words and words[-1].isdigit():
        words.pop()
    if not words or words[-1] in _ABOUT:
        return False
    pairs = {f"{left}-{right}" for left, right in pairwise(words)}
    return (
        not _SECRET_WORDS.isdisjoint(words)
        or not _SECRET_PAIRS.isdisjoint(pairs)
        or _SECRET_ENDS.search(words[-1]) is not None
    )


def is_pin(name: str) -> bool:
    """Whether a name means a PIN or PUK, the one secret that is a number."""
    return _PIN.search(name) is not None


def is_value(text: str) -> bool:
    """Whether a text can be a secret at all: not empty, no flag, no path, nothing that is filled in later."""
    text = text.strip().strip("\"'")
    if not text.strip("\\") or text.lower() in _NO_VALUES or _MASK.fullmatch(text):
        return False
    return not any(form.fullmatch(text) for form in (_PATH, _VARIABLE, _METAVARIABLE, _ADDRESS, _CLASS))


def is_sentence(text: str) -> bool:
    """Whether a text is said to people: three words with one that only sentences have, or two that name a secret."""
    words = [word.lower() for word in _SENTENCE_WORDS.findall(text)]
    if " " not in text.strip() or len(words) < 2:
        return False
    return (len(words) > 2 and not _STOP_WORDS.isdisjoint(words)) or not _SECRET_WORDS.isdisjoint(words)


def is_said_to_people(value: str) -> bool:
    """Whether a value of a file of translations is such a text: of words, or of letters no password is typed in."""
    return _FOREIGN.search(value) is not None or (" " in value.strip() and len(_WORD.findall(value)) > 1)


def is_label(name: str, value: str) -> bool:
    """Whether a value only says its own name again, as forms and translations do: ``password: "Password:"``."""
    if _SENTENCE.fullmatch(value):
        return True
    letters, word = re.sub(r"[^a-z]", "", value.lower()), value.strip(" :*")
    return letters in re.sub(r"[^a-z]", "", name.lower()) or (word.isalpha() and announces(word))
