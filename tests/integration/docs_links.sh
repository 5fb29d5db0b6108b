#!/bin/sh
# SPDX-License-Identifier: MIT
# The documents name only files, commands and options that exist.
# shellcheck disable=SC2086,SC2012
. "${srcdir:-.}/tests/integration/lib.sh"
cd "$src"
docs=$(ls ./*.md doc/*.md doc/decisions/*.md)
[ "$(echo "$docs" | wc -l)" -ge 15 ] || fail 'where are the documents?'

# Links: their path exists from where the document lies.
grep -oE '\]\([^)#:]+\)' $docs | sed -E 's/^([^:]*):\]\((.*)\)$/\1 \2/' >"$work/links"
[ -s "$work/links" ] || fail 'no links found'
while read -r doc link; do
	[ -e "$(dirname "$doc")/$link" ] || echo "$doc: no $link"
done <"$work/links" >"$work/faults"

# Source files named in backquotes: src/…, tests/…, doc/…, contrib/…, agents/…, workflows/…
# shellcheck disable=SC2016
grep -oE '`(src|tests|doc|contrib|agents|workflows|scripts|man)/[A-Za-z0-9_./-]+`' $docs |
	tr -d '`' | grep -vE 'NAME|TYPE' | sort -u >"$work/files"
[ "$(wc -l <"$work/files")" -gt 30 ] || fail 'too few files found'
while IFS=: read -r doc file; do
	[ -e "$file" ] || echo "$doc: no $file"
done <"$work/files" >>"$work/faults"

# Functions named in backquotes as name() are in the source.
# shellcheck disable=SC2016
grep -oE '`[a-z_]+_[a-z_]+\(\)`' $docs | tr -d '`()' | grep -v ':thing_' | sort -u >"$work/functions"
while IFS=: read -r doc name; do
	grep -rqE "\\b$name\\(" src --include='*.[ch]' || echo "$doc: no function $name"
done <"$work/functions" >>"$work/faults"

# Metrics are in the table.
grep -ohE 'reeve_[a-z_]+(total|up|live|ready|outstanding|owner|files)' $docs | sort -u >"$work/metrics"
while read -r name; do
	grep -q "\"$name\"" src/base/metrics.def || echo "no metric $name"
done <"$work/metrics" >>"$work/faults"

# Commands: `reeve WORD` is one of the table.
if [ -x "$top/reeve" ]; then
	# shellcheck disable=SC2016
	grep -ohE '(^|`)reeve [a-z][a-z-]+' $docs | sed 's/.*reeve //' | sort -u >"$work/commands"
	while read -r name; do
		"$top/reeve" "$name" --help >/dev/null 2>&1 || echo "no command $name"
	done <"$work/commands" >>"$work/faults"
fi
# Blocks of YAML with tasks are workflows.
if [ -x "$top/reeve" ]; then
	blocks=0
	for doc in $docs; do
		awk -v base="$work/$(basename "$doc" .md)" '
			/^```yaml$/ { out = base "-" ++n ".yaml"; next }
			/^```$/ { out = "" }
			out { print >out }' "$doc"
	done
	for block in "$work"/*.yaml; do
		grep -q '^tasks:' "$block" || continue
		blocks=$((blocks + 1))
		"$top/reeve" validate "$block" >>"$work/faults.validate" 2>&1 ||
			cat "$work/faults.validate" >>"$work/faults"
	done
	[ $blocks -gt 0 ] || fail 'no workflow in the documents'
fi
[ ! -s "$work/faults" ] || {
	cat "$work/faults" >&2
	fail 'the documents name what is not there'
}
