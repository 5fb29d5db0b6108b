# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
# Several daemons on one Redis.  Sourced after daemon_lib.sh.

# node NAME [FLAG...]: starts a daemon with folders of its own
node() {
	use "$1"
	mkdir -p "$flows"
	shift
	ready_before=$(ready_lines)
	launch_daemon "$@"
	eval "pid_$reeved_name=$reeved_pid"
	wait_until 15 one_more_ready
}

# use NAME: the daemon that is asked from now on
use() {
	reeved_name=$1 reeved_log=$work/$1.log state=$work/state-$1 flows=$work/flows-$1
	REEVE_SOCKET=$state/reeve.sock
	eval "reeved_pid=\${pid_$1:-}"
}

# owns NAME [N]: it owns a partition, or so many
owns() {
	use "$1"
	metric_is reeve_partition_owner "${2:-1}"
}

# fence [P]: the nonce of the owner
fence() {
	redis GET "reeve:{${1:-0}}:fence" | cut -d: -f1
}
