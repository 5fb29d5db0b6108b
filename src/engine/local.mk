# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
libengine_a_SOURCES = \
	src/engine/budget.c src/engine/budget.h \
	src/engine/cancel.c \
	src/engine/complete.c \
	src/engine/dispatch.c \
	src/engine/dump.c \
	src/engine/effect.c src/engine/effect.h \
	src/engine/engine.c src/engine/engine.h \
	src/engine/failure.c \
	src/engine/fetch.c \
	src/engine/flow.c src/engine/flow.h \
	src/engine/flow_set.c src/engine/flow_store.c \
	src/engine/fitness.c src/engine/fitness.h src/engine/judge.c \
	src/engine/heap.c src/engine/heap.h \
	src/engine/holt.c src/engine/holt.h \
	src/engine/intent.c src/engine/internal.h \
	src/engine/kept.c \
	src/engine/lag.c src/engine/lag.h \
	src/engine/load.c \
	src/engine/outputs.c \
	src/engine/pause.c \
	src/engine/plan.c src/engine/plan.h \
	src/engine/pool.c src/engine/pool.h \
	src/engine/queue.c src/engine/queue.h \
	src/engine/rate.c src/engine/rate.h \
	src/engine/reopen.c \
	src/engine/render.c \
	src/engine/retry.c src/engine/retry.h \
	src/engine/run.c src/engine/run.h \
	src/engine/scaler.c src/engine/scaler.h \
	src/engine/scaler_learn.c src/engine/scaler_private.h src/engine/scaler_want.c \
	src/engine/settle.c \
	src/engine/shed.c src/engine/shed.h \
	src/engine/staffing.c src/engine/staffing.h \
	src/engine/shares.c src/engine/shares.h \
	src/engine/state.c src/engine/state.h \
	src/engine/task.c src/engine/timeout.c \
	src/engine/unlock.c
