#!/bin/sh
# Makes ./configure out of configure.ac. Needs autoconf, automake, libtool, autoconf-archive and pkg-config.
set -eu
cd "$(dirname "$0")"
for tool in autoreconf automake libtoolize pkg-config; do
	command -v "$tool" >/dev/null 2>&1 || {
		echo "autogen.sh: $tool: not found" >&2
		echo "    packaging/dependencies.sh build installs what the build needs" >&2
		exit 1
	}
done
# aclocal warns when the directory for its macros is not there yet.
mkdir -p m4
autoreconf --install --force
