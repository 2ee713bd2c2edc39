"""What real programs, packages and gateways hold and is no secret: nobody is asked about it.

The real values are taken from what is installed here and from the reference files, never from this repository.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pipeline.classification import Decision, classify, find_secrets
from pipeline.classification.secrets import secret_in_property
from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.esf_snapshot import Property

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "kura"
JARS = [Path("/usr/share/java") / f"{name}.jar" for name in ("guava", "commons-lang3", "commons-io", "slf4j-api")]
_ADDRESS = "https://broker.example:8883/a/b"

HARMLESS: dict[str, tuple[str, str]] = {
    "inner classes": ("a.txt", "com.google.common.collect.HashBiMap$Inverse$1$1$InverseEntry"),
    "inner classes in a list": ("a.list", "io/grpc/internal/ManagedChannelImpl$1$1ResolvingOobChannelBuilder2.class"),
    "commit": ("build.properties", "git.commit.id=2882fc8d6f5e5b4a3c2d1e0f9a8b7c6d5e4f3a2b"),
    "commit in a manifest": ("a.mf", "Implementation-SCM-Revision: 2882fc8d6f5e5b4a3c2d1e0f9a8b7c6d5e4f3a2b"),
    "commit in JSON": ("a.json", '{"sha": "2882fc8d6f5e5b4a3c2d1e0f9a8b7c6d5e4f3a2b"}'),
    "digest": ("a.conf", "sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
    "sub-resource integrity": ("a.conf", "integrity=sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1k"),
    "message": ("messages.properties", "login.password=Password\nlogin.error=The password is wrong\n"),
    "message in Italian": ("messages_it.properties", "passwordLabel=Password\nnewPassword=Nuova password\n"),
    "message in Japanese": ("Messages_ja.properties", "netWifiInvalidPassword=\\u4e0d\\u6b63\\u306a\n"),
    "message with a slash": ("Messages.properties", "publicPrivateKeyPair=Client Public/Private Key Pair\n"),
    "long names of messages": ("Messages.properties", "netIPv4ConfigModeL2OnlyEUI64Address=Layer 2\n"),
    "message about a token": ("Messages.properties", "token.expired=Your token has expired, please log in\n"),
    "message with a place": ("ErrorMessages.properties", "password.too.short=The password needs {0} characters\n"),
    "OSGi localisation": ("OSGI-INF/l10n/b.properties", "password.name = Password\npassword.help = Secret of a user\n"),
    "translation": ("i18n/en.json", '{"password": "Password", "token": "Token", "secret": "Enter your secret"}'),
    "comment that explains": ("a.conf", "# password: the password of the user\n# token: where the token is kept\n"),
    "a variable of a program": ("a.java", "this.password = password; String token = request.getToken();"),
    "a null": ("a.java", "if (password == null || secret.equals(other)) { password = null; }"),
    "a constant that names a setting": ("a.java", 'static final String PASSWORD = "mqtt.password";'),
    "a script's variable": ("a.sh", 'PASSWORD="$1"\nTOKEN=$(cat /run/token)\npassword=${PASSWORD:?}\n'),
    "placeholders": ("a.conf", "password=<password>\nsecret=@secret@\ntoken=%TOKEN%\npass=[password]\n"),
    "a form": ("a.html", '<input type="password" name="password" placeholder="Password">'),
    "a manual": ("a.md", "Use `--password PASSWORD` or `--token TOKEN` to log in.\n"),
    "user data base": ("nsswitch.conf", "passwd: files systemd\nshadow: files\n"),
    "services": ("services", "kpasswd\t\t464/tcp\n"),
    "packages": ("preferences", "Package: nodejs\nPin: origin deb.example\nPin-Priority: 600\n"),
    "limits": ("login.defs", "PASS_MAX_DAYS\t99999\nPASS_WARN_AGE\t7\n"),
    "hosts of a proxy": ("net.properties", "http.nonProxyHosts=localhost|127.*|[::1]\n"),
    "Java's types": ("a.yaml", "password: string\ntoken: java.lang.String\nsecret: org.acme.Secret\n"),
    "a place of a secret": ("a.service", "LoadCredential=db:/etc/db.secret\nEnvironment=TOKEN_FILE=/run/token\n"),
    "public community": ("snmpd.conf", "rocommunity public default\n"),
    "an address": ("a.conf", f"token.url={_ADDRESS}\nurl={_ADDRESS}\n"),
    "address with a port": ("a.conf", "proxy=http://proxy.example:3128@x\n"),
    "a picture": ("a.css", "background: url(data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAA)"),
    "a reader of keys": ("A.java", 'if (line.startsWith("-----BEGIN PRIVATE KEY-----")) { return parse(line); }'),
    "a metatype": ("a.xml", '<AD id="broker.password" name="Broker password" type="Password" required="false"/>'),
    "a DMI file": ("a.txt", "Product: ReliaGATE 10-14-35 Rev B1 NetworkConfigurationServiceImpl2Test\n"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HARMLESS)
def test_kinds(kind: str) -> None:
    path, text = HARMLESS[kind]
    assert find_secrets(path, text.encode()) == ()


def test_real_names_of_classes_and_packages() -> None:
    names = []
    for jar in filter(Path.exists, JARS):
        with zipfile.ZipFile(jar) as archive:
            names += [name for name in archive.namelist() if name.endswith(".class")]
    if len(names) < 500:
        pytest.skip("no Java libraries are installed here")
    assert find_secrets("list.txt", "\n".join(names).encode()) == ()
    assert [name for name in names if secret_in_property("a", Property("x", "String", (name,)))] == []


@pytest.mark.parametrize("jar", JARS[1:], ids=lambda jar: jar.name)
def test_real_packages(jar: Path) -> None:
    if not jar.exists():
        pytest.skip(f"{jar} is not installed")
    assert [one for one in find_secrets(jar.name, jar.read_bytes()) if one.kind != "not searched"] == []


def test_real_texts_of_gateways() -> None:
    if not DATA.exists():
        pytest.skip("needs the reference files")
    values = 0
    for path in sorted(DATA.rglob("*")):
        if not path.is_file() or not (
            "metatype" in path.parts or path.suffix in {".MF", ".ini", ".policy", ".logrotate"}
        ):
            continue
        text = path.read_text("utf-8", "replace")
        values += len(text.splitlines())
        assert find_secrets(str(path.relative_to(DATA)), text.encode()) == ()
    assert values >= 500


def test_real_snapshots_are_decided_by_rules_alone() -> None:
    """What an installer lays down asks nobody anything."""
    if not DATA.exists():
        pytest.skip("needs the reference files")
    seen = 0
    for path in sorted(DATA.rglob("snapshot_*.xml")):
        snapshot = esf_snapshot.load(path.read_bytes(), "C").snapshot
        assert snapshot is not None
        items = classify({}, (), snapshot)
        seen += len(items)
        assert [str(item.key) for item in items if item.proposal is Decision.UNDECIDED] == [], path
    assert seen >= 500
