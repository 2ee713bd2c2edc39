#!/bin/sh
# Prints a start configuration: the file of the first argument, and every bundle below the second one's numbered
# directories, each at the start level its directory names; an s after the number starts the bundle.

cat "$1"
printf 'osgi.bundles='
for LEVEL in "$2"/*; do
	NUMBER=$(basename "$LEVEL")
	case "$NUMBER" in
	*s) START=":start" ;;
	*) START="" ;;
	esac
	for BUNDLE in "$LEVEL"/*.jar; do
		[ -f "$BUNDLE" ] && printf 'reference:file:%s@%s%s,' "$BUNDLE" "${NUMBER%s}" "$START"
	done
done
echo
