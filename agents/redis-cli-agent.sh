#!/bin/sh
# SPDX-License-Identifier: MIT
# A whole agent: two commands of Redis, XREADGROUP and XADD (doc/protocol.md).
# usage: redis-cli-agent.sh TYPE ID COMMAND [ARG...]
# COMMAND gets the prompt, line or payload on standard input; its last output line is
# handed on as the output `result`.  redis-cli's own variables and flags (REDIS_CLI) say
# where Redis is.  It does not beat: its lease is the task's timeout, or an hour.
set -eu
type=$1 id=$2
shift 2
prefix="${REEVE_PREFIX:-reeve:}{${REEVE_PARTITION:-0}}:"
stream=${prefix}q:$type group=${type}_consumers
# shellcheck disable=SC2086
redis() { ${REDIS_CLI:-redis-cli} "$@"; }
redis XGROUP CREATE "$stream" "$group" '$' MKSTREAM >/dev/null 2>&1 || true

# what an earlier life of this agent left (0), then what is new (>)
from=0 told=' '
while :; do
	# drained: takes nothing new until somebody undrains it
	[ "$from" != '>' ] || while [ "$(redis HEXISTS "${prefix}drains" "$id")" = 1 ]; do sleep 5; done
	if ! task=$(redis -e --json XREADGROUP GROUP "$group" "$id" COUNT 1 BLOCK 2000 STREAMS "$stream" "$from"); then
		# Redis is away, or the group is: look again at what this agent holds
		sleep 1
		redis XGROUP CREATE "$stream" "$group" '$' MKSTREAM >/dev/null 2>&1 || true
		from=0 && continue
	fi
	# [["stream",[["id",["run","…","task","…","attempt","…","token","…","kind","…","body","…
	field() { printf '%s' "$task" | sed -n 's/.*"'"$1"'","\([^"]*\)".*/\1/p'; }
	token=$(field token)
	entry=$(printf '%s' "$task" | sed -n 's/^\[\["[^"]*",\[\["\([^"]*\)".*/\1/p')
	[ "$from" = '>' ] || from=${entry:->}
	[ -n "$token" ] || continue
	# reported before, only not acknowledged yet
	case $told in *" $token "*) continue ;; esac
	body=$(printf '%s' "$task" | sed -n 's/.*"body","\(\([^"\\]\|\\.\)*\)".*/\1/p')
	status='done' code=0
	# printf %b undoes JSON's \n, \t, \\; quotes are undone by sed
	result=$(printf '%b\n' "$(printf '%s' "$body" | sed 's/\\"/"/g')" | "$@") || code=$?
	[ $code -eq 0 ] || status=failed
	quoted=$(printf '%s' "$result" | tail -n 1 | tr -d '\000-\037' | sed 's/[\\"]/\\&/g')
	until redis -e XADD "${prefix}done" '*' run "$(field run)" task "$(field task)" \
		token "$token" status "$status" attempt "$(field attempt)" agent "$id" \
		exit_code "$code" outputs "{\"result\":\"$quoted\"}" >/dev/null; do sleep 1; done
	told=" $token$(printf '%s' "$told" | cut -c 1-1700) "
done
