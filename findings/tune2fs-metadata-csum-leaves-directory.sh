#!/bin/sh
# tune2fs: `-O metadata_csum` passes over a directory whose names leave exactly the 12 bytes that the checksum needs, turns
# the feature on, and ends with 0; e2fsck then finds a directory without a checksum. Such a directory is an ordinary one: mke2fs
# made it with metadata_csum on. Turning the feature off and on again with stock tools breaks the file system.
#
# Seen: e2fsprogs 1.47.0 (Debian 12). It prints "Please run e2fsck -fD on the filesystem." and says so with status 0,
# although e2fsck -fD has just been run, as it demands before.
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

# 1,024 bytes: "." and ".." take 24, four names 200 each, one 188, the checksum 12.
mkdir -p tree/d
for number in 0 1 2 3; do touch "tree/d/$number$(printf 'x%.0s' $(seq 191))"; done
touch "tree/d/4$(printf 'x%.0s' $(seq 179))"
truncate -s 16M fs.img
mke2fs -q -F -t ext4 -b 1024 -O metadata_csum,64bit,^has_journal -d tree fs.img
e2fsck -fn fs.img >/dev/null 2>&1
e2fsck -fyD fs.img >/dev/null 2>&1 || true
tune2fs -O ^metadata_csum fs.img >/dev/null 2>&1
e2fsck -fyD fs.img >/dev/null 2>&1 || true
status=0
tune2fs -O metadata_csum fs.img >told 2>&1 || status=$?
echo "tune2fs -O metadata_csum: exit status $status, it says: $(grep -o 'Please run e2fsck.*' told || true)"
if e2fsck -fn fs.img >found 2>&1; then
    echo "CHANGED: e2fsck finds no fault"
    exit 1
fi
grep 'has no checksum' found
[ "$status" -eq 0 ]
echo "as described: on, and not whole"
