#!/bin/sh
# debugfs: `ea_set -f FILE` stores no more of a value than one block of the file system has, with neither a word nor an
# exit status, also where the file system (ea_inode) holds values of up to 64 KiB. The manual names no limit.
#
# Seen: e2fsprogs 1.47.0 (Debian 12). A value of 3,000 bytes on blocks of 1 KiB comes back with 1,024.
set -eu
version=1.47.0-2+b2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
apt-get download -q "e2fsprogs=$version" "libext2fs2=$version" "libss2=$version" "libcom-err2=$version" >/dev/null 2>&1 || {
    echo "e2fsprogs $version is not offered here"
    exit 2
}
for package in ./*.deb; do dpkg-deb -x "$package" root; done
LD_LIBRARY_PATH=$(dirname "$(find "$place/root" -name 'libext2fs.so.2' | head -1)")
export LD_LIBRARY_PATH
PATH=$place/root/sbin:$place/root/usr/sbin:$PATH
debugfs -V 2>&1 | head -1

truncate -s 16M fs.img
mke2fs -q -F -t ext4 -b 1024 -O ea_inode fs.img
head -c 3000 /dev/zero | tr '\0' v >value
echo content >file
printf 'write file new\nea_set -f value new user.large\n' >script
debugfs -w -f script fs.img >/dev/null 2>complaints
echo "exit status $?, complaints: $(grep -vc '^debugfs 1\.' complaints || true)"
debugfs -R 'ea_get -f back new user.large' fs.img >/dev/null 2>&1
echo "given $(wc -c <value) bytes, stored $(wc -c <back)"
if [ "$(wc -c <back)" -ne 1024 ]; then
    echo "CHANGED: not cut at one block"
    exit 1
fi
# The same value as an argument is stored whole: it is the reading of the file that stops.
debugfs -w -R "ea_set new user.large $(cat value)" fs.img >/dev/null 2>&1
debugfs -R 'ea_get -f back new user.large' fs.img >/dev/null 2>&1
echo "given as an argument: stored $(wc -c <back)"
[ "$(wc -c <back)" -eq 3000 ]
echo "as described: cut off in silence"
