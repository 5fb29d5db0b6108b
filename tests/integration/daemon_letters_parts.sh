#!/bin/sh
# SPDX-License-Identifier: MIT
# Dead letters of several partitions: listed, counted, purged and replayed as one.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

start_redis
start_daemon --partitions 3
cat >"$work/does" <<'END'
#!/bin/sh
[ -e "$1/mended" ] || exit 3
END
chmod +x "$work/does"
agent B breaker --concurrency 4 -- "$work/does" "$work"
cat >"$work/flow.yaml" <<'END'
name: flow
tasks: [{id: a, agent: breaker, prompt: x}]
END
letters_are() {
	[ "$(api "/api/v1/dlq?$1" | jq '.items | length')" = "$2" ]
}
runs=
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
	submit "$work/flow.yaml"
	runs="$runs $run"
done
for n in $runs; do
	wait_until 20 run_is "$n" failed
done
wait_until 10 letters_are '' 12
[ "$(api /api/v1/dlq | jq -r '.items[].id' | awk -F: '{print $3}' | sort -u | wc -l)" -gt 1 ] ||
	fail 'all letters stand in one partition'
cursor='' seen=0
while :; do
	page=$(api "/api/v1/dlq?limit=3${cursor:+&cursor=$cursor}")
	seen=$((seen + $(printf '%s' "$page" | jq '.items | length')))
	cursor=$(printf '%s' "$page" | jq -r '.next_cursor // ""')
	[ -n "$cursor" ] || break
done
is 'each once, page by page' "$seen" 12
is 'counts' "$(api /api/v1/dlq/statistics | jq .letters)" 12
# the last one's letter is purged
try dlq purge --run "$run"
is 'purged' "$out" '1 dead letters dropped, 1 of them open'
touch "$work/mended"
try dlq replay --all --rate 500 --json
is 'replayed' "$(printf '%s' "$out" | jq -r '"\(.matched) \(.replayed)"')" '11 11'
for n in $runs; do
	[ "$n" = "$run" ] || wait_until 20 run_is "$n" succeeded
done
stop_daemon
