# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
libbench_a_SOURCES = \
	src/bench/awake.c src/bench/awake.h \
	src/bench/bench.c src/bench/bench.h \
	src/bench/crew.c src/bench/crew.h \
	src/bench/crowd.c src/bench/crowd.h \
	src/bench/figure.c src/bench/figure.h \
	src/bench/floor.c src/bench/floor.h src/bench/floor_tests.c \
	src/bench/fleet.c src/bench/fleet.h \
	src/bench/growth.c src/bench/growth.h \
	src/bench/growth_measure.c src/bench/growth_report.c \
	src/bench/http.c src/bench/http.h \
	src/bench/json.c \
	src/bench/load.c src/bench/load.h \
	src/bench/measure.c src/bench/measure.h \
	src/bench/median.c src/bench/median.h \
	src/bench/meter.c src/bench/meter.h \
	src/bench/place.c src/bench/place.h \
	src/bench/process.c src/bench/process.h \
	src/bench/raw.c src/bench/raw.h \
	src/bench/recovery.c src/bench/recovery.h \
	src/bench/recovery_measure.c \
	src/bench/report.c src/bench/report.h \
	src/bench/resp.c src/bench/resp.h \
	src/bench/setting.c src/bench/setting.h \
	src/bench/shape.c src/bench/shape.h \
	src/bench/side.c src/bench/side.h \
	src/bench/spawn.c src/bench/spawn.h \
	src/bench/spawn_bare.c \
	src/bench/spawn_make.c \
	src/bench/spawn_reeve.c \
	src/bench/spawn_report.c \
	src/bench/steady.c src/bench/steady.h \
	src/bench/steady_report.c \
	src/bench/submit.c src/bench/submit.h \
	src/bench/sweep.c \
	src/bench/usage.c src/bench/usage.h \
	src/bench/wait.c src/bench/wait.h \
	src/bench/worker.c src/bench/worker.h
EXTRA_DIST += doc/performance.md
