# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
libloop_a_SOURCES = \
	src/loop/child.c src/loop/child.h \
	src/loop/gate.c src/loop/gate.h \
	src/loop/loop.c src/loop/loop.h src/loop/loop_private.h \
	src/loop/resolve.c src/loop/resolve.h \
	src/loop/signals.c \
	src/loop/spawn.c src/loop/spawn.h \
	src/loop/timer.c \
	src/loop/watch.c src/loop/watch.h
