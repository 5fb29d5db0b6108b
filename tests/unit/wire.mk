# SPDX-License-Identifier: MIT
# Two lines a test; its source is tests/unit/test_NAME.c by default.
C_TESTS += tests/unit/test_wire_keys tests/unit/test_wire_entry tests/unit/test_wire_pack
tests_unit_test_wire_keys_LDADD = $(WIRE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_wire_entry_LDADD = $(WIRE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_wire_pack_SOURCES = tests/unit/test_wire_pack.c tests/sim/unpack.c \
	tests/sim/unpack.h
tests_unit_test_wire_pack_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/sim
tests_unit_test_wire_pack_LDADD = $(WIRE_LIBS) $(CMOCKA_LIBS)
