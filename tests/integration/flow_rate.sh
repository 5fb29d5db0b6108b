#!/bin/sh
# SPDX-License-Identifier: MIT
# A rate limit bounds starts over any span of time, also over a crash of the daemon.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

echo 'rate_limit: {per_second: 8, burst: 3}' >"$types/shell.yaml"
start_daemon
own_redis
agent A shell --allow-run --concurrency 8
{
	echo 'name: many'
	echo 'tasks:'
	for i in $(seq 24); do
		echo "  - {id: t$i, agent: shell, run: \"true\"}"
	done
} >"$work/many.yaml"
submit "$work/many.yaml"
waits_for_rate() {
	api "/api/v1/runs/$run" | says 'any(.tasks[]; .waiting_for.kind == "rate_limit")'
}
wait_until 10 waits_for_rate
is 'why' "$(api "/api/v1/runs/$run" |
	jq -r '[.tasks[] | select(.waiting_for.kind == "rate_limit")][0].waiting_for.detail' |
	cut -d, -f1)" 'the rate limit of agent type shell: 8 starts a second now (8 configured)'
is 'metered' "$(metric 'reeve_type_rate_limit{agent_type="shell"}')" 8
kill_daemon
start_daemon
wait_until 30 run_is "$run" succeeded
# Of each pair of starts: at most 3 + 8 t.  They stand in the events, packed by commit.
redis --json XRANGE 'reeve:{0}:ev' - + |
	jq -r '.[][1] | (.[1] as $at | .[3] | split("\n")[] | select(startswith("tq")) | $at)' |
	perl -ne '
	push @at, $_ / 1000;
	END {
		for my $i (0 .. $#at) {
			for my $k ($i .. $#at) {
				my ($n, $t) = ($k - $i + 1, $at[$k] - $at[$i]);
				die "$n starts in $t s\n" if $n > 3 + 8 * ($t + 0.005);
			}
		}
		die "only ", scalar(@at), " starts\n" if @at < 24;
	}' || fail 'more starts than the limit allows'

# A limit that is taken away holds nobody back.
rm "$types/shell.yaml"
unlimited() {
	metric_is 'reeve_type_rate_limit{agent_type="shell"}' 0
}
wait_until 10 unlimited
is 'forgotten' "$(redis HEXISTS 'reeve:{0}:limits' rate:shell)" 0
