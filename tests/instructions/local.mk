# SPDX-License-Identifier: MIT
# Instructions a task, counted by callgrind; also alone: make check-instructions.
SH_TESTS += tests/instructions/instructions.sh
EXTRA_DIST += tests/instructions/ceilings
check_PROGRAMS += tests/instructions/instructions
tests_instructions_instructions_SOURCES = tests/instructions/instructions.c \
	tests/instructions/measured.c tests/instructions/play.c tests/instructions/play.h
tests_instructions_instructions_LDADD = libbench.a $(STORE_LIBS)

.PHONY: check-instructions
check-instructions: tests/instructions/instructions
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/tests/instructions/instructions.sh
