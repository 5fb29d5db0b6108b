#!/bin/sh
# SPDX-License-Identifier: MIT
# For an agent type's  scale: {backend: exec, command: [contrib/scale/ssh.sh, HOST, HOST...]}:
# spreads agents over machines that ssh reaches without a question.
#
# On each machine reeve-agent is in PATH, and ~/.config/reeve/agent.env, if it is there, sets
# what it needs (REEVE_REDIS_URL, REEVE_AGENT_ARGS).  Agents are kept as
# ~/.local/state/reeve-agents/TYPE-N.pid; those that are too many drain.  A machine that does
# not answer makes the call fail, once the others were served: it is tried again.
set -eu
: "${REEVE_SCALE_TYPE:?}" "${REEVE_SCALE_WANTED:?}"
[ $# -gt 0 ] || { echo 'ssh.sh: name at least one host' >&2; exit 2; }

# What runs on a machine: $1 the type, $2 how many agents it is to have.
# shellcheck disable=SC2016
remote='
type=$1 wanted=$2 n=0
dir=$HOME/.local/state/reeve-agents
mkdir -p "$dir"
[ ! -f "$HOME/.config/reeve/agent.env" ] || { set -a; . "$HOME/.config/reeve/agent.env"; set +a; }
alive() { kill -0 "$(cat "$1" 2>/dev/null)" 2>/dev/null; }
while [ "$n" -lt "$wanted" ]; do
	n=$((n + 1))
	pid=$dir/$type-$n.pid
	alive "$pid" && [ ! -f "$pid.going" ] && continue
	alive "$pid" && { wanted=$((wanted + 1)); continue; }
	rm -f "$pid.going"
	# shellcheck disable=SC2086
	setsid nohup reeve-agent --type "$type" --id "$(uname -n):$type-$n" \
		${REEVE_AGENT_ARGS:-} >>"$dir/$type-$n.log" 2>&1 </dev/null &
	echo $! >"$pid"
done
for pid in "$dir/$type"-*.pid; do
	number=${pid##*-}
	[ -f "$pid" ] && [ "${number%.pid}" -gt "$n" ] || continue
	if ! alive "$pid"; then
		rm -f "$pid" "$pid.going"
	elif [ ! -f "$pid.going" ]; then
		: >"$pid.going"
		kill -TERM "$(cat "$pid")"
	fi
done
'
failed=0 left=$REEVE_SCALE_WANTED hosts=$#
for host; do
	# the first machines take what does not divide
	share=$(((left + hosts - 1) / hosts))
	left=$((left - share)) hosts=$((hosts - 1))
	echo "$remote" | ssh -o BatchMode=yes -o ConnectTimeout=5 "$host" \
		sh -s -- "$REEVE_SCALE_TYPE" "$share" || {
		echo "ssh.sh: $host failed" >&2
		failed=1
	}
done
exit $failed
