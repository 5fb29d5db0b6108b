# SPDX-License-Identifier: MIT
# The daemon behind the server is a stand-in here (fake_facade.c).
C_TESTS += tests/unit/test_http_server tests/unit/test_http_uri
HTTP_TEST_LIBS = libhttp.a $(LOOP_LIBS) $(MHD_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_http_server_SOURCES = tests/unit/test_http_server.c \
	tests/unit/http_world.c tests/unit/http_world.h \
	tests/unit/fake_facade.c tests/unit/fake_facade.h
tests_unit_test_http_server_LDADD = $(HTTP_TEST_LIBS)
tests_unit_test_http_uri_SOURCES = tests/unit/test_http_uri.c \
	tests/unit/fake_facade.c tests/unit/fake_facade.h
tests_unit_test_http_uri_LDADD = $(HTTP_TEST_LIBS)

C_TESTS += tests/unit/test_http_letters
tests_unit_test_http_letters_SOURCES = tests/unit/test_http_letters.c \
	tests/unit/http_world.c tests/unit/http_world.h \
	tests/unit/fake_facade.c tests/unit/fake_facade.h
tests_unit_test_http_letters_LDADD = $(HTTP_TEST_LIBS)

C_TESTS += tests/unit/test_http_readers
tests_unit_test_http_readers_SOURCES = tests/unit/test_http_readers.c \
	tests/unit/http_world.c tests/unit/http_world.h \
	tests/unit/fake_facade.c tests/unit/fake_facade.h
tests_unit_test_http_readers_LDADD = $(HTTP_TEST_LIBS)

C_TESTS += tests/unit/test_http_turns
tests_unit_test_http_turns_SOURCES = tests/unit/test_http_turns.c \
	tests/unit/http_world.c tests/unit/http_world.h \
	tests/unit/fake_facade.c tests/unit/fake_facade.h
tests_unit_test_http_turns_LDADD = $(HTTP_TEST_LIBS)
