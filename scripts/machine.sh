# machine.sh
#	What ./quickstart and ./run_tests need from the machine: Debian packages,
#	a PostgreSQL of 15 or newer, an unprivileged user, a place for the built
#	files.  Sourced by both; sets MACHINE_* and PG_*.  No side effects except
#	in machine_install, which says first what it will do.

# Packages to build and run the extension and the simulator, and to test them.
MACHINE_BUILD_PACKAGES="gcc make pkg-config perl protobuf-c-compiler libc6-dev libprotobuf-c-dev libjansson-dev \
libsignal-protocol-c-dev libwebsockets-dev libwebsockets-evlib-uv libuv1-dev libssl-dev zlib1g-dev \
libqrencode-dev libpng-dev"
MACHINE_TEST_PACKAGES="git file libcmocka-dev clang libclang-rt-dev clang-format-14 libipc-run-perl procps chromium zbar-tools"

say()
{
	printf '%s\n' "$*"
}

# fail SENTENCE [WHAT TO DO]
fail()
{
	printf '\nerror: %s\n' "$1" >&2
	[ $# -lt 2 ] || printf 'What to do: %s\n' "$2" >&2
	exit 1
}

# as_root COMMAND...: with sudo when this is not root.
as_root()
{
	if [ "$(id -u)" = 0 ]
	then
		"$@"
	elif command -v sudo >/dev/null
	then
		sudo "$@"
	else
		fail "this needs root: $*" "run it as root, or install sudo, or install the packages yourself"
	fi
}

package_installed()
{
	[ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null | cut -c1-2)" = ii ]
}

# The newest PostgreSQL of 15 or newer with its server and its headers, as a pg_config; nothing else.
find_postgresql()
{
	local config version
	for config in ${PG_CONFIG:-} $(ls -d /usr/lib/postgresql/*/bin/pg_config 2>/dev/null | sort -t/ -k5 -n -r)
	do
		version=$("$config" --version 2>/dev/null | sed 's/[^0-9]*\([0-9]*\).*/\1/')
		if [ "${version:-0}" -ge 15 ] && [ -x "$("$config" --bindir)/postgres" ] &&
			[ -f "$("$config" --pgxs)" ] && [ -f "$("$config" --includedir-server)/postgres.h" ]
		then
			printf '%s\n' "$config"
			return 0
		fi
	done
	return 1
}

# Takes out of $missing what this release does not have and the tests can do without.
leave_out_unknown()
{
	apt-cache show libc6-dev >/dev/null 2>&1 || return 0	# no lists yet
	# Older releases have the sanitizers' runtime inside clang's own packages.
	apt-cache show libclang-rt-dev >/dev/null 2>&1 || missing=${missing/ libclang-rt-dev/}
	# Newer releases have newer versions only; the layout of the code is not checked then.
	apt-cache show clang-format-14 >/dev/null 2>&1 || missing=${missing/ clang-format-14/}
	# Ubuntu has Chromium as a snap only; the tests of pages are skipped without it.
	apt-cache show chromium 2>/dev/null | grep -q '^Depends:.*libc6' || missing=${missing/ chromium/}
}

# machine_install PACKAGE...: installs what is missing, PostgreSQL included.
machine_install()
{
	local missing='' package server='' guard=/etc/postgresql-common/createcluster.d/wa_collector-no-cluster.conf
	if ! command -v dpkg-query >/dev/null
	then
		find_postgresql >/dev/null ||
			fail "PostgreSQL 15 or newer with its development files was not found" \
				"install the counterparts of these Debian packages and set PG_CONFIG: $* postgresql-server-dev"
		say "This is no Debian or Ubuntu: taking for granted that the counterparts of these are installed: $*"
		return 0
	fi
	for package in "$@"
	do
		package_installed "$package" || missing="$missing $package"
	done
	if ! find_postgresql >/dev/null
	then
		server=yes
	fi
	leave_out_unknown
	[ -n "$missing$server" ] || return 0

	say "Installing Debian packages:${missing}${server:+ postgresql postgresql-server-dev (no cluster of its own is made)}"
	MACHINE_LOG=$(mktemp)
	if ! as_root apt-get -q update >"$MACHINE_LOG" 2>&1
	then
		cat "$MACHINE_LOG" >&2
		fail "apt-get update failed" "look at the lines above; is the network up?"
	fi
	leave_out_unknown
	apt_get_install $missing
	if [ -n "$server" ]
	then
		# The package would start a cluster on port 5432; nobody asked for that.
		apt_get_install postgresql-common
		as_root mkdir -p "$(dirname "$guard")"
		printf 'create_main_cluster = false\n' | as_root tee "$guard" >/dev/null
		apt_get_install postgresql
		package=$(ls -d /usr/lib/postgresql/*/bin/postgres | sort -t/ -k5 -n | tail -1 | cut -d/ -f5)
		apt_get_install "postgresql-server-dev-$package"
		as_root rm -f "$guard"
	fi
	rm -f "$MACHINE_LOG"
}

apt_get_install()
{
	[ $# -gt 0 ] || return 0
	if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
		install "$@" </dev/null >"$MACHINE_LOG" 2>&1
	then
		tail -20 "$MACHINE_LOG" >&2
		fail "apt-get could not install: $*" "look at the lines above; after 'sudo apt-get update' and 'sudo apt-get -f install' run this again"
	fi
}

# Sets PG_CONFIG, PG_BIN, PG_MAJOR; exports PG_CONFIG for make.
machine_postgresql()
{
	PG_CONFIG=$(find_postgresql) ||
		fail "PostgreSQL 15 or newer with its development files was not found" \
			"apt-get install postgresql postgresql-server-dev-15, or set PG_CONFIG to its pg_config"
	export PG_CONFIG
	PG_BIN=$("$PG_CONFIG" --bindir)
	PG_MAJOR=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
}

# PostgreSQL refuses to run as root.  Sets MACHINE_USER and defines as_user.
machine_user()
{
	if [ "$(id -u)" != 0 ]
	then
		MACHINE_USER=$(id -un)
		return 0
	fi
	MACHINE_USER=postgres
	if ! id "$MACHINE_USER" >/dev/null 2>&1
	then
		MACHINE_USER=wa_collector
		id "$MACHINE_USER" >/dev/null 2>&1 || useradd --system --create-home "$MACHINE_USER"
	fi
}

# as_user COMMAND...: as the unprivileged user, in the current folder.
as_user()
{
	if [ "$(id -u)" = 0 ]
	then
		runuser -u "$MACHINE_USER" -- "$@"
	else
		"$@"
	fi
}

# install_conf DESTDIR: lines for postgresql.conf under which a server finds what
# `make install DESTDIR=...` installed; fails where this PostgreSQL cannot do that.
install_conf()
{
	local share lib
	share=$("$PG_CONFIG" --sharedir)
	lib=$("$PG_CONFIG" --pkglibdir)
	if "$PG_BIN/postgres" --describe-config 2>/dev/null | grep -q '^extension_destdir'
	then
		printf "extension_destdir = '%s'\n" "$1"
	elif "$PG_BIN/postgres" --describe-config 2>/dev/null | grep -q '^extension_control_path'
	then
		printf "extension_control_path = '%s:\$system'\n" "$1$share"
	else
		return 1
	fi
	printf "dynamic_library_path = '%s:\$libdir'\n" "$1$lib"
}
