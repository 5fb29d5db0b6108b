#!/bin/sh
# SPDX-License-Identifier: MIT
# Drop folders watched by several daemons: each content of a file starts one run, whether two
# daemons watch one folder or each its own, and whoever owns the partition.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
. "$src/tests/integration/nodes_lib.sh"
# shellcheck disable=SC2119
start_redis

# put FILE N: content number N of it
put() {
	printf 'name: %s\ntasks:\n  - {id: a, agent: nobody, prompt: "%s"}\n' \
		"$(basename "$1" .yaml)" "$2" >"$work/.put"
	mv "$work/.put" "$1"
}

# logged NODE TEXT N: its log has so many lines with that text
logged() {
	[ "$(grep -c "$2" "$work/$1.log")" -ge "$3" ]
}

# runs_of WORKFLOW N
runs_of() {
	[ "$(reeve --json runs --workflow "$1" | jq '.items | length')" = "$2" ]
}

mkdir -p "$work/shared"
ln -s "$work/shared" "$work/flows-one"
ln -s "$work/shared" "$work/flows-two"
node one --partitions 2
wait_until 10 owns one 2
node two
node three
wait_until 15 owns one 1
# the folder of one and two; the third has its own
put "$work/shared/common.yaml" 1
put "$work/flows-three/own.yaml" 1
wait_until 10 runs_of common 1
wait_until 10 runs_of own 1
for n in 2 3; do
	put "$work/shared/common.yaml" $n
	put "$work/flows-three/own.yaml" $n
	wait_until 10 logged one 'workflow loaded.*workflow=common' $n
	wait_until 10 logged two 'workflow loaded.*workflow=common' $n
	wait_until 10 runs_of common $n
	wait_until 10 runs_of own $n
done
for n in $(seq 1 20); do
	put "$work/shared/many$n.yaml" 1
done
wait_until 10 logged one 'workflow loaded.*workflow=many' 20
wait_until 10 logged two 'workflow loaded.*workflow=many' 20
wait_until 10 known_runs 26

# A, B, A is three runs; a file that is gone is forgotten
put "$work/shared/common.yaml" 2
wait_until 10 runs_of common 4
rm "$work/shared/common.yaml" "$work/flows-three/own.yaml"
drops() {
	[ "$(($(redis HLEN 'reeve:{0}:drop') + $(redis HLEN 'reeve:{1}:drop')))" = "$1" ]
}
wait_until 10 drops 20
put "$work/flows-three/own.yaml" 3
wait_until 10 runs_of own 4

# a restart of all starts nothing
for n in one two three; do
	use $n
	stop_daemon
done
node two
node three
wait_until 15 owns three 1
wait_until 15 owns two 1
wait_until 10 logged two 'workflow loaded.*workflow=many' 40
put "$work/flows-three/last.yaml" 1
wait_until 10 runs_of last 1
is 'runs' "$(api '/api/v1/runs?limit=1000' | jq '.items | length')" 29

# the audit trails of both partitions are one, page by page
cursor='' pages=''
while :; do
	api "/api/v1/audit?type=drop&limit=4$cursor" >"$work/page.json"
	pages="$pages $(jq -r '.items[].id' "$work/page.json")"
	cursor="&cursor=$(jq -r .next_cursor "$work/page.json")"
	[ "$cursor" != '&cursor=null' ] || break
done
# shellcheck disable=SC2086
is 'the trail' "$(printf '%s\n' $pages)" "$(api '/api/v1/audit?type=drop&limit=1000' |
	jq -r '.items[].id')"
is 'drops in it' "$(echo "$pages" | tr ' ' '\n' | grep . | sort -u | wc -l)" 29
