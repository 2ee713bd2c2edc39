"""Configurations as vendors and people leave them, in odd forms, and connections to ask `sshd -T` about."""

from __future__ import annotations

MAIN = "/etc/ssh/sshd_config"
A, B, C = (f"/etc/ssh/sshd_config.d/{name}.conf" for name in ("10-a", "20-b", "30-c"))
INCLUDE = "Include /etc/ssh/sshd_config.d/*.conf\n"
HARD = (
    "Port 49153\nPermitRootLogin no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\n"
    "AuthenticationMethods publickey\n"
)

CONFIGURATIONS: dict[str, dict[str, str]] = {
    "empty": {MAIN: ""},
    "as the documents ask": {MAIN: HARD},
    "comments only": {MAIN: "#Port 22\n # PermitRootLogin yes\n\n"},
    "two ports": {MAIN: "Port 22\nPort 49153\n"},
    "first value wins": {MAIN: "PermitRootLogin yes\nPermitRootLogin no\nUsePAM yes\nUsePAM no\n"},
    "appended too late": {MAIN: f"PermitRootLogin yes\nPasswordAuthentication yes\n{HARD}"},
    "any case": {MAIN: "pOrT 2222\nPERMITROOTLOGIN YES\nusepam YES\n"},
    "equals signs": {MAIN: "Port=2222\nPermitRootLogin = no\nUsePAM =yes\n"},
    "quotes": {MAIN: '"Port" "2222"\nPermitRootLogin "no"\n"UsePAM" yes\n'},
    "CRLF": {MAIN: "Port 2222\r\nPermitRootLogin no\r\nUsePAM yes\r\n"},
    "tabs and blanks": {MAIN: "\tPort\t2222  \n   PermitRootLogin   no\t\n"},
    "comment behind": {MAIN: "Port 2222 # ours\nPermitRootLogin no # never\n"},
    "no newline at the end": {MAIN: "Port 2222\nPermitRootLogin no"},
    "aliases": {MAIN: "ChallengeResponseAuthentication no\nKbdInteractiveAuthentication yes\nDSAAuthentication no\n"},
    "alias of old": {MAIN: "skeyauthentication yes\nPasswordAuthentication no\n"},
    "drop-in before": {MAIN: f"{INCLUDE}{HARD}", A: "PermitRootLogin yes\n"},
    "drop-in behind": {MAIN: f"{HARD}{INCLUDE}", A: "PermitRootLogin yes\nPasswordAuthentication yes\n"},
    "drop-ins in order": {
        MAIN: INCLUDE,
        B: "PermitRootLogin yes\nUsePAM yes\n",
        A: "PermitRootLogin no\n",
        C: "UsePAM no\n",
    },
    "drop-in with a port": {MAIN: f"{INCLUDE}Port 49153\n", A: "Port 22\n"},
    "relative include": {MAIN: "Include more\nPort 22\n", "/etc/ssh/more": "PermitRootLogin no\nPort 2222\n"},
    "several patterns": {MAIN: f"Include {A} {B}\n", A: "UsePAM yes\n", B: "UsePAM no\nPermitRootLogin no\n"},
    "include of nothing": {MAIN: "Include /etc/ssh/none/*.conf\nPermitRootLogin no\n"},
    "nested includes": {MAIN: f"Include {A}\n", A: f"Include {B}\nPermitRootLogin yes\n", B: "PermitRootLogin no\n"},
    "address with a port": {MAIN: "Port 49153\nListenAddress 127.0.0.1:22\n"},
    "addresses with and without": {MAIN: "Port 49153\nListenAddress 127.0.0.1\nListenAddress 127.0.0.2:2222\n"},
    "IPv6 address with a port": {MAIN: "ListenAddress [::1]:2222\nListenAddress ::1\nPort 49153\n"},
    "address before the port": {MAIN: "ListenAddress 0.0.0.0\nPort 49153\n"},
    "Match at the end": {MAIN: f"{HARD}Match User root\nPermitRootLogin yes\n"},
    "Match for an address": {MAIN: f"{HARD}Match Address 10.0.0.0/8\nPasswordAuthentication yes\n"},
    "Match all": {MAIN: f"{HARD}Match all\nPasswordAuthentication yes\n"},
    "Match in a drop-in ends with it": {MAIN: f"{INCLUDE}{HARD}", A: "Match User nobody\nPasswordAuthentication yes\n"},
    "include inside Match": {MAIN: f"{HARD}Match User root\nInclude {A}\n", A: "PermitRootLogin yes\n"},
    "a quoted keyword, blank and quoted value": {MAIN: '"PermitRootLogin" "no"\n"Port" 2222\n'},
    "apostrophes": {MAIN: "PermitRootLogin 'no'\nPort '2222'\n"},
    "an equals sign in quotes is text": {MAIN: '"Banner"=x\nPort 2222\n'},
    "blanks around the equals sign": {MAIN: "PermitRootLogin \t=\t no\nPort= 2222\n"},
    "Match for a port and a network": {MAIN: f"{HARD}Match LocalPort 22 Address 192.0.2.0/24\nPermitRootLogin yes\n"},
    "Match for a group": {MAIN: f"{HARD}Match Group root\nPermitRootLogin yes\n"},
    "Match but not": {MAIN: f"{HARD}Match User *,!nobody\nPasswordAuthentication yes\n"},
    "deprecated keywords": {MAIN: f"{HARD}UsePrivilegeSeparation sandbox\nKeyRegenerationInterval 3600\n"},
    "a byte order of Include and CRLF": {MAIN: f"Include {A}\r\n{HARD}", A: "PermitRootLogin yes\r\n"},
    "a wrong line nobody sees": {MAIN: 'Per"mitRootLogin yes\nPermitRootLogin no\n'},
}
CONNECTIONS = tuple(
    f"user={user},host=h,addr={address},laddr=192.0.2.9,lport={port}"
    for user, address, port in (
        ("root", "10.1.2.3", 22),
        ("root", "192.0.2.1", 49153),
        ("nobody", "192.0.2.1", 22),
        ("a", "::1", 49153),
    )
)
