"""Every sentence of the documents that asks for hardening has a rule; docs/reference/rules.md is made from them."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from pipeline.report import rules_document
from pipeline.rules import registry

ROOT = Path(__file__).resolve().parents[3]

# Read sentence by sentence: where each stands, and what it asks for in our own words. What only describes the product,
# such as its console's defences (B:419, B:429 to B:437), asks for nothing.
SENTENCES = {
    "A:11": "a root password that is long and hard to guess",
    "A:17": "users without root privileges",
    "A:26": "no root over SSH",
    "A:34": "PermitRootLogin no",
    "A:38": "public keys only",
    "A:39": "keys of 2048 bits and more",
    "A:57": "RSAAuthentication yes",
    "A:58": "PubkeyAuthentication yes",
    "A:62": "no SSH by password",
    "A:70": "ChallengeResponseAuthentication no",
    "A:71": "PasswordAuthentication no",
    "A:72": "UsePAM no",
    "A:76": "another port than 22",
    "A:84": "the port",
    "A:88": "no Avahi, no SysRq",
    "A:90": "U-Boot without delay",
    "A:98": "bootdelay 0",
    "A:105": "the latest Linux image",
    "A:111": "production mode",
    "A:112": "a strong security policy",
    "A:113": "no firewall rules for what nobody wants, 8000 and 1450 among them",
    "A:114": "the console from the VPN only",
    "A:115": "a strong console user and password",
    "A:116": "gateways connect by provisioning",
    "A:117": "remote command off or protected",
    "A:118": "unused interfaces disabled or firewalled",
    "A:119": "a strong WPA password of the access point",
    "A:120": "Wi-Fi off where it is not needed",
    "A:124": "ESF up to date",
    "A:129": "the disk of the golden sample is not cloned",
    "A:135": "every gateway connects with credentials of its own",
    "A:141": "the snapshot is unencrypted: keep it safe",
    "A:143": "four properties of the MQTT transport become placeholders",
    "A:160": "no connection at start",
    "A:162": "provisioning enabled, with credentials and URL",
    "A:164": "the snapshot replaces the factory's",
    "A:170": "dpa.properties of the golden sample",
    "A:171": "packages of the golden sample",
    "A:179": "a policy fit for production",
    "A:183": "the network's files besides the snapshot",
    "A:187": "the firewall's file",
    "A:188": "the custom firewall script",
    "A:206": "no keystore of the golden sample",
    "A:208": "the control messages' certificate comes with provisioning",
    "A:219": "not the public keystore password of cacerts.ks",
    "A:225": "another initial password of the TLS keystore, in the properties too",
    "A:227": "start ESF once before shipping",
    "A:240": "the same release as the golden sample's",
    "A:244": "not started before everything is in place",
    "A:247": "the link of the cellular connection",
    "A:248": "see that ESF runs in production mode",
    "B:14": "no remote debugging and profiling",
    "B:20": "production mode for what is deployed",
    "B:86": "permit-debug false",
    "B:112": "policies with their required elements",
    "B:134": "no trust by location",
    "B:155": "the order of certificates",
    "B:223": "as strict as possible",
    "B:229": "signed bundles only",
    "B:243": "the policy's backup copy",
    "B:247": "the policy's schema",
    "B:326": "the policy is verified against its schema",
    "B:340": "permit-debug false at least",
    "B:356": "the policy's fingerprint",
    "B:358": "the command line's fingerprint",
    "B:393": "no JVM options of profilers and debuggers",
    "B:395": "HeapDumpPath /dev/null",
    "B:397": "no -Xdebug",
    "B:399": "no -Xrunjdwp",
    "B:401": "no -Xbootclasspath:",
    "B:403": "no -XX:StartFlightRecording",
    "B:405": "no -agentlib:",
    "B:407": "no -agentpath:",
    "B:409": "no -verbose",
    "B:423": "a limit of what a ZIP may unpack to",
    "B:425": "a limit of files in a ZIP",
    "B:441": "the customer's bundles are signed",
    "B:466": "signing keys and passwords stay safe",
    "B:473": "an RSA key of 2048 bits",
    "B:498": "the signer's certificate in the keystore",
    "B:531": "the keystore is replaced before the first start only",
    "B:536": "not the public keystore password of certificates.ks",
    "B:541": "another initial password of the signing keystore, in the properties too",
    "B:543": "start ESF once before shipping",
    "B:557": "a policy row for the signer",
}


@pytest.mark.parametrize("line", SENTENCES)
def test_every_sentence_has_a_rule(line: str) -> None:
    assert any(line in rule.documents for rule in registry.RULES), SENTENCES[line]


def test_every_rule_of_the_documents_names_a_line_and_every_other_a_reference() -> None:
    for rule in registry.RULES:
        assert all(re.fullmatch(r"[AB]:\d+(-\d+)?", line) for line in rule.documents), rule.id
        assert rule.documents or rule.profile == "strict", rule.id
        assert rule.references, rule.id
        assert rule.title, rule.id
        assert rule.remedy or not rule.documents, rule.id


def test_every_rule_says_why_in_one_to_three_sentences() -> None:
    for rule in registry.RULES:
        sentences = re.findall(r"[^.:]+[.](?=\s|$)", rule.why)
        assert 1 <= len(sentences) <= 3, rule.id
        assert rule.why.endswith("."), rule.id
        assert len(rule.why) <= 250, rule.id
        assert rule.why.rstrip(".").lower() != rule.title.lower(), rule.id


def test_what_enforces_a_rule_is_there() -> None:
    """Addresses below pipeline.transforms: a module, or the folder of a subject."""
    for rule in registry.RULES:
        for name in filter(None, rule.enforced_by.split(", ")):
            place = ROOT / "pipeline/transforms" / name.replace(".", "/")
            assert place.is_dir() or place.with_suffix(".py").is_file(), (rule.id, name)


def test_rules_are_collected_wherever_they_lie() -> None:
    written = []
    for path in sorted((ROOT / "pipeline/rules").glob("*/**/*.py")):
        if re.search(r"^RULES\b", path.read_text("utf-8"), re.MULTILINE):
            written += import_module(".".join(path.relative_to(ROOT).with_suffix("").parts)).RULES
    assert len(written) >= 162
    assert sorted(rule.id for rule in written) == sorted(rule.id for rule in registry.RULES)


def test_ids_are_there_once() -> None:
    ids = [rule.id for rule in registry.RULES]
    assert sorted(set(ids)) == sorted(ids)
    assert all(re.fullmatch(r"[a-z0-9]+\.[a-z0-9_]+", name) for name in ids)


def test_the_document_is_of_the_rules_as_they_are() -> None:
    written = (ROOT / "docs/reference/rules.md").read_text(encoding="utf-8")
    assert written == rules_document.text(registry.RULES), (
        "python -m pipeline.report.rules_document > docs/reference/rules.md"
    )
