#!/bin/sh
# What the built programs and the library are hardened with, read from the binaries. Each rule
# must also find a fault in a program that was built without any of it.
# shellcheck source=tests/scripts/tap.sh
. "$(dirname "$0")/tap.sh"

: "${top_builddir:=.}"
: "${CC:=cc}"
: "${SANITIZERS:=no}"

# The file itself, where libtool has put a script in its place.
binary() {
	if [ -f "$top_builddir/.libs/$1" ]; then
		echo "$top_builddir/.libs/$1"
	else
		echo "$top_builddir/$1"
	fi
}

# Each rule is given a file, and prints what is wrong with it.

not_pie() {
	readelf -hW "$1" | grep -q 'Type:.*DYN' || echo "$1 is not position independent"
}

partial_relro() {
	readelf -lW "$1" | grep -q GNU_RELRO || echo "$1 has no read-only relocations"
	readelf -dW "$1" | grep -qE 'BIND_NOW|FLAGS_1.*NOW' || echo "$1 binds its symbols late"
}

executable_stack() {
	readelf -lW "$1" | awk '/GNU_STACK/ { seen = 1; if ($7 ~ /E/) bad = 1 }
		END { exit !seen || bad }' || echo "$1 has an executable stack"
}

unguarded_stack() {
	readelf -sW "$1" | grep -q __stack_chk_fail || echo "$1 has no stack protector"
}

unfortified() {
	readelf -sW "$1" | grep -qE '__(mem|str|sn?printf|fprintf|vs|read|recv|poll)[a-z]*_chk' ||
		echo "$1 has no checked functions"
}

# The note that says so for the whole file is lost where the C library's own startup code has
# none, as on Debian: so the code is read.
unmarked() {
	objdump -d --no-show-raw-insn "$1" | awk '
		/^[0-9a-f]+ <(main|fut_submit)>:$/ { begins = 1; next }
		begins { if ($2 == "endbr64") good = 1; begins = 0 }
		END { exit !good }' || echo "$1 has functions without marks"
}

# Where it will be installed is no harm.
searches_elsewhere() {
	home=$(sed -n 's/^prefix = //p' "$top_builddir/Makefile" 2>/dev/null)
	readelf -dW "$1" | sed -n 's/.*(R\(UN\)\{0,1\}PATH).*\[\(.*\)\]/\2/p' | tr : '\n' |
		grep -vE "^${home:-/nowhere}/lib" | sed "s|^|$1 looks for libraries in |"
}

rules='not_pie partial_relro executable_stack unguarded_stack unfortified unmarked
searches_elsewhere'

build_weak() {
	cat >"$scratch/weak.c" <<-END
		#include <stdio.h>
		#include <string.h>
		int main(int argc, char **argv)
		{
			char text[64];
			strcpy(text, argv[argc - 1]);
			return puts(text);
		}
	END
	"$CC" -O2 -no-pie -fno-pie -fno-stack-protector -fcf-protection=none -U_FORTIFY_SOURCE \
		-Wl,-z,norelro -Wl,-z,lazy -Wl,-z,execstack -Wl,-rpath,/planted \
		"$scratch/weak.c" -o "$scratch/weak" 2>"$scratch/weak.log"
}

# reason_to_skip RULE
reason_to_skip() {
	case $1 in
	unmarked) [ "$(uname -m)" = x86_64 ] || echo 'not on this processor' ;;
	unfortified)
		grep -q FORTIFY_SOURCE=3 "$top_builddir/Makefile" || echo 'built without optimization'
		;;
	esac
}

describe() {
	case $1 in
	not_pie) echo 'position independent' ;;
	partial_relro) echo 'relocations are read-only, and made at the start' ;;
	executable_stack) echo 'the stack cannot be executed' ;;
	unguarded_stack) echo 'the stack is guarded' ;;
	unfortified) echo 'the C library checks lengths' ;;
	unmarked) echo 'marked for control flow protection' ;;
	searches_elsewhere) echo 'looks for libraries nowhere else' ;;
	esac
}

if ! command -v readelf >/dev/null || ! command -v objdump >/dev/null; then
	skip 'the built programs are hardened' 'there is no readelf or objdump'
elif [ "$SANITIZERS" != no ]; then
	skip 'the built programs are hardened' 'built under sanitizers'
else
	for rule in $rules; do
		why_not=$(reason_to_skip "$rule")
		if [ -n "$why_not" ]; then
			skip "$(describe "$rule")" "$why_not"
			continue
		fi
		for name in futured futured-worker futurectl libfutured.so; do
			$only_planted || expect_nothing "$name: $(describe "$rule")" \
				"$($rule "$(binary "$name")" 2>&1)"
		done
		if build_weak; then
			expect_finding "$(describe "$rule")" "$($rule "$scratch/weak" 2>&1)" weak
		else
			skip "a planted fault is found: $(describe "$rule")" 'it cannot be built here'
		fi
	done
fi

end_tests
