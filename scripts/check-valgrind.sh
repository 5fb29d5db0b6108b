#!/bin/sh
# SPDX-License-Identifier: MIT
# check-valgrind.sh TEST-PROGRAM...: unit tests, then a daemon with an agent over a few
# runs, under valgrind: no invalid access, no leak.  Run by 'make check-valgrind'.
set -eu
build=${top_builddir:-$(pwd)}
tools=$(mktemp -d "${TMPDIR:-/tmp}/reeve-valgrind-XXXXXX")
memcheck="valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect \
--errors-for-leak-kinds=definite,indirect --child-silent-after-fork=yes"

for program in "$@"; do
	echo "check-valgrind: $program"
	# shellcheck disable=SC2086
	$memcheck "$program" >"$tools/log" 2>&1 || {
		cat "$tools/log"
		rm -rf "$tools"
		exit 1
	}
done

# The programs where the integration tests look for them, each within valgrind.
for program in reeved reeve-agent; do
	cat >"$tools/$program" <<END
#!/bin/sh
exec $memcheck --log-file=$tools/$program-%p.memcheck $build/$program "\$@"
END
	chmod +x "$tools/$program"
done
ln -s "$build/reeve" "$tools/reeve"

top_builddir=$tools
. "${srcdir:-.}/tests/integration/lib.sh"
trap 'at_end' EXIT
. "$src/tests/integration/daemon_lib.sh"
echo 'check-valgrind: reeved and reeve-agent'
# Its own Redis: valgrind does not know how reeved signals an embedded one (pidfd).
start_redis
cp "$src"/agents/*.yaml "$types"
cd "$src" # the commands of the example types are relative to it
start_daemon
agent all architect --type backend --type frontend --type qa
reeve run --wait "$src/workflows/feature-development.yaml" -p feature=x >/dev/null
reeve run --wait "$src/workflows/feature-development.yaml" -p feature=y >/dev/null
reeve run "$src/workflows/hello.yaml" >/dev/null 2>&1 || true
kill -TERM "$agent_pid"
ended "$agent_pid" 20
is 'exit code of reeve-agent' "$code" 0
kill -TERM "$reeved_pid"
ended "$reeved_pid" 20
is 'exit code of reeved' "$code" 0

# That valgrind lacks a system call is no fault of the programs.
faults=$(grep -hvE 'WARNING: unhandled|You may be able to write|README_MISSING|Nevertheless we consider|it at http' \
	"$tools"/*.memcheck || true)
rm -rf "$tools"
[ -z "$faults" ] || {
	printf '%s\n' "$faults"
	fail 'valgrind found faults'
}
echo 'check-valgrind: ok'
