#!/bin/sh
# SPDX-License-Identifier: MIT
# The whole process tree of a task ends with it, also what left its group and session.
# shellcheck disable=SC2016,SC2119,SC2154
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/agent_lib.sh"
start_redis
make_queue t

# leave FILE [ENV-COMMAND...]: two forks and a session of its own, deaf to TERM and HUP, with
# a child that did the same; both write their numbers to FILE
cat >"$work/leave" <<'END2'
#!/usr/bin/perl
use POSIX;
my ($file, @env) = @ARGV;
$SIG{TERM} = $SIG{HUP} = 'IGNORE';
sub away { exit if fork; setsid; exit if fork; }
unless (fork) {
	away();
	my $out;
	unless (fork) {
		away();
		open $out, '>', "$file.two.new"; print $out "$$\n"; close $out;
		rename "$file.two.new", "$file.two";
		exec @env, 'tail', '-f', '/dev/null';
	}
	wait;
	open $out, '>', "$file.one.new"; print $out "$$\n"; close $out;
	rename "$file.one.new", "$file.one";
	exec @env, 'tail', '-f', '/dev/null';
}
wait;
select undef, undef, undef, 0.01 until -s "$file.one" && -s "$file.two";
END2
chmod +x "$work/leave"

# both NAME CONDITION: of the two that NAME left
both() {
	"$2" "$(cat "$work/$1.one")" && "$2" "$(cat "$work/$1.two")"
}

start_agent --type t --id a1 --allow-run --lease 1s --concurrency 4 --grace 200ms

# at the normal end
put t normal run "$work/leave $work/normal; echo k=v >\$REEVE_OUTPUT_FILE"
report "$token"
has normal "$got" 'status=done'
has normal "$got" 'outputs={"k":"v"}'
both normal gone || fail 'what a task left behind lives on after its end'

# while it runs they are left alone, also when another attempt ends
put t host run "$work/leave $work/host; touch $work/host.on; $work/await $work/host.go"
host=$token
wait_until 10 test -e "$work/host.on"
put t guest run "$work/leave $work/guest"
report "$token"
has guest "$got" 'status=done'
both guest gone || fail 'what the guest left behind lives on'
both host running || fail 'what a running task started was killed'

# on cancel: nothing is left when it is reported
redis SADD "${key}cancel" "$host" >/dev/null
report "$host"
has host "$got" 'category=cancelled'
both host gone || fail 'what a cancelled task left behind lives on'

# with a leader that is deaf too
put t deaf run "trap '' TERM; $work/leave $work/deaf; touch $work/deaf.on; while :; do tail -f /dev/null; done"
wait_until 10 test -e "$work/deaf.on"
redis SADD "${key}cancel" "$token" >/dev/null
report "$token"
has deaf "$got" 'category=cancelled'
both deaf gone || fail 'what a deaf task left behind lives on'

# one that hides its environment goes when nothing runs
put t hidden run "$work/leave $work/hidden env -i"
report "$token"
wait_until 5 both hidden gone

# what was lost
put t lost run "$work/leave $work/lost; touch $work/lost.on; $work/await $work/never"
lost_entry=$entry
wait_until 10 test -e "$work/lost.on"
redis XCLAIM "${key}q:t" t_consumers reeve 0 "$lost_entry" JUSTID >/dev/null
wait_until 10 both lost gone

# no zombies are kept
zombies() {
	cat "/proc/$agent_pid/task/"*/children | tr ' ' '\n' | while read -r child; do
		grep -l '^State:	Z' "/proc/$child/status" 2>/dev/null || true
	done
}
no_zombies() {
	[ -z "$(zombies)" ]
}
wait_until 5 no_zombies

# kill -9 of the agent
put t victim run "$work/leave $work/victim; touch $work/victim.on; $work/await $work/never"
wait_until 10 test -e "$work/victim.on"
kill -KILL "$agent_pid"
wait_until 10 both victim gone

# children from before the agent's time are not its own
start exec sh -c 'tail -f /dev/null & echo $! >'"$work/stranger"'
	exec "$@"' sh "${REEVE_AGENT:-$top/reeve-agent}" --redis "$redis_url" --type t --id a2 --allow-run
agent_pid=$pid
wait_until 10 grep -q '^ready ' "$work/exec.log"
started="$started $(cat "$work/stranger")"
put t kind run "$work/leave $work/kind"
report "$token"
both kind gone || fail 'what a task left behind lives on beside a stranger'
running "$(cat "$work/stranger")" || fail 'a stranger was killed'
kill -TERM "$agent_pid"
ended "$agent_pid" 5
is exit "$code" 0
