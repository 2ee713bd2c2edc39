"""What may stand behind ``Defaults`` (sudoers(5), "SUDOERS OPTIONS"; 1.9.13 and 1.9.16), by what it takes."""

from __future__ import annotations

import re

FLAGS = frozenset(
    """admin_flag always_query_group_plugin always_set_home authenticate case_insensitive_group case_insensitive_user
    closefrom_override compress_io env_editor env_reset exec_background fast_glob fqdn ignore_audit_errors
    ignore_dot ignore_iolog_errors ignore_local_sudoers ignore_logfile_errors ignore_unknown_defaults insults intercept
    intercept_allow_setid intercept_authenticate intercept_verify iolog_flush log_allowed log_denied log_exit_status
    log_host log_input log_output log_passwords log_server_keepalive log_server_verify log_stderr log_stdin log_stdout
    log_subcmds log_ttyin log_ttyout log_year long_otp_prompt mail_all_cmnds mail_always mail_badpass mail_no_host
    mail_no_perms mail_no_user match_group_by_gid netgroup_tuple noexec noninteractive_auth pam_acct_mgmt
    pam_rhost pam_ruser pam_session pam_setcred pam_silent passprompt_override path_info preserve_groups pwfeedback
    requiretty root_sudo rootpw runas_allow_unknown_id runas_check_shell runaspw selinux set_home set_logname set_utmp
    setenv shell_noargs stay_setuid sudoedit_checkdir sudoedit_follow syslog_pid targetpw tty_tickets umask_override
    use_loginclass use_netgroups use_pty user_command_timeouts utmp_runas visiblepw""".split()
)
_NUMBER, _TIME, _MASK = r"-?\d+", r"-?\d+(\.\d+)?", r"[0-7]+"
NUMBERS = {
    **dict.fromkeys("closefrom command_timeout loglinelen maxseq passwd_tries syslog_maxlen".split(), _NUMBER),
    **dict.fromkeys("passwd_timeout timestamp_timeout log_server_timeout".split(), _TIME),
    **dict.fromkeys("umask iolog_mode".split(), _MASK),
    "command_timeout": r"\d+[dhms0-9]*",
    "lecture": "always|never|once",
    "listpw": "all|always|any|never",
    "verifypw": "all|always|any|never",
    "fdexec": "always|never|digest_only",
    "timestamp_type": "global|ppid|tty|kernel",
    "syslog": r"authpriv|auth|daemon|user|local[0-7]|cron|mail",
    "syslog_goodpri": "alert|crit|debug|emerg|err|info|notice|warning|none",
    "syslog_badpri": "alert|crit|debug|emerg|err|info|notice|warning|none",
    "intercept_type": "dso|trace",
    "log_format": "json|sudo|json_compact|json_pretty",
}
TEXTS = frozenset(
    """admin_flag apparmor_profile askpass authfail_message badpass_message editor env_file exempt_group group_plugin
    group_source iolog_dir iolog_file iolog_group iolog_user lecture_file lecture_status_dir limitprivs
    log_server_cabundle log_server_peer_cert log_server_peer_key logfile mailerflags mailerpath mailfrom
    mailsub mailto noexec_file
    pam_askpass_service pam_login_service pam_service passprompt privs restricted_env_file role rlimit_as rlimit_core
    rlimit_cpu rlimit_data rlimit_fsize rlimit_locks rlimit_memlock rlimit_nofile rlimit_nproc rlimit_rss rlimit_stack
    runas_default runchroot runcwd secure_path sudoers_locale timestampdir timestampowner type""".split()
)
LISTS = frozenset("env_check env_delete env_keep log_servers passprompt_regex".split())
# Those of the others that may stand there alone, or taken back.
_ALONE = frozenset("lecture listpw verifypw syslog mailto umask exempt_group logfile".split())


def refusal(name: str, operator: str, value: str | None, *, off: bool) -> str | None:
    """What sudo refuses in one option; None where it takes it."""
    if name not in FLAGS and name not in NUMBERS and name not in TEXTS and name not in LISTS:
        return f"no option of sudo: {name}"
    if operator in ("+=", "-=") and name not in LISTS:
        return f"{name}: {operator} is for lists"
    if off:
        return None if value is None else f"!{name} takes no value"
    if value is None:
        return None if name in FLAGS or (name in _ALONE and name == "lecture") else f"{name} needs a value"
    if name in FLAGS and name not in TEXTS:
        return f"{name} takes no value"
    form = NUMBERS.get(name)
    if form and not re.fullmatch(form, value, re.ASCII):
        return f"{name} does not take {value!r}"
    return None
