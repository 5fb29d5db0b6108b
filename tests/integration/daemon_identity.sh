#!/bin/sh
# SPDX-License-Identifier: MIT
# Who may do what: over TCP only reading, on the socket the daemon's own user writes;
# pages of other origins get nothing; no secret is shown.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis
start_daemon
base=http://$(http_address)
tcp() {
	tcp_path=$1
	shift
	curl -sS --max-time 10 -o "$work/body" -w '%{http_code}' "$@" "$base$tcp_path"
}

is 'reading over TCP' "$(tcp /api/v1/runs)" 200
is 'health over TCP' "$(tcp /health)" 200
body='{"workflow":"x"}'
is 'writing over TCP' "$(tcp /api/v1/runs -H 'Content-Type: application/json' -d "$body")" 401
is 'an error has a code' "$(jq -r '.error | has("code") and has("message")' "$work/body")" true
is 'a wrong token' "$(tcp /api/v1/runs -H 'Authorization: Bearer secret-horse' -d "$body")" 401
is 'the log level over TCP' "$(tcp /api/v1/log-level -X PUT -d '{"level":"debug"}')" 401
is 'cancel over TCP' "$(tcp /api/v1/runs/x/cancel -X POST)" 401
case $(tcp /api/v1/runs -H 'Host: evil.example') in
4*) ;;
*) fail 'another Host was served' ;;
esac
case $(tcp /api/v1/runs -H 'Origin: http://evil.example') in
4*) ;;
*) fail 'another Origin was served' ;;
esac
case $(api /api/v1/runs -H 'Origin: http://evil.example' -d "$body" -o /dev/null -w '%{http_code}') in
4*) ;;
*) fail 'another Origin wrote' ;;
esac
is 'runs' "$(api /api/v1/runs | jq '.items | length')" 0
printf 'name: x\non: manual\ntasks: [{id: a, agent: b, prompt: x}]\n' | drop x.yaml
has_workflow() {
	api /api/v1/workflows/x | says .enabled
}
wait_until 10 has_workflow
is 'writing on the socket' "$(api /api/v1/runs -H 'Content-Type: application/json' \
	-d "$body" -o "$work/body" -w '%{http_code}')" 201
one=$(jq -r .id "$work/body")
is 'the same key' "$(api /api/v1/runs -H 'Idempotency-Key: k' -H 'Content-Type: application/json' \
	-d "$body" | jq -r .id)" "$(api /api/v1/runs -H 'Idempotency-Key: k' \
	-H 'Content-Type: application/json' -d "$body" | jq -r .id)"
is 'runs afterwards' "$(api /api/v1/runs | jq '.items | length')" 2
is 'one run' "$(run_status "$one")" queued
for body in '' '{' '[]x' '{"workflow":1}' '{"workflow":"nothing"}'; do
	status=$(api /api/v1/runs -H 'Content-Type: application/json' -d "$body" \
		-o "$work/body" -w '%{http_code}')
	case $status in
	4*) is "the error of '$body'" "$(jq -r '.error.message | length > 0' "$work/body")" true ;;
	*) fail "'$body' was answered $status" ;;
	esac
done
is 'an unknown path' "$(tcp /api/v1/nothing)" 404
is 'a wrong method' "$(tcp /health -X DELETE)" 405
has_not 'the log' "$(cat "$reeved_log")" secret-horse
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	# another user cannot even reach the socket
	chmod 755 "$work"
	if setpriv --reuid 65534 --clear-groups curl -sS --unix-socket "$REEVE_SOCKET" \
		http://localhost/health >/dev/null 2>&1; then
		fail 'another user reached the socket'
	fi
fi
stop_daemon
