# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
libhttp_a_SOURCES = \
	src/http/api.h \
	src/http/api_control.c src/http/api_scale.c src/http/api_fleet.c src/http/api_health.c src/http/api_logs.c \
	src/http/api_checkup.c src/http/api_recover.c src/http/api_runs.c src/http/api_submit.c src/http/api_why.c \
	src/http/conn.c src/http/conn.h \
	src/http/cpu.c src/http/cpu.h \
	src/http/guard.c src/http/guard.h \
	src/http/listen.c src/http/listen.h \
	src/http/request.c src/http/request.h \
	src/http/role.c src/http/role.h \
	src/http/route.c src/http/route.h src/http/routes.c \
	src/http/server.c src/http/server.h \
	src/http/uri.c src/http/uri.h
libhttp_a_SOURCES += src/http/api_storage.c
libhttp_a_SOURCES += src/http/api_letters.c
libhttp_a_SOURCES += src/http/api_stats.c
