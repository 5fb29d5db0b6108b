# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
libwire_a_SOURCES = src/wire/entry.c src/wire/entry.h src/wire/keys.c src/wire/keys.h \
	src/wire/lua_scripts.h src/wire/pack.c src/wire/pack.h

# The scripts that Redis runs, embedded at build.  One list.
LUA = \
	src/wire/lua/ask.lua \
	src/wire/lua/askfull.lua \
	src/wire/lua/beat.lua \
	src/wire/lua/commit.lua \
	src/wire/lua/define.lua \
	src/wire/lua/ended.lua \
	src/wire/lua/fence.lua \
	src/wire/lua/forget.lua \
	src/wire/lua/leavers.lua \
	src/wire/lua/letters.lua \
	src/wire/lua/log.lua \
	src/wire/lua/ownbeat.lua \
	src/wire/lua/inspect.lua \
	src/wire/lua/peek.lua \
	src/wire/lua/peekown.lua \
	src/wire/lua/move.lua src/wire/lua/logged.lua src/wire/lua/pulse.lua \
	src/wire/lua/raise.lua \
	src/wire/lua/publish.lua \
	src/wire/lua/reap.lua \
	src/wire/lua/regroup.lua \
	src/wire/lua/release.lua \
	src/wire/lua/report.lua \
	src/wire/lua/reports.lua \
	src/wire/lua/share.lua \
	src/wire/lua/signoff.lua \
	src/wire/lua/signon.lua \
	src/wire/lua/tally.lua \
	src/wire/lua/unletter.lua \
	src/wire/lua/unlog.lua \
	src/wire/lua/weigh.lua \
	src/wire/lua/withdraw.lua
nodist_libwire_a_SOURCES = src/wire/lua_scripts.c
src/wire/lua_scripts.c: $(LUA) scripts/embed-lua.sh
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	    $(srcdir)/scripts/embed-lua.sh $(LUA:%=$(srcdir)/%) >$@.tmp && mv $@.tmp $@
CLEANFILES += src/wire/lua_scripts.c
EXTRA_DIST += $(LUA)
