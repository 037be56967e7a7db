#!/usr/bin/env bash
#
# screenshots.sh
#	Makes the pictures of docs/images: runs the tests that look at pages in a
#	browser, which pass or there are none, and keeps what they saw.
#
set -eu
cd "$(dirname "$0")/.."
. scripts/machine.sh
machine_install chromium zbar-tools libipc-run-perl fonts-noto-color-emoji pngquant
machine_postgresql
machine_user
export LC_ALL=C.UTF-8 TZ=UTC
AREA=$(mktemp -d)
trap 'rm -rf "$AREA"' EXIT
make -s install DESTDIR="$AREA/inst" >"$AREA/log"
install_conf "$AREA/inst" >"$AREA/install.conf" || fail "this PostgreSQL finds extensions in its own folders only"
mkdir "$AREA/src" "$AREA/home" "$AREA/pictures"
cp -r scripts tests wa_simulator "$AREA/src"
chmod 755 "$AREA"
[ "$(id -u)" != 0 ] || chown -R "$MACHINE_USER" "$AREA"
for TEST in 024_report 026_link_panel
do
	(cd "$AREA/src" && as_user env HOME="$AREA/home" TMPDIR="$AREA/home" WA_INSTALL_CONF="$AREA/install.conf" PG_CONFIG="$PG_CONFIG" \
		WA_PICTURES="$AREA/pictures" scripts/tap.sh "$AREA/tap" tests/t/$TEST.pl)
done
pngquant --skip-if-larger --strip --ext .png --force "$AREA"/pictures/*.png
mkdir -p docs/images
for PICTURE in "$AREA"/pictures/*.png
do
	install -m 644 "$PICTURE" docs/images/
	printf '%8d %s\n' "$(stat -c %s "$PICTURE")" "docs/images/$(basename "$PICTURE")"
done
