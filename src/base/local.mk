# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
libbase_a_SOURCES = \
	src/base/backoff.c src/base/backoff.h \
	src/base/breaker.c src/base/breaker.h \
	src/base/bucket.c src/base/bucket.h \
	src/base/buf.c src/base/buf.h \
	src/base/clock.c src/base/clock.h \
	src/base/config.c src/base/config.h src/base/config_named.c \
	src/base/config_print.c src/base/config_private.h \
	src/base/err.c src/base/err.h \
	src/base/id.c src/base/id.h \
	src/base/log.c src/base/log.h \
	src/base/mem.c src/base/mem.h \
	src/base/meminfo.c src/base/meminfo.h \
	src/base/metrics.c src/base/metrics.def src/base/metrics.h \
	src/base/rand.c src/base/rand.h \
	src/base/spend.c src/base/spend.h \
	src/base/str.c src/base/str.h
