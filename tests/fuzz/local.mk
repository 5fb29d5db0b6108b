# SPDX-License-Identifier: MIT
# Fuzz targets: tests/fuzz/fuzz_NAME.c defines LLVMFuzzerTestOneInput().  With
# --enable-fuzzing they link libFuzzer ('make fuzz FUZZ_SECONDS=60'); otherwise
# replay.c is their main and 'make check' feeds them each file of
# tests/fuzz/corpus/NAME/ and tests/fuzz/regression/NAME/.
#
# To add one:
# FUZZ_TARGETS += tests/fuzz/fuzz_thing
# tests_fuzz_fuzz_thing_SOURCES = tests/fuzz/fuzz_thing.c $(FUZZ_MAIN)
# tests_fuzz_fuzz_thing_LDADD = $(MODEL_LIBS)
# tests_fuzz_fuzz_thing_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS =
FUZZ_TARGETS += tests/fuzz/fuzz_yaml tests/fuzz/fuzz_expr tests/fuzz/fuzz_canonical
tests_fuzz_fuzz_yaml_SOURCES = tests/fuzz/fuzz_yaml.c $(FUZZ_MAIN)
tests_fuzz_fuzz_yaml_LDADD = $(MODEL_LIBS)
tests_fuzz_fuzz_yaml_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_expr_SOURCES = tests/fuzz/fuzz_expr.c $(FUZZ_MAIN)
tests_fuzz_fuzz_expr_LDADD = $(MODEL_LIBS)
tests_fuzz_fuzz_expr_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_canonical_SOURCES = tests/fuzz/fuzz_canonical.c $(FUZZ_MAIN)
tests_fuzz_fuzz_canonical_LDADD = $(MODEL_LIBS)
tests_fuzz_fuzz_canonical_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
EXTRA_DIST += tests/fuzz/corpus/yaml tests/fuzz/corpus/expr tests/fuzz/corpus/canonical \
	tests/fuzz/regression/canonical
FUZZ_SECONDS = 60
EXTRA_DIST += tests/fuzz/replay.c
if FUZZING
FUZZ_MAIN =
noinst_PROGRAMS += $(FUZZ_TARGETS)
else
FUZZ_MAIN = tests/fuzz/replay.c
check_PROGRAMS += $(FUZZ_TARGETS)
EXTRA_TESTS += $(FUZZ_TARGETS)
endif

.PHONY: fuzz
fuzz: $(FUZZ_TARGETS)
	@for target in $(FUZZ_TARGETS); do \
	    name=$${target##*/fuzz_}; mkdir -p fuzz/$$name; \
	    echo "fuzz: $$name for $(FUZZ_SECONDS) s"; \
	    ./$$target -max_total_time=$(FUZZ_SECONDS) -print_final_stats=0 -verbosity=0 \
	        -timeout=10 -rss_limit_mb=1024 -artifact_prefix=fuzz/$$name- fuzz/$$name \
	        `test -d $(srcdir)/tests/fuzz/corpus/$$name && echo $(srcdir)/tests/fuzz/corpus/$$name` \
	        || exit 1; \
	done
