#!/bin/sh
# cvtsudoers -f json writes what is no JSON for a rule with CWD=, CHROOT= or ROLE= that visudo takes: pairs of a name and a
# value stand in an array ("SELinux_Spec": [ "role": "r", ... ]). Exit status 0, nothing on standard error.
#
# Seen: sudo 1.9.13p3 (Debian 12); 1.9.16p2 (Debian 13) writes JSON.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
version=$(apt-cache madison sudo | sed -n 's/.*| *\(1\.9\.13p3-[^ ]*\) *|.*/\1/p' | head -1)
[ -n "$version" ] || { echo "sudo 1.9.13p3 is not offered here"; exit 2; }
apt-get download -q "sudo=$version" >/dev/null 2>&1 || { echo "sudo $version is not offered here"; exit 2; }
dpkg-deb -x sudo_*.deb root
LD_LIBRARY_PATH=$place/root/usr/lib/sudo:$place/root/usr/libexec/sudo
export LD_LIBRARY_PATH
root/usr/bin/cvtsudoers -V | head -1

for rule in 'alice ALL = CWD=/tmp /bin/true' 'alice ALL = CHROOT=/srv CWD=* /bin/true' 'alice ALL = ROLE=r TYPE=t /bin/true'; do
    echo "$rule" >rules
    root/usr/sbin/visudo -c -f rules >/dev/null || { echo "CHANGED: visudo refuses it"; exit 1; }
    root/usr/bin/cvtsudoers -e -c '' -f json rules >out.json 2>err.txt
    [ ! -s err.txt ]
    if python3 -m json.tool out.json >/dev/null 2>&1; then
        echo "CHANGED: JSON for $rule"
        exit 1
    fi
    echo "$rule: $(python3 -m json.tool out.json 2>&1 | tail -1)"
done
echo 'alice ALL = /bin/true' >rules
root/usr/bin/cvtsudoers -e -c '' -f json rules | python3 -m json.tool >/dev/null
echo "as described: not JSON"
