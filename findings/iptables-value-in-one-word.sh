#!/bin/sh
# iptables 1.8.9 reads -ptcp and --protocol=tcp, one word as getopt_long takes it, as a protocol whose name is that whole
# word, and refuses it; in iptables and iptables-restore, legacy and nf_tables. 1.8.11 takes both.
#
# Seen: iptables 1.8.9 (Debian 12). So a file of rules written that way loads nothing there.
#   iptables-restore v1.8.9 (legacy): unknown protocol "-ptcp" specified
set -eu
version=1.8.9-2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
apt-get download -q "iptables=$version" "libxtables12=$version" "libip4tc2=$version" "libip6tc2=$version" >/dev/null 2>&1 ||
    { echo "iptables $version is not offered here"; exit 2; }
for package in ./*.deb; do dpkg-deb -x "$package" root; done
LD_LIBRARY_PATH=$(dirname "$(find "$place/root" -name 'libxtables.so.12' | head -1)")
XTABLES_LIBDIR=$LD_LIBRARY_PATH/xtables
export LD_LIBRARY_PATH XTABLES_LIBDIR
ln -s "$place/root/usr/sbin/xtables-legacy-multi" iptables-restore

ask() { # RULE: what --test says of it; a name space of its own, so that nothing here is touched
    printf '*filter\n:INPUT ACCEPT [0:0]\n%s\nCOMMIT\n' "$1" >rules
    unshare -r -n ./iptables-restore --test rules 2>&1 || true
}
ask '-A INPUT -p tcp -j ACCEPT' >apart
for rule in '-A INPUT -ptcp -j ACCEPT' '-A INPUT --protocol=tcp -j ACCEPT'; do
    echo "$rule"
    ask "$rule" | tee joined
    grep -q 'unknown protocol "-' joined || { echo "CHANGED: it is taken now"; exit 1; }
    if grep -q 'unknown protocol' apart; then echo "CHANGED: two words are refused, too"; exit 1; fi
done
echo "as described: one word is refused, two are taken"
