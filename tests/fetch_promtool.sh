#!/bin/sh
# Puts Prometheus's promtool at $1: the one on the PATH, or the one in Debian's package, of which nothing is installed.
set -eu
if found=$(command -v promtool); then
  ln -sf "$found" "$1"
  exit
fi
command -v apt-get >/dev/null || exit 1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq prometheus 2>/dev/null || { apt-get update -qq && apt-get download -qq prometheus; }
dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
cd - >/dev/null
mv "$folder/usr/bin/promtool" "$1"
