# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
libredis_a_SOURCES = \
	src/redis/conn.c src/redis/conn.h src/redis/conn_private.h \
	src/redis/connect.c \
	src/redis/greeting.c \
	src/redis/health.c src/redis/health.h \
	src/redis/pending.c src/redis/pending.h \
	src/redis/policy.c src/redis/policy.h \
	src/redis/port.h \
	src/redis/reader.c src/redis/reader.h \
	src/redis/reply.c src/redis/reply.h \
	src/redis/resp.c src/redis/resp.h \
	src/redis/script.c src/redis/script.h \
	src/redis/stream.c \
	src/redis/transport.c src/redis/transport.h \
	src/redis/url.c src/redis/url.h
