#!/usr/bin/env bash
#
# schema_doc.sh
#	Prints docs/schema.md from the catalog of a server of its own, which it
#	makes, with what `make install` installs, in a temporary folder.
#
set -eu
cd "$(dirname "$0")/.."
. scripts/machine.sh
machine_postgresql
machine_user
AREA=$(mktemp -d)
finish()
{
	[ ! -f "$AREA/data/postmaster.pid" ] || as_user "$PG_BIN/pg_ctl" -D "$AREA/data" -m immediate -w stop >/dev/null
	rm -rf "$AREA"
}
trap finish EXIT
make -s install DESTDIR="$AREA/inst" >"$AREA/log"
chmod 755 "$AREA"
[ "$(id -u)" != 0 ] || chown -R "$MACHINE_USER" "$AREA"
as_user "$PG_BIN/initdb" -D "$AREA/data" -U collector --auth=trust --no-sync -E UTF8 --locale=C.UTF-8 >>"$AREA/log"
install_conf "$AREA/inst" >"$AREA/install.conf" || fail "this PostgreSQL finds extensions in its own folders only" "make install, then: psql -f scripts/schema_doc.sql"
as_user sh -c 'cat tests/regress.conf "$1/install.conf" >>"$1/data/postgresql.conf"' - "$AREA"
as_user "$PG_BIN/pg_ctl" -D "$AREA/data" -l "$AREA/server.log" -o "-c listen_addresses='' -k $AREA" -w start >>"$AREA/log"
"$PG_BIN/psql" -X -q -v ON_ERROR_STOP=1 -h "$AREA" -U collector -d postgres \
	-c 'CREATE EXTENSION wa_collector' -c '\o /dev/null' -c 'SELECT wa.create_storage()' -c '\o' -f scripts/schema_doc.sql
