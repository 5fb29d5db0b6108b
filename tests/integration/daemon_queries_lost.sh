#!/bin/sh
# SPDX-License-Identifier: MIT
# What people ask is answered also while the connection for it is lost.
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

# Redis takes the connection away, and no new one: whoever holds on keeps theirs.
cat >"$work/cut.pl" <<'EOF'
use IO::Socket::UNIX;
my $redis = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "$ARGV[0]: $!";
sub ask {
	print $redis "@_\r\n";
	my $line = <$redis>;
	return $line unless $line =~ /^\$(\d+)/;
	read $redis, my $text, $1 + 2;
	return $text;
}
$| = 1;
my $list = ask('CLIENT LIST');
my ($id) = $list =~ /^id=(\d+) .* name=reeved:queries /m or die "who is it: $list";
ask('CONFIG SET maxclients', ($list =~ tr/\n//) - 2); # a line each, and the end of the text
print ask('CLIENT KILL ID', $id) eq ":1\r\n" ? "cut\n" : "not there\n";
select undef, undef, undef, 600;
EOF
start cut perl "$work/cut.pl" "$redis_socket"
wait_until 10 grep -q cut "$work/cut.log"
n=0
while [ $n -lt 20 ]; do
	try show "$run" --json
	is "look $n" "$code" 0
	n=$((n + 1))
done
stop_daemon
