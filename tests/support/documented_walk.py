"""Every command line of the documents in the order a reader comes to it, with what stands for its placeholders.

A step's shell text runs in a fresh clone. ``{doc}`` in it is the documented line itself; where that has placeholders
(GATEWAY, /dev/sdX, …) the text says what a person would have put there. What a person has already (an authority, a golden
sample's disk, a medium) is made by `HAVE`, with stock tools.
"""
# ruff: noqa: E501 - lines as the documents have them

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Needs(Enum):
    """What a step needs beyond the clone and the demonstration's inputs."""

    NOTHING = "nothing: it runs in the suite"
    RELEASE = "a built release: it runs in the suite"
    APPLIANCE = "an appliance or a block device: it runs in python -m tests.long.documented"
    ELSEWHERE = "more than a clone: the test named runs it"


@dataclass(frozen=True)
class Step:
    """One documented line.

    Attributes:
        line: as `documented.all_commands` finds it.
        run: what is run; for `Needs.ELSEWHERE` the file that runs it.
        statuses: of which one must come out.
    """

    line: str
    run: str = "{doc}"
    needs: Needs = Needs.NOTHING
    statuses: tuple[int, ...] = (0,)


HAVE = r"""
mkdir -p people && cd people
ssh-keygen -q -t ed25519 -N '' -C release@example.com -f KEY
openssl req -x509 -newkey rsa:3072 -nodes -keyout root.pem -out ../root.crt -days 7300 -subj "/CN=Root" \
    -addext basicConstraints=critical,CA:TRUE 2>/dev/null
for what in authority intermediate; do
    openssl req -newkey rsa:3072 -nodes -keyout $what.pem -out $what.csr -subj "/CN=$what" 2>/dev/null
    printf 'basicConstraints=critical,CA:TRUE\n' > ca.ext
    openssl x509 -req -in $what.csr -CA ../root.crt -CAkey root.pem -days 3650 -extfile ca.ext -out ../$what.crt \
        2>/dev/null
done
(umask 077; cp authority.pem ../authority.pem; printf 'keystore-secret-1' > ../secret; age-keygen -o ../age.key 2>/dev/null)
keytool -importcert -noprompt -storetype JKS -alias a -file ../root.crt -keystore ../certificates.ks \
    -storepass "$(cat ../secret)" 2>/dev/null
cd ..
cp golden/opt/eurotech/esf/kura/packages/heater_1.0.0.dp .
python3 -c 'import zipfile; z = zipfile.ZipFile("heater_1.0.0.dp"); n = next(n for n in z.namelist() if n.endswith(".jar"))
open("heater.jar", "wb").write(z.read(n))'
"""

_AGAIN = "rm -rf keys/private/signer* keys/signer.*; "
_SNIPPET = (
    'printf \'[signer]\\nkey = "file:private/signer.pem"\\ncertificates = ["signer.crt"]\\n\' >> keys/keys.toml; '
)
_ISSUE = (
    "openssl x509 -req -in keys/signer.csr -CA intermediate.crt -CAkey people/intermediate.pem -days 900 "
    "-copy_extensions copyall -out signer-issued.crt 2>/dev/null; "
)
_R, _A, _E = Needs.RELEASE, Needs.APPLIANCE, Needs.ELSEWHERE
_APART = "tests/acceptance/test_release_key_apart.py"
_FLEET = (
    'sed -i \'s/^name = "demo-1.0"/name = "fleet-1.0"/; s/^\\[output\\].*/[output]\\nform = "fleet"/\' gateway.toml; '
    "doit build; "
)

