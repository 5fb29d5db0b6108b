#!/bin/sh
# SPDX-License-Identifier: MIT
# Under a load that keeps several commits in flight their replies are lost, their bytes are
# cut, and Redis forgets the script: each run starts once, each task is handed out once,
# nothing is left.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
[ -x "$top/tests/integration/proxy" ] || skip 'the proxy is not built'
# shellcheck disable=SC2119
start_redis
mkfifo "$work/control"
start proxy "$top/tests/integration/proxy" "$work/proxy.sock" "$redis_socket" "$work/control"
wait_until 5 grep -q ready "$work/proxy.log"
redis_url=unix://$work/proxy.sock
files=2000 rounds=10
cat >"$work/drain" <<'END'
# an agent for many tasks: many reads, one answer each
use IO::Socket::UNIX;
my $s = IO::Socket::UNIX->new($ARGV[0]) or die;
sub send_all { print $s join "", map { my @w = @$_; "*" . @w . "\r\n" . join "", map { "\$" . length($_) . "\r\n$_\r\n" } @w } @_; $s->flush }
sub reply {
	my $l = <$s>; defined $l or exit 0; $l =~ s/\r\n//;
	my $t = substr $l, 0, 1, "";
	return [map { reply() } 1 .. $l] if $t eq "*" && $l >= 0;
	return undef if $l eq "-1";
	if ($t eq "\$") { read $s, my $b, $l + 2; return substr $b, 0, $l }
	return $l;
}
while (1) {
	send_all ["XREADGROUP", "GROUP", "many_consumers", "drain", "COUNT", 200, "BLOCK", 1000,
		"STREAMS", "reeve:{0}:q:many", ">"];
	my $r = reply();
	next unless ref $r;
	my @e = map { my %f = @{ $_->[1] }; \%f } @{ $r->[0][1] };
	send_all map { ["XADD", "reeve:{0}:done", "*", "run", $_->{run}, "task", $_->{task},
		"token", $_->{token}, "status", "done"] } @e;
	reply() for @e;
}
END
printf 'high_water: 1024\n' >"$types/many.yaml"
start_daemon
perl -e 'for my $n (1 .. $ARGV[0]) {
		open my $f, ">", "$ARGV[1]/f$n.yaml" or die;
		print $f "name: f$n\ntasks:\n  - {id: a, agent: many}\n",
			"  - {id: b, agent: many, needs: [a]}\n";
	}' $files "$flows"

# cuts N: so many connections were cut, or there is nothing left to cut
cuts() {
	[ "$(grep -c '^cut' "$work/proxy.log")" -ge "$1" ] || all_ended
}
has_group() {
	redis XINFO GROUPS 'reeve:{0}:q:many' | grep -q many_consumers
}
all_ended() {
	[ "$(redis EXISTS 'reeve:{0}:live')" = 0 ] && [ "$(redis ZCARD 'reeve:{0}:fin')" = $files ]
}

wait_until 20 has_group
start drain perl "$work/drain" "$redis_socket"
round=0
while [ $((round += 1)) -le $rounds ]; do
	# the argument that each commit has, at its beginning
	case $((round % 3)) in
	0) redis SCRIPT FLUSH >/dev/null ;;
	1) echo 'lose-command {0}:cursor' >"$work/control" ;;
	2) echo 'lose-reply {0}:cursor' >"$work/control" ;;
	esac
	wait_until 20 cuts $((round - round / 3))
done
echo pass >"$work/control"
wait_until 60 all_ended
is 'runs' "$(metric reeve_runs_created_total)" $files
is 'ended well' "$(metric 'reeve_runs_finished_total{status="succeeded"}')" $files
is 'handed out' "$(metric reeve_tasks_dispatched_total)" $((2 * files))
is 'duplicates' "$(metric 'reeve_completions_total{result="duplicate"}')" 0
is 'late' "$(metric 'reeve_completions_total{result="late"}')" 0
is 'lost' "$(metric reeve_attempts_lost_total)" 0
is 'loads' "$(metric reeve_state_loads_total)" 1
is 'pending' "$(redis XPENDING 'reeve:{0}:q:many' many_consumers | head -n 1)" 0
is 'entries' "$(redis XLEN 'reeve:{0}:q:many')" 0
echo "cut $(grep -c '^cut' "$work/proxy.log"), resent $(metric reeve_commits_resent_total)" >&2
stop_daemon
