#!/bin/sh
# SPDX-License-Identifier: MIT
# Hostile files in the watched folder: each is refused in FILE:LINE:COL: error: lines, and
# the daemon goes on.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis
start_daemon

# files: how many there are
files() {
	find "$flows" -name 'hostile-*.yaml' | wc -l
}

# hostile: the text of stdin is refused
hostile() {
	n=$(($(files) + 1))
	cat >"$flows/.hostile"
	mv "$flows/.hostile" "$flows/hostile-$n.yaml"
	wait_until 20 grep -Eq "hostile-$n.yaml:[0-9]+:[0-9]+: error: ." "$reeved_log"
}

task='{id: a, agent: b, prompt: x}'
: | hostile
printf '\n# nothing\n' | hostile
printf 'tasks: []\n' | hostile
printf 'name: x\n' | hostile
printf 'tasks: [%s\n' "$task" | hostile
printf 'tasks: [%s]\n\ttab: 1\n' "$task" | hostile
printf 'tasks: [{id: a, agent: b, prompt: "a\000b"}]\n' | hostile
printf 'tasks: [{id: a, agent: b, prompt: "\377\376"}]\n' | hostile
perl -e 'print map { chr rand 256 } 1 .. 5000' | hostile
perl -e 'print "tasks: ", "[" x 100_000' | hostile
perl -e 'print "tasks: ", "{a: " x 100_000' | hostile
perl -e 'print "a: &a [x,x,x,x]\n"; for ("b" .. "j") { print "$_: &$_ [", join(",", ("*" . chr(ord($_) - 1)) x 9), "]\n" } print "tasks: *j\n"' | hostile
perl -e 'print "tasks:\n  - {id: a, agent: b, prompt: \"", "x" x 600_000, "\"}\n"' | hostile
perl -e 'print "# ", "x" x 17_000_000, "\n"' | hostile
printf 'tasks: [{id: a, agent: b, needs: c}, {id: c, agent: b, needs: a}]\n' | hostile
printf 'tasks: [{id: a, agent: b, needs: a}]\n' | hostile
printf 'tasks: [{id: a, agent: b, needs: nobody}]\n' | hostile
printf 'tasks: [{id: "../../etc/passwd", agent: b}]\n' | hostile
printf 'name: "a b"\ntasks: [%s]\n' "$task" | hostile
printf 'tasks: [{id: a, agent: b, run: x, prompt: y}]\n' | hostile
printf 'tasks: [{id: a, agent: b, timeout: soon}]\n' | hostile
printf 'tasks: [{id: a, agent: b, foreach: "[1]"}]\n' | hostile
# shellcheck disable=SC2016
printf 'tasks: [{id: a, agent: b, prompt: "%s"}]\n' '${{ tasks.z.outputs.y }}' | hostile
# shellcheck disable=SC2016
printf 'tasks: [{id: a, agent: b, prompt: "%s"}]\n' '${{ unclosed' | hostile
# shellcheck disable=SC2016
printf "tasks: [{id: a, agent: b, run: \"echo '%s'\"}]\\n" '${{ params.p }}' | hostile
printf '!!python/object/apply:os.system ["true"]\n' | hostile
printf '%%YAML 9.9\n---\ntasks: [%s]\n' "$task" | hostile
printf 'tasks: [%s]\ntasks: [%s]\n' "$task" "$task" | hostile
printf 'tasks: [%s]\n---\nname: second\n' "$task" | hostile
is 'runs of hostile files' "$(metric reeve_runs_created_total)" 0
is 'hostile files' "$(metric 'reeve_workflow_files{state="bad"}')" "$(files)"
is 'all of them' "$(files)" 29
is 'the word error in other lines' "$(grep 'error:' "$reeved_log" |
	grep -Evc '/hostile-[0-9]+\.yaml:[0-9]+:[0-9]+: error: ' || true)" 0
# all the faults of a file in one go
cp "$src/tests/data/model/faulty.yaml" "$flows/faulty.yaml"
wait_until 10 grep -q 'faulty.yaml:.*error: ' "$reeved_log"
[ "$(grep -c 'faulty.yaml:[0-9]*:[0-9]*: error: ' "$reeved_log")" -gt 1 ] ||
	fail 'only one fault was told'
# names that are hostile to logs
printf 'tasks: [%s]\n' "$task" >"$flows/$(printf 'new\nline level=error.yaml')"
printf 'tasks: [%s]\n' "$task" | drop fine.yaml
wait_until 10 sh -c "grep -q 'run accepted.*workflow=fine' '$reeved_log'"
is 'lines that a file name forged' "$(grep -c '^line level' "$reeved_log" || true)" 0
running "$reeved_pid" || fail 'reeved ended'
stop_daemon
