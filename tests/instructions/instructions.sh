#!/bin/sh
# SPDX-License-Identifier: MIT
# Instructions a task of the engine and of the commit encoder, counted by callgrind: none
# above the ceilings of tests/instructions/ceilings, and flat where that says so.
# instructions.sh [ACT...]: only these acts, for a look; prints a line each.
# shellcheck disable=SC2154
. "${srcdir:-.}/tests/integration/lib.sh"
command -v valgrind >/dev/null || skip 'no valgrind: instructions are not counted'
program=$top/tests/instructions/instructions
[ -x "$program" ] || skip "not built: make tests/instructions/instructions"
if nm "$program" | grep -qE '__(asan|ubsan|tsan|msan|gcov)_'; then
	skip 'a build with sanitizers or coverage counts other instructions'
fi
"$program" none || skip 'a build without optimisation counts other instructions'
table=$src/tests/instructions/ceilings

valgrind -q --tool=callgrind --toggle-collect=measured_engine \
	--toggle-collect=measured_store --dump-before=measured_end \
	--callgrind-out-file="$work/profile" "$program" "$@" >"$work/acts" 2>"$work/errors" ||
	fail "callgrind: $(tail -n 3 "$work/errors")"

# ACT ENGINE STORE: one line an act, instructions a task
part=0
while read -r act tasks; do
	part=$((part + 1))
	callgrind_annotate --auto=no --inclusive=yes --threshold=100 "$work/profile.$part" \
		2>/dev/null | awk -v act="$act" -v tasks="$tasks" '
		/:measured_engine( |$)/ { gsub(",", "", $1); engine = $1 }
		/:measured_store( |$)/ { gsub(",", "", $1); store = $1 }
		END { printf "%s %d %d\n", act, engine / tasks, store / tasks }'
done <"$work/acts" >"$work/counts"

# the ceilings are those of one kind of processor
[ "$(uname -m)" = x86_64 ] && ceilings=1 || ceilings=0
awk -v ceilings="$ceilings" '
	function over(what, count, most) {
		if (count <= most)
			return ""
		faults++
		return "  <- " what
	}
	FNR == NR { engine[$1] = $2; store[$1] = $3; acts[++n] = $1; next }
	/^#/ || NF == 0 { next }
	$1 == "flat" {
		if (!($2 in engine) || !($3 in engine))
			next
		compared++
		for (k = 0; k < 2; k++) {
			few = k ? store[$2] : engine[$2]
			many = k ? store[$3] : engine[$3]
			grown = grown sprintf("%-7s %6d at %s, %6d at %s: %+.1f %%%s\n",
			    k ? "store" : "engine", few, $2, many, $3,
			    100 * (many / few - 1),
			    over("grows by more than " $4 " %", many, few * (1 + $4 / 100)))
		}
		next
	}
	$1 in engine {
		compared++
		if (engine[$1] <= 0 || store[$1] <= 0)
			faults++
		if (!ceilings)
			next
		said[$1] = sprintf("%-16s %6d of %6d %s%11d of %6d %s", $1, engine[$1], $2,
		    over("too many", engine[$1], $2), store[$1], $3,
		    over("too many", store[$1], $3))
	}
	END {
		printf "%-16s %16s %24s\n", "a task", "engine, ceiling", "store, ceiling"
		for (i = 1; i <= n; i++)
			print acts[i] in said ? said[acts[i]] : sprintf("%-16s %6d %18d",
			    acts[i], engine[acts[i]], store[acts[i]])
		printf "%s", grown
		exit faults > 0 || compared == 0
	}' "$work/counts" "$table" >"$work/table" || {
	cat "$work/table" >&2
	fail 'more instructions than tests/instructions/ceilings allows: mend it, or say there why'
}
cat "$work/table"
