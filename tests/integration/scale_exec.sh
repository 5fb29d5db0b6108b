#!/bin/sh
# SPDX-License-Identifier: MIT
# A command brings the number about: what it is told, and what comes of one that fails or hangs.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

scale() {
	api /api/v1/scale | jq -r --arg t "$1" ".items[] | select(.type == \$t) | $2"
}
scale_is() {
	[ "$(scale "$1" "$2")" = "$3" ]
}
# events of a kind as JSON data, one a line
told() {
	redis --json XRANGE 'reeve:{0}:ev' - + | perl -MJSON::PP -e '
		my ($type) = @ARGV;
		for my $entry (@{ decode_json(do { local $/; <STDIN> }) }) {
			my %f = @{ $entry->[1] };
			for (split /\n/, $f{e}) {
				my @field = split /\t/;
				print "$field[-1]\n" if $field[0] eq $type;
			}
		}' "$1"
}
# was_told TYPE TEXT
was_told() {
	told "$1" | grep -qF -e "$2"
}
called() {
	grep -qx -e "$1" "$work/calls"
}
: >"$work/calls"
# what it does stands in the file `how`
cat >"$work/command" <<END
#!/bin/sh
echo "\$1 \$REEVE_SCALE_TYPE wanted=\$REEVE_SCALE_WANTED current=\$REEVE_SCALE_CURRENT" \
	"\$REEVE_SCALE_MIN-\$REEVE_SCALE_MAX \${REEVE_REDIS_URL:-none}" >>"$work/calls"
. "$work/how"
END
chmod +x "$work/command"
cat >"$work/how" <<'END'
printf 'first line\nno such cluster: \033[31m\377\376 prod\n' >&2
exit 7
END
cat >"$types/remote.yaml" <<END
max_agents: 5
scale: {backend: exec, command: [$work/command, prod], timeout: 2s, cooldown: 1s, target_wait: 1s}
END
printf 'max_agents: 5\nscale: {backend: none}\n' >"$types/backend.yaml"
cat >"$work/flow.yaml" <<'END'
name: flow
on: manual
tasks:
  - {id: a, agent: remote, run: "true"}
  - {id: b, agent: backend, run: "true"}
END

# --- a command that fails: told with what it said, tried again, nothing else stops ---------
REEVE_REDIS_URL=unix:///nowhere
export REEVE_REDIS_URL
start_redis
start_daemon
unset REEVE_REDIS_URL
submit "$work/flow.yaml"
wait_until 10 called 'prod remote wanted=1 current=0 0-5 none'
wait_until 10 was_told scale.failed 'exit 7; it said last: no such cluster:'
has_not 'no control sequences' "$(told scale.failed)" '[31m'
wait_until 10 scale_is remote '.trouble | startswith("exit 7")' true
has 'for people' "$(reeve scale)" 'no such cluster'
more_calls() {
	[ "$(wc -l <"$work/calls")" -gt "$1" ]
}
wait_until 10 more_calls 1
# --- one that hangs is ended ------------------------------------------------------------------
echo "echo \$\$ >>'$work/pids'; exec perl -e 'select undef, undef, undef, 100'" >"$work/how"
wait_until 15 was_told scale.failed 'no end after 2s'
while read -r hung; do
	wait_until 10 gone "$hung"
done <"$work/pids"
# --- one that is not there ----------------------------------------------------------------------
mv "$work/command" "$work/elsewhere"
wait_until 20 was_told scale.failed "cannot start '$work/command'"
# --- and one that works, garbage on its output or not ---------------------------------------------
echo 'head -c 20000 /dev/urandom' >"$work/how"
mv "$work/elsewhere" "$work/command"
wait_until 30 was_told scale.called '"wanted":1'
wait_until 10 scale_is remote '.trouble' null
agent elsewhere-1 remote --allow-run
agent elsewhere-2 backend --allow-run
wait_until 15 run_is "$run" succeeded
wait_until 15 called 'prod remote wanted=0 current=[01] 0-5 none'
# --- the manifest for KEDA asks for a number that is there ------------------------------------------
# ask_keda: evaluates the query of the manifest against /metrics
ask_keda() {
	query=$(sed -n 's/^ *query: *//p' "$src/contrib/scale/keda.yaml")
	api /metrics | QUERY=$query perl -e '
		my ($name, $labels) = $ENV{QUERY} =~ /^max\((\w+)\{(.*)\}\)$/ or die "no query\n";
		my %want = $labels =~ /(\w+)="([^"]*)"/g;
		my $most;
		for (<STDIN>) {
			next unless /^\Q$name\E\{(.*)\} (\S+)$/;
			my ($these, $value) = ($1, $2);
			my %have = $these =~ /(\w+)="([^"]*)"/g;
			next if grep { ($have{$_} // "") ne $want{$_} } keys %want;
			$most = $value if !defined $most || $value > $most;
		}
		defined $most or die "no such series\n";
		print "$most\n";'
}
keda_says() {
	[ "$(ask_keda)" = "$1" ]
}
try scale backend 3
is 'by hand' "$code" 0
wait_until 10 keda_says 3
is 'nothing is started' "$(scale backend .local_agents)" 0
try scale backend auto
wait_until 10 keda_says "$(scale backend .desired_agents)"
stop_daemon
