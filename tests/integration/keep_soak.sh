#!/bin/sh
# SPDX-License-Identifier: MIT
# A small soak: what reeved and Redis take after the first fifth is what they take at the end.
. "${srcdir:-.}/tests/integration/lib.sh"
[ -x "$top/reeved" ] || skip 'reeved is not built'
command -v redis-server >/dev/null || skip 'no redis-server'
command -v perl >/dev/null || skip 'no perl'
TMPDIR=$work BUILD=$top
# a build with sanitizers keeps freed memory and stacks: not what is measured
ASAN_OPTIONS=quarantine_size_mb=1:thread_local_quarantine_size_kb=64:malloc_context_size=0:${ASAN_OPTIONS-}
export TMPDIR BUILD ASAN_OPTIONS
"$src/contrib/soak" 40000 8000 || fail 'something grows'
