# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
libstore_a_SOURCES = \
	src/store/adds.c \
	src/store/args.c src/store/args.h \
	src/store/commit.c src/store/commit.h src/store/commit_private.h \
	src/store/encode.c src/store/encode_private.h \
	src/store/events.c src/store/events.h \
	src/store/letter.c src/store/letter.h src/store/letters.c \
	src/store/letter_report.c src/store/letter_report.h \
	src/store/fold.c \
	src/store/ledger.c src/store/ledger.h \
	src/store/load.c src/store/load.h src/store/load_private.h \
	src/store/load_streams.c \
	src/store/load_runs.c src/store/places.c src/store/places.h \
	src/store/load_tasks.c \
	src/store/record.c src/store/record.h \
	src/store/runs.c \
	src/store/sections.c
