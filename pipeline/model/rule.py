"""Hardening rules as values, and how their checks end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.model.image_view import ImageView


class RuleOutcome(StrEnum):
    """How a check ended. A rule whose file, service or pid is absent says so; it never passes.

    A disagreement is between a rule and the program it speaks for; the program has the last word, by its own rule.
    """

    PASS = "pass"  # noqa: S105 - an outcome
    FAIL = "fail"
    NOT_APPLICABLE = "not applicable"
    UNVERIFIABLE = "cannot be verified offline"
    DISAGREEMENT = "rule and reader disagree"


class Severity(StrEnum):
    """What a broken rule can cost, at worst.

    High: somebody gets in, reads secrets or passes for the gateway, or the gateway is lost until somebody visits it.
    Medium: a second line of defence is missing, gateways are mixed up, or a service fails in the field.
    Low: it helps an attacker, or hinders whoever looks for one, only together with something else.
    """

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, order=True)
class Breach:
    """One place where a rule is broken.

    Attributes:
        path: of the file or object in the image.
        line: from 1; 0 when the whole file or object is meant.
        found: what is there, in words; never a secret.
        wanted: what should be there.
    """

    path: str
    line: int
    found: str
    wanted: str


@dataclass(frozen=True)
class Expected:
    """What a release has decided, as far as checks need it; the defaults are what the documents ask.

    Attributes:
        ssh_port: the chosen port; 0 when any of 49152 to 65535 will do.
        vpn: networks from which the console may be reached.
        closed_ports: never open from anywhere.
        approved_os: accepted ``VERSION_ID`` or image versions; empty when there is no list.
        golden_esf_version: release of the golden sample; empty when there is none (a foreign image).
        environment_offsets / environment_size: of the copies of U-Boot's environment outside all files, bytes.
        environment_outside: it lies outside the image and is delivered beside it.
        bootdelays: accepted values of U-Boot's boot delay.
        sysrq: the value ``kernel.sysrq`` is to have.
        certificates: path of the keystore of bundle signers where no document names it; empty elsewhere.
        root_by_people: somebody must be able to become root; False is the explicit choice against it.
        day: of the release, in days since 1970, for accounts that expire.
    """

    ssh_port: int = 0
    use_pam: bool | None = None
    vpn: tuple[str, ...] = ("10.234.0.0/16",)
    closed_ports: tuple[int, ...] = (8000, 1450)
    services_disabled: tuple[str, ...] = ("avahi-daemon",)
    sysrq: int = 0
    console_username: str = ""
    command_enabled: bool = False
    environment: str = "/boot/uboot.env"
    environment_offsets: tuple[int, ...] = ()
    environment_size: int = 0
    environment_outside: bool = False
    bootdelays: tuple[int, ...] = (0, -2)
    approved_os: tuple[str, ...] = ()
    golden_esf_version: str = ""
    root_by_people: bool = True
    day: int = 0
    vendor_signers: tuple[str, ...] = ()
    certificates: str = ""


@dataclass(frozen=True)
class Judgement:
    """What a check says: an outcome with its reason, or the breaches (then it fails)."""

    outcome: RuleOutcome
    why: str = ""
    breaches: tuple[Breach, ...] = ()

    @classmethod
    def passed(cls, why: str) -> Judgement:
        """All is as it should be; `why` says what was looked at."""
        return cls(RuleOutcome.PASS, why)

    @classmethod
    def failed(cls, *breaches: Breach) -> Judgement:
        """At least one breach."""
        return cls(RuleOutcome.FAIL, f"{len(breaches)} found", tuple(sorted(set(breaches))))

    @classmethod
    def of(cls, breaches: tuple[Breach, ...] | list[Breach], why: str) -> Judgement:
        """Failed when there are breaches, else passed."""
        return cls.failed(*breaches) if breaches else cls.passed(why)

    @classmethod
    def not_applicable(cls, why: str) -> Judgement:
        """There is nothing in this image the rule is about."""
        return cls(RuleOutcome.NOT_APPLICABLE, why)

    @classmethod
    def unverifiable(cls, why: str) -> Judgement:
        """Only people or a running gateway can tell."""
        return cls(RuleOutcome.UNVERIFIABLE, why)


Check = Callable[[ImageView, Expected], Judgement]


@dataclass(frozen=True)
class Rule:
    """One hardening rule.

    Attributes:
        id: such as ``ssh.port``. Changes a transform makes for its sake have this id as origin, or one of
            docs/reference/origins.md where the change serves several rules.
        why: what an attacker or a bad day does where the rule is broken, in one to three sentences.
        documents: lines of the documents that ask for it: ``A:84``, ``B:400``.
        references: ids of public rule sets: ``CIS 5.1.20``, ``ANSSI R33``, ``ETSI 5.1-1``, ….
        profile: ``documents`` (literally what they ask) or ``strict`` (more, as far as a gateway can bear it).
        conflict: where today's practice contradicts the documents, and which setting chooses; else empty.
        enforced_by: addresses below `pipeline.transforms`, or empty when the rule is only checked.
    """

    id: str
    title: str
    documents: tuple[str, ...]
    references: tuple[str, ...]
    profile: str
    check: Check = field(repr=False, compare=False)
    remedy: str = ""
    conflict: str = ""
    enforced_by: str = ""
    why: str = field(kw_only=True)
    severity: Severity = field(kw_only=True)


@dataclass(frozen=True)
class Waiver:
    """A rule somebody has decided to live without, for a while.

    Attributes:
        until: the last day it holds, ``YYYY-MM-DD``; compared with the release's epoch, never with the clock.
    """

    rule: str
    reason: str
    by: str
    until: str


@dataclass(frozen=True)
class RuleResult:
    """A rule, how its check ended, and the waiver that covers a failure, if one does.

    Attributes:
        lapsed: a waiver that covered the failure once.
    """

    rule: Rule
    judgement: Judgement
    waiver: Waiver | None = None
    lapsed: Waiver | None = None

    @property
    def blocks(self) -> bool:
        """Whether this must stop a build: a failure nobody has waived."""
        return self.judgement.outcome is RuleOutcome.FAIL and self.waiver is None


@dataclass(frozen=True)
class Audit:
    """One image, judged.

    Attributes:
        subject: the image file or the gateway.
        about: what was found in it: system, init, product.
        asked: the image's own programs were asked about the files they read.
    """

    subject: str
    about: str
    profile: str
    results: tuple[RuleResult, ...]
    asked: bool = True

    @property
    def passed(self) -> bool:
        """Whether nothing failed that nobody has waived."""
        return not any(result.blocks for result in self.results)

    def with_outcome(self, outcome: RuleOutcome) -> tuple[RuleResult, ...]:
        """The results that ended in one way, in their order."""
        return tuple(result for result in self.results if result.judgement.outcome is outcome)
