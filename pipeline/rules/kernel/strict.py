"""The strict profile: kernel parameters public benchmarks ask for, as far as a gateway that routes can bear them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.kernel import parameters
from pipeline.rules.looking import harmless

READS = parameters.READS

Check = Callable[[ImageView, Expected], Judgement]


@dataclass(frozen=True)
class _Parameter:
    """A kernel parameter, the values that will do, and whether the kernel's own default is one of them."""

    key: str
    allowed: tuple[str, ...]
    title: str
    why: str
    severity: Severity
    references: tuple[str, ...]
    fine_by_default: bool = False


_PARAMETERS = (
    _Parameter(
        "kernel.kptr_restrict",
        ("1", "2"),
        "kernel addresses are hidden from users",
        "Kernel addresses tell an exploit where to write; hiding them makes many of them crash instead.",
        Severity.LOW,
        ("CaC sysctl_kernel_kptr_restrict", "ANSSI R9"),
    ),
    _Parameter(
        "kernel.dmesg_restrict",
        ("1",),
        "only root reads kernel messages",
        "Kernel messages show addresses and hardware details that help to write an exploit for this machine.",
        Severity.LOW,
        ("CIS 1.5.4", "CaC sysctl_kernel_dmesg_restrict", "ANSSI R9"),
    ),
    _Parameter(
        "kernel.randomize_va_space",
        ("2",),
        "addresses of programs are randomised",
        "Without random addresses, an exploit that works once works every time, on every gateway.",
        Severity.MEDIUM,
        ("CIS 1.5.1", "ANSSI R9"),
        fine_by_default=True,
    ),
    _Parameter(
        "fs.protected_symlinks",
        ("1",),
        "symbolic links in shared directories are not followed blindly",
        "In shared directories a planted link makes a program of root overwrite a file of the attacker's choice.",
        Severity.MEDIUM,
        ("CaC sysctl_fs_protected_symlinks", "ANSSI R14"),
    ),
    _Parameter(
        "fs.protected_hardlinks",
        ("1",),
        "users cannot hard-link files of others",
        (
            "A hard link keeps a vulnerable privileged program after its update, or gives away a file whose owner is "
            "changed."
        ),
        Severity.MEDIUM,
        ("CaC sysctl_fs_protected_hardlinks", "ANSSI R14"),
    ),
    _Parameter(
        "fs.suid_dumpable",
        ("0",),
        "setuid programs leave no memory dumps",
        "Dumps of programs that run as root hold passwords and keys, in a place where others can read them.",
        Severity.LOW,
        ("CIS 1.5.3", "CaC sysctl_fs_suid_dumpable", "ANSSI R14"),
        fine_by_default=True,
    ),
    _Parameter(
        "net.ipv4.conf.all.accept_redirects",
        ("0",),
        "ICMP redirects are ignored",
        "A forged redirect leads the gateway's traffic through an attacker on the same network.",
        Severity.MEDIUM,
        ("CIS 3.3.5", "ANSSI R12"),
    ),
    _Parameter(
        "net.ipv4.conf.all.accept_source_route",
        ("0",),
        "source-routed packets are dropped",
        "A sender who chooses the route can reach networks behind the gateway that were meant to be separate.",
        Severity.MEDIUM,
        ("CIS 3.3.8", "ANSSI R12"),
        fine_by_default=True,
    ),
    _Parameter(
        "net.ipv4.tcp_syncookies",
        ("1",),
        "SYN floods do not block new connections",
        "A flood of half-open connections fills the queue, and real clients get no answer.",
        Severity.LOW,
        ("CIS 3.3.10", "ANSSI R12"),
        fine_by_default=True,
    ),
)


def _sysctl(parameter: _Parameter) -> Check:
    def check(view: ImageView, expected: Expected) -> Judgement:
        del expected
        setting = parameters.in_effect(view, parameter.key)
        wanted = f"{parameter.key} = {' or '.join(parameter.allowed)}"
        if setting is None and not parameter.fine_by_default:
            return Judgement.failed(Breach("/etc/sysctl.conf", 0, f"nothing sets {parameter.key}", wanted))
        if setting is not None and setting.value not in parameter.allowed:
            found = f"{parameter.key} = {harmless(setting.value)} is the last word"
            return Judgement.failed(Breach(setting.path, setting.line, found, wanted))
        if setting is not None and parameters.reader(view) is None:
            return Judgement.unverifiable("nothing in the image reads sysctl.conf at boot, as far as can be seen")
        return Judgement.passed(wanted if setting else "the kernel's own default")

    return check


RULES = tuple(
    Rule(
        id=f"kernel.{parameter.key.rpartition('.')[2]}",
        title=parameter.title,
        why=parameter.why,
        severity=parameter.severity,
        documents=(),
        references=parameter.references,
        profile="strict",
        check=_sysctl(parameter),
        remedy=f"{parameter.key} = {parameter.allowed[-1]} in /etc/sysctl.d",
        enforced_by="services",
    )
    for parameter in _PARAMETERS
)
