#!/bin/sh
# SPDX-License-Identifier: MIT
# What people ask is answered also while the connection for it is lost, again and again.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

start_daemon
own_redis
cat >"$work/done.yaml" <<EOF
name: done
tasks: [{id: a, agent: nobody, run: "true"}]
EOF
submit "$work/done.yaml"
try cancel "$run"
is 'exit' "$code" 0

# Redis takes the connection away as often as it comes back; the one for commands stays.
cat >"$work/cut.pl" <<'EOF'
my $queries = qr/^id=(\d+) .* name=reeved:queries /m;
while (1) {
	my $list = `redis-cli -s "$ARGV[0]" CLIENT LIST`;
	`redis-cli -s "$ARGV[0]" CLIENT KILL ID $1` if $list =~ $queries;
}
EOF
start cut perl "$work/cut.pl" "$redis_socket"
cut() {
	redis CLIENT LIST | grep -q 'name=reeved:queries'
}
lost() {
	! redis CLIENT LIST | grep -q 'name=reeved:queries'
}
wait_until 10 lost
n=0
while [ $n -lt 30 ]; do
	try show "$run" --json
	is "look $n" "$code" 0
	n=$((n + 1))
done
stop_daemon
