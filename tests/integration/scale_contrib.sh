#!/bin/sh
# SPDX-License-Identifier: MIT
# The commands of contrib/scale, with programs in the place of kubectl, nomad and ssh.
. "${srcdir:-.}/tests/integration/lib.sh"

mkdir "$work/bin"
PATH=$work/bin:$PATH
export PATH
for program in kubectl nomad; do
	# shellcheck disable=SC2016
	printf '#!/bin/sh\necho "%s $*" >>"%s/calls"\nexit "${FAKE_EXIT:-0}"\n' \
		$program "$work" >"$work/bin/$program"
done
# a machine is a folder; reeve-agent says what it was given, and goes when it is told to
cat >"$work/bin/ssh" <<END
#!/bin/sh
while [ "\$1" = -o ]; do shift 2; done
host=\$1
shift
[ "\$host" != down ] || { echo "ssh: connect to host down: no route" >&2; exit 255; }
mkdir -p "$work/\$host"
HOME=$work/\$host exec "\$@"
END
cat >"$work/bin/reeve-agent" <<'END'
#!/usr/bin/perl
$SIG{TERM} = sub { exit 0 };
alarm 120;
print "@ARGV\n";
print "URL=$ENV{REEVE_REDIS_URL}\n";
close STDOUT;
select undef, undef, undef, 1 while 1;
END
chmod +x "$work/bin"/*
REEVE_SCALE_TYPE=qa
export REEVE_SCALE_TYPE
last_call() {
	tail -n 1 "$work/calls"
}
# want N COMMAND...
want() {
	wanted=$1
	shift
	REEVE_SCALE_WANTED=$wanted "$@"
}

# --- kubectl, nomad ---------------------------------------------------------------------
want 4 "$src/contrib/scale/kubectl.sh"
is 'kubectl' "$(last_call)" 'kubectl scale deployment/reeve-agent-qa --replicas=4'
want 0 "$src/contrib/scale/kubectl.sh" statefulset/x --namespace=agents
is 'kubectl' "$(last_call)" 'kubectl scale statefulset/x --replicas=0 --namespace=agents'
want 2 "$src/contrib/scale/nomad.sh"
is 'nomad' "$(last_call)" 'nomad job scale -detach reeve-agents qa 2'
want 2 "$src/contrib/scale/nomad.sh" job group
is 'nomad' "$(last_call)" 'nomad job scale -detach job group 2'
FAKE_EXIT=3
export FAKE_EXIT
code=0
want 1 "$src/contrib/scale/kubectl.sh" || code=$?
is 'a failure is passed on' "$code" 3
unset FAKE_EXIT
code=0
"$src/contrib/scale/nomad.sh" 2>/dev/null || code=$?
[ "$code" -ne 0 ] || fail 'no number, and no fault'

# --- ssh ------------------------------------------------------------------------------------
# whatever happens, they end with the test
end_agents() {
	code=$?
	for pid in "$work"/*/.local/state/reeve-agents/*.pid; do
		[ ! -f "$pid" ] || started="$started $(cat "$pid")"
	done
	set +e
	(exit $code)
	at_end
}
trap end_agents EXIT
# living HOST: how many agents it has
living() {
	n=0
	for pid in "$work/$1"/.local/state/reeve-agents/qa-*.pid; do
		[ -f "$pid" ] || continue
		at=$(cat "$pid")
		! running "$at" || n=$((n + 1))
	done
	echo $n
}
has_living() {
	[ "$(living "$1")" = "$2" ]
}
mkdir -p "$work/one/.config/reeve"
printf 'REEVE_REDIS_URL=redis://r:1\nREEVE_AGENT_ARGS="--allow-run --concurrency 2"\n' \
	>"$work/one/.config/reeve/agent.env"
want 5 "$src/contrib/scale/ssh.sh" one two
is 'the first takes what does not divide' "$(living one) $(living two)" '3 2'
said() {
	grep -qF -e "$2" "$work/$1/.local/state/reeve-agents/qa-1.log"
}
wait_until 5 said one "--type qa --id $(uname -n):qa-1 --allow-run --concurrency 2"
wait_until 5 said one URL=redis://r:1
before=$(cat "$work"/one/.local/state/reeve-agents/*.pid)
want 5 "$src/contrib/scale/ssh.sh" one two
is 'the same again changes nothing' "$(cat "$work"/one/.local/state/reeve-agents/*.pid)" "$before"
want 2 "$src/contrib/scale/ssh.sh" one two
wait_until 5 has_living one 1
wait_until 5 has_living two 1
want 4 "$src/contrib/scale/ssh.sh" one two
wait_until 5 has_living one 2
wait_until 5 has_living two 2
code=0
err=$(want 6 "$src/contrib/scale/ssh.sh" one down two 2>&1) || code=$?
is 'a machine that is down' "$code" 1
has 'which one' "$err" 'down failed'
wait_until 5 has_living one 2
wait_until 5 has_living two 2
want 0 "$src/contrib/scale/ssh.sh" one two
wait_until 5 has_living one 0
wait_until 5 has_living two 0
