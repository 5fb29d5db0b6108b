#!/bin/sh
# SPDX-License-Identifier: MIT
# Ten thousand files dropped at once start one run each, and a restart none; the daemon
# stops within 5 s while they are worked on.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis
files=10000
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
start_daemon
from=$(date +%s)
perl -e 'for my $n (1 .. $ARGV[0]) {
		open my $f, ">", "$ARGV[1]/f$n.yaml" or die;
		print $f "name: f$n\ntasks:\n  - {id: a, agent: many, prompt: \"$n\"}\n";
	}' $files "$flows"
wait_until 60 created $files
echo "accepted after $(($(date +%s) - from)) s" >&2
start drain perl "$work/drain" "$redis_socket"
some_ended() {
	[ "$(metric 'reeve_runs_finished_total{status="succeeded"}')" -ge 500 ]
}
wait_until 20 some_ended
from=$(date +%s)
stop_daemon
[ $(($(date +%s) - from)) -le 5 ] || fail 'SIGTERM under load took more than 5 s'
start_daemon
wait_until 60 all_ended
is 'runs after a restart' "$(metric reeve_runs_created_total)" 0
is 'completions' "$(metric 'reeve_completions_total{result="duplicate"}')" 0
is 'pending' "$(redis XPENDING 'reeve:{0}:q:many' many_consumers | head -n 1)" 0
# each file once: a run a name
cursor=
: >"$work/names"
while :; do
	api "/api/v1/runs?limit=1000${cursor:+&cursor=$cursor}" >"$work/page"
	jq -r '.items[] | "\(.workflow) \(.status)"' "$work/page" >>"$work/names"
	cursor=$(jq -r '.next_cursor // empty' "$work/page")
	[ -n "$cursor" ] || break
done
is 'runs' "$(wc -l <"$work/names")" $files
is 'files' "$(sort -u "$work/names" | grep -c ' succeeded$')" $files
stop_daemon