STEPS: tuple[Step, ...] = (
    # README: the two commands and the tour
    Step("doit list"),
    Step("doit doctor", needs=_A),
    Step("doit help COMMAND", "for name in plan golden keys verify audit; do doit help $name >/dev/null; done"),
    Step("doit inspect", needs=_A),
    Step("doit plan"),
    Step("doit plan gw-south-02"),
    Step("doit plan GATEWAY", "doit plan gw-lab-03"),
    Step("doit build", needs=_A),
    Step("doit build --twice", needs=_A),
    Step("doit build --progress json", "tests/unit/fleet/test_pace.py", _E),
    Step("doit test", ".ci/run", _E),
    Step(
        "doit verify --allowed-signers allowed_signers out/demo-1.0",
        "cp out/demo-1.0/allowed_signers .; {doc}",
        _A,
    ),
    Step(
        "ssh-keygen -Y verify -f out/demo-1.0/allowed_signers -I release@demo.invalid -n gateway-image-manifest "
        "-s out/demo-1.0/gw-north-01/manifest.json.sig < out/demo-1.0/gw-north-01/manifest.json",
        needs=_R,
    ),
    Step("(cd out/demo-1.0 && sha256sum -c SHA256SUMS)", "{doc} >/dev/null", _R),
    Step("sha256sum -c SHA256SUMS", "cd out/demo-1.0; {doc} >/dev/null", _R),
    Step("doit explain out/demo-1.0/gw-north-01 /etc/ssh/sshd_config", needs=_R),
    Step("doit explain out/demo-1.0/gw-north-01 /etc/ssh/sshd_config:2", needs=_R),
    Step(
        "doit explain out/demo-1.0/gw-north-01 --property org.eclipse.kura.web.Console.console.password.value",
        needs=_R,
    ),
    Step(
        "bmaptool copy out/demo-1.0/gw-north-01/image.img /dev/sdX",
        "truncate -s 512M $HOME/medium.img; bmaptool -q copy out/demo-1.0/gw-north-01/image.img $HOME/medium.img",
        _R,
    ),
    Step(
        "bmaptool copy image.img /dev/sdX", "cd out/demo-1.0/gw-lab-03; bmaptool -q copy image.img $HOME/card.img", _R
    ),
    # CONTRIBUTING
    Step("python -m pipeline.report.rules_document > docs/reference/rules.md", "{doc}; git diff --exit-code docs"),
    # docs/guide/policy.md
    Step("doit explain heater.jar heater_1.0.0.dp", statuses=(0, 1)),
    Step("doit explain heater.jar --policy out/demo-1.0/gw-north-01", needs=_A, statuses=(0, 1)),
    Step(
        "doit explain heater.jar --policy export/opt/…/security.policy",
        "doit explain heater.jar --policy golden/opt/eurotech/esf/kura/security.policy",
        statuses=(0, 1),
    ),
    # docs/guide/runbook.md
    Step("ssh-keygen -t ed25519 -N ''", "ssh-keygen -q -t ed25519 -N '' -f keys/manifest-signer"),
    Step("(umask 077; openssl rand -hex 32 > fleet.key)"),
    Step(
        "doit capture --fingerprint SHA256:… --key ~/.ssh/golden --snapshot snapshot_1735689600000.xml "
        "-o export ssh://root@192.168.10.1",
        "tests/acceptance/test_capture.py",
        _E,
    ),
    Step(
        "doit capture --snapshot snapshot_1735689600000.xml -o export golden-disk.img",
        "cp --sparse=always .demo/vanilla.img golden-disk.img; cp golden/snapshot_1735689600000.xml .; {doc}; rm -r export",
        _A,
        (0, 1),
    ),
    Step("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub", "ssh-keygen -lf people/KEY.pub"),
    Step("doit golden --accept"),
    Step(
        'doit golden --decide stays --reason "why" THING …',
        'doit golden --decide stays --reason "why" etc/ssh/ssh_host_ed25519_key',
    ),
    Step("doit golden --diff"),
    Step("doit verify --allowed-signers allowed_signers out/<release>", "doit verify out/demo-1.0", _A),
    Step("doit explain out/<release>/<gateway> PATH[:LINE]", "doit explain out/demo-1.0/gw-lab-03 /etc/passwd", _R),
    Step(
        "doit boottest --identity technician.key GATEWAY",
        "doit boottest --identity .demo/keys/demo-user gw-north-01",
        _A,
    ),
    Step("doit verify out/<release>", "doit verify out/demo-1.0", _A),
    Step(
        "ssh-keygen -Y verify",
        "cd out/demo-1.0; for name in gw-*; do ssh-keygen -q -Y verify -f allowed_signers -I release@demo.invalid "
        "-n gateway-image-manifest -s $name/manifest.json.sig < $name/manifest.json; done",
        _R,
    ),
    # docs/guide/secrets.md
    Step("doit secrets GATEWAY --certificate client", "tests/unit/signing/secrets", _E),
    Step("doit secrets GATEWAY --request client", "tests/unit/signing/secrets", _E),
    Step("doit secrets gw-north-01 --to gw-north-01.secrets", '{doc}; test "$(stat -c %a gw-north-01.secrets)" = 600'),
    Step(
        "doit secrets gw-north-01 --to gw-north-01.age --age age1…",
        "doit secrets gw-north-01 --to gw-north-01.age --age $(age-keygen -y age.key)",
    ),
    Step(
        "doit secrets --all --to handover",
        'printf \'[[secrets.recipient]]\\nrole = "factory"\\nage = ["%s"]\\nknows = ["root"]\\n\' $(age-keygen -y age.key) '
        ">> gateway.toml; {doc}; age -d -i age.key handover/factory.age | grep -q '^root = '; git checkout -q gateway.toml",
    ),
    Step("age -d -i IDENTITY handover/factory.age", "age -d -i age.key handover/factory.age >/dev/null"),
    Step(
        "doit secrets --pack factory --to packs gw-north-01",
        'printf \'[[secrets.recipient]]\\nrole = "factory"\\nage = ["%s"]\\nknows = ["root"]\\n\' $(age-keygen -y age.key) '
        ">> gateway.toml; {doc}; git checkout -q gateway.toml",
        _R,
    ),
    Step(
        "age -d -i IDENTITY packs/gw-north-01.tar.age | tar -x",
        "cd $HOME; age -d -i $OLDPWD/age.key $OLDPWD/packs/gw-north-01.tar.age | tar -x; cmp gw-north-01/manifest.json "
        "$OLDPWD/out/demo-1.0/gw-north-01/manifest.json; rm -r gw-north-01 $OLDPWD/packs",
        _R,
    ),
    # docs/guide/signing.md
    Step(
        'doit keys new signer --dn "CN=www.companyname.com,O=Company Name,C=US" --passphrase prompt',
        "python -m tests.support.typed '(not shown):' '{doc}' first-passphrase-9 first-passphrase-9; "
        "openssl pkey -in keys/private/signer.pem -passin pass:first-passphrase-9 -noout",
    ),
    Step(
        "doit keys new signer --dn … --ca file:authority.pem --ca-cert authority.crt root.crt",
        _AGAIN + "doit keys new signer --dn CN=S --ca file:authority.pem --ca-cert authority.crt root.crt",
    ),
    Step("doit keys csr signer --dn …", _AGAIN + "doit keys csr signer --dn CN=S"),
    Step("doit keys import signer signer-issued.crt intermediate.crt root.crt", _ISSUE + "{doc}; " + _SNIPPET),
    Step("doit keys export signer --pem -o signer-public.pem", "{doc}; openssl x509 -in signer-public.pem -noout"),
    Step("doit keys export signer --der -o signer.cer", "{doc}; openssl x509 -inform der -in signer.cer -noout"),
    Step("doit keys show certificates.ks"),
    Step("doit keys show certificates.ks --password file:secret"),
    Step("doit bundles --emit request", "tests/unit/signing/test_detached.py", _E),
    Step("doit bundles --take request", "tests/unit/signing/test_detached.py", _E),
    Step(
        "python -m pipeline.signing.offline request --key file:… --passphrase prompt",
        "tests/unit/signing/test_detached.py",
        _E,
    ),
    Step("openssl dgst -sha256 -sign KEY -out SHA256.sig SHA256.SF", "tests/unit/signing/test_detached.py", _E),
    Step("doit manifest --emit", _APART, _E),
    Step("doit manifest --emit request", _APART, _E),
    Step("python -m pipeline.signing.offline request --key file:…", _APART, _E),
    Step("ssh-keygen -Y sign -f KEY -n gateway-image-manifest NAME.manifest.json", _APART, _E),
    Step(
        "openssl pkeyutl -sign -rawin -inkey KEY.pem -in NAME.provenance.dsse -out NAME.provenance.dsse.sig", _APART, _E
    ),
    Step(
        "(umask 077; python3 -c 'import sys; from cryptography.hazmat.primitives import serialization as s\n"
        'key = s.load_ssh_private_key(open(sys.argv[1], "rb").read(), None)\n'
        "sys.stdout.buffer.write(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))' "
        "KEY >KEY.pem)",
        "cd people; {doc}; openssl pkey -in KEY.pem -noout",
    ),
    Step("doit manifest --take request", _APART, _E),
    Step("doit manifest --emit second", _APART, _E),
    Step("ssh-keygen -Y sign -f KEY -n gateway-image-manifest release.json", _APART, _E),
    Step("doit manifest --take second", _APART, _E),
    # docs/guide/verification.md
    Step(
        "doit verify --device /dev/sdX out/<release>/<gateway>",
        "truncate -s 512M dump.img; bmaptool -q copy out/demo-1.0/gw-lab-03/image.img dump.img; "
        "doit verify --device dump.img out/demo-1.0/gw-lab-03; rm dump.img",
        _A,
    ),
    Step("doit diff out/<release A> out/<release B>", "doit diff out/demo-1.0 out/demo-1.0", _R),
    Step(
        "doit explain IMAGE PATH[:LINE] ...",
        "doit explain out/demo-1.0/gw-lab-03/image.img /etc/hostname:1 /etc/passwd",
        _R,
    ),
    Step(
        "doit explain IMAGE --property PID.NAME",
        "doit explain out/demo-1.0/gw-lab-03/image.img --property org.eclipse.kura.web.Console.console.password.value",
        _R,
    ),
    Step("doit explain IMAGE --block N", "doit explain out/demo-1.0/gw-lab-03/image.img --block 0", _A),
    Step("doit boottest gw-north-01", needs=_A),
    Step(
        "doit boottest --identity technician.key --log consoles out/<release>",
        "doit boottest --identity .demo/keys/demo-user --log consoles out/demo-1.0",
        _A,
    ),
    Step("doit audit IMAGE ...", "doit audit out/demo-1.0/gw-lab-03/image.img", _A, (0, 1)),
    Step("doit audit IMAGE", "doit audit .demo/vanilla.img", _A, (1,)),
    Step("doit audit --no-ask", "doit audit --no-ask out/demo-1.0/gw-lab-03/image.img", _A, (0, 1)),
    # docs/guide/workspace.md
    Step(
        "doit init plant --vanilla vanilla.img --golden export --name plant-1.0 --gateways gw-a=SN17,gw-b=SN18,gw-c "
        "--user-key ~/.ssh/id_ed25519.pub",
        "doit init plant --vanilla .demo/vanilla.img --golden .demo/golden --name plant-1.0 "
        "--gateways gw-a=SN17,gw-b=SN18,gw-c --user-key people/KEY.pub; mv plant $HOME",
        _A,
    ),
    Step(
        'doit golden --decide travels --reason "why" THING',
        'doit golden --decide travels --reason "why" opt/eurotech/esf/kura/packages/heater_1.0.0.dp',
    ),
    Step("python -m pipeline.inputs.schemas", "{doc}; git diff --exit-code pipeline"),
    Step(
        "taplo lint --schema file:///PATH/gateway.schema.json gateway.toml",
        "taplo lint --schema file://$PWD/pipeline/schemas/gateway.schema.json gateway.toml",
    ),
    # docs/reference
    Step(
        "python3 -m json.tool --sort-keys --indent 2",
        "{doc} out/demo-1.0/gw-north-01/manifest.json | cmp - out/demo-1.0/gw-north-01/manifest.json",
        _R,
    ),
    Step(
        "doit verify --allowed-signers allowed_signers out/<release>/<gateway>",
        "doit verify --allowed-signers out/demo-1.0/allowed_signers out/demo-1.0/gw-lab-03",
        _A,
    ),
    Step(
        "ssh-keygen -Y verify -f allowed_signers -I <who> -n gateway-image-manifest -s manifest.json.sig < manifest.json",
        "cd out/demo-1.0/gw-lab-03; ssh-keygen -Y verify -f ../allowed_signers -I release@demo.invalid "
        "-n gateway-image-manifest -s manifest.json.sig < manifest.json",
        _R,
    ),
    Step(
        "ssh-keygen -Y verify -f allowed_signers -I <who> -n gateway-image-manifest -s release.json.sig < release.json",
        "cd out/demo-1.0; ssh-keygen -Y verify -f allowed_signers -I release@demo.invalid "
        "-n gateway-image-manifest -s release.json.sig < release.json",
        _R,
    ),
    Step("doit verify out/<release>/*/", "doit verify out/demo-1.0/*/", _A),
    Step("doit verify out/<release>/GATEWAY", "doit verify out/demo-1.0/gw-lab-03", _A),
    Step(
        "python3 - <<'PY'\nimport base64, json\n"
        'e = json.load(open("provenance.json"))\n'
        't, p = e["payloadType"].encode(), base64.b64decode(e["payload"])\n'
        'open("pae", "wb").write(b"DSSEv1 %d %s %d %s" % (len(t), t, len(p), p))\n'
        'open("sig", "wb").write(base64.b64decode(e["signatures"][0]["sig"]))\nPY',
        "mkdir -p $HOME/dsse; cp out/demo-1.0/gw-lab-03/provenance.json $HOME/dsse; cd $HOME/dsse\n{doc}\n",
        _R,
    ),
    Step(
        "openssl pkeyutl -verify -pubin -inkey release.pem -rawin -in pae -sigfile sig",
        "key=$PWD/.demo/keys/manifest-signer; cd $HOME/dsse; python3 -c 'import sys\n"
        "from cryptography.hazmat.primitives.serialization import *\n"
        'key = load_ssh_public_key(open(sys.argv[1] + ".pub", "rb").read())\n'
        'open("release.pem", "wb").write(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))\' $key\n'
        "{doc}",
        _R,
    ),
    Step("doit image:<gateway>", "doit image:gw-lab-03", _A),
    Step("sha256sum out/<release>/<gateway>/image.img", "sha256sum out/demo-1.0/gw-lab-03/image.img", _R),
    Step("doit demo", needs=_A),
    # docs/guide/fleet.md: the same gateways as base and deltas
    Step(
        "bmaptool copy --bmap fleet.base/base.bmap fleet.base/base.img.zst /dev/sdX",
        _FLEET + "truncate -s 512M $HOME/card; device=$(losetup --show -f $HOME/card); cd out/fleet-1.0; "
        "bmaptool -q copy --bmap fleet.base/base.bmap fleet.base/base.img.zst $device; losetup -d $device",
        _A,
    ),
    Step(
        "bmaptool copy --bmap gw-1/delta.bmap gw-1/delta.img.zst /dev/sdX",
        "device=$(losetup --show -f $HOME/card); cd out/fleet-1.0; "
        "bmaptool -q copy --bmap gw-lab-03/delta.bmap gw-lab-03/delta.img.zst $device; losetup -d $device",
        _A,
    ),
    Step("doit image GATEWAY", "doit image gw-lab-03", _A),
    Step("doit image GATEWAY...", "doit image gw-north-01 gw-south-02", _A),
    Step(
        "python3 unpack.py GATEWAY [IMAGE]",
        "cd out/fleet-1.0; python3 unpack.py gw-lab-03 $HOME/whole.img; "
        "cmp $HOME/whole.img ../../.build/images/gw-lab-03.img",
        _A,
    ),
    Step(
        "veritysetup format --salt=- IMAGE /tmp/hashes",
        "veritysetup format --salt=- $HOME/whole.img $HOME/hashes | grep -i 'root hash' | grep -o '[0-9a-f]\\{64\\}' "
        "| grep -qf - out/fleet-1.0/gw-lab-03/manifest.json",
        _A,
    ),
)

MODULES = ("python -m tests.", "pytest ", "sh -c 'ruff check", "pip install ")
"""Lines for people who work on the product: that the modules are there is all that is looked at."""
