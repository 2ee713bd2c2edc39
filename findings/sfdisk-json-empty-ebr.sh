#!/bin/sh
# sfdisk --json prints a line of prose in front of its JSON, on standard output, exit status 0, when a link in the chain of
# logical partitions holds no partition. Kernels accept such a chain and give the empty link no number.
#
# Seen: util-linux 2.38.1 (Debian 12, package fdisk). A reader that gives the output to a JSON parser fails.
#   omitting empty partition (5)
#   {
#      "partitiontable": {
set -eu
version=2.38.1-5+deb12u3
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
apt-get download -q "fdisk=$version" >/dev/null 2>&1 || { echo "fdisk $version is not offered here"; exit 2; }
dpkg-deb -x fdisk_*.deb root
sfdisk=$place/root/sbin/sfdisk
"$sfdisk" --version

truncate -s 40M disk.img
printf 'label: dos\nsize=4M,type=c\ntype=5\nsize=3M,type=83\nsize=4M,type=83\n' | "$sfdisk" -q disk.img
# The first link of the chain: its data entry becomes empty, the pointer to the next link stays. The kernel goes on.
start=$("$sfdisk" -d disk.img | sed -n 's/^disk.img2 : start= *\([0-9]*\),.*/\1/p')
dd if=/dev/zero of=disk.img bs=1 seek=$((start * 512 + 446)) count=16 conv=notrunc status=none

"$sfdisk" --json disk.img >out.txt 2>err.txt
echo "exit status $?, standard error: $(wc -c <err.txt) bytes, first lines of standard output:"
head -3 out.txt
[ ! -s err.txt ]
[ "$(head -c 1 out.txt)" = o ]
grep -q '^omitting empty partition' out.txt
if python3 -m json.tool out.txt >/dev/null 2>&1; then
    echo "CHANGED: the output is JSON now"
    exit 1
fi
echo "as described: not JSON"
