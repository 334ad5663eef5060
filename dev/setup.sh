# shellcheck shell=bash
# What dev/check and dev/demo have in common; they read it with `.`, and bash.
#
# Installs what a bare Debian 12 lacks, and builds out of the tree: below build-dev/ in the
# checkout, or below $FUTURED_BUILD_DIR. Works from any folder, as often as you like.

set -u
export LC_ALL=C

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
me=dev/$(basename "$0")
case ${FUTURED_BUILD_DIR:=$top/build-dev} in
/*) ;;
*) FUTURED_BUILD_DIR=$PWD/$FUTURED_BUILD_DIR ;;
esac
jobs=$(nproc)
if [ "$jobs" -lt 2 ]; then
	jobs=2
fi

packages=(
	build-essential autoconf automake libtool autoconf-archive pkg-config
	libevent-dev libprotobuf-c-dev protobuf-c-compiler libssl-dev libconfuse-dev
	libjansson-dev libseccomp-dev uthash-dev check libsubunit-dev scdoc sslscan strace
	xz-utils
)

die() {
	echo "$me: $*" >&2
	exit 1
}

now_ms() {
	echo $(($(date +%s%N) / 1000000))
}

# print_seconds MILLISECONDS
print_seconds() {
	printf '%d.%d' $(($1 / 1000)) $(($1 % 1000 / 100))
}

indent() {
	sed 's/^/    /'
}

# show_end LOG LINES: without make's lines about what went well
show_end() {
	grep -vE '^  (CC|CCLD|CXX|GEN) ' "$1" | tail -n "$2" | indent
}

# run_logged LOG COMMAND...: shows the end of the log only when the command fails.
run_logged() {
	local log=$1
	shift
	if "$@" >>"$log" 2>&1 </dev/null; then
		return 0
	fi
	echo "$me: failed: $*"
	echo "the end of $log:"
	show_end "$log" 40
	return 1
}

# ---- packages

list_missing() {
	local package
	for package in "${packages[@]}"; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			echo "$package"
	done
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

apt_install() {
	as_root apt-get -q -o DPkg::Lock::Timeout=120 update &&
		as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
			-o DPkg::Lock::Timeout=120 install "$@"
}

install_packages() {
	local missing
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		die "this system has no apt; on Debian the packages would be: ${packages[*]}"
	fi
	mapfile -t missing < <(list_missing)
	if [ ${#missing[@]} = 0 ]; then
		echo "setup: nothing to install"
		return
	fi
	echo "setup: installing ${missing[*]}"
	if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
		die "installing packages needs root, or sudo"
	fi
	: >"$FUTURED_BUILD_DIR/apt.log"
	run_logged "$FUTURED_BUILD_DIR/apt.log" apt_install "${missing[@]}" || exit 1
	mapfile -t missing < <(list_missing)
	[ ${#missing[@]} = 0 ] || die "still missing: ${missing[*]}"
}

# ---- building

configure_is_old() {
	[ ! -x configure ] || [ ! -f Makefile.in ] ||
		[ -n "$(find configure.ac Makefile.am ./*/local.mk ./*/*/local.mk \
			-newer configure 2>/dev/null)" ]
}

make_configure() {
	: >"$FUTURED_BUILD_DIR/autogen.log"
	(cd "$top" && if configure_is_old; then ./autogen.sh; fi) \
		>"$FUTURED_BUILD_DIR/autogen.log" 2>&1 && return
	echo "$me: autogen.sh failed:"
	tail -n 40 "$FUTURED_BUILD_DIR/autogen.log" | indent
	exit 1
}

# configure_in FOLDER ARGUMENT...
configure_in() {
	mkdir -p "$1" && cd "$1" && shift && "$top/configure" "$@"
}

setup() {
	[ ! -f "$top/config.status" ] ||
		die "there is a build in the tree itself: run make distclean there first"
	mkdir -p "$FUTURED_BUILD_DIR" || exit 1
	install_packages
	make_configure
}
