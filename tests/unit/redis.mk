# SPDX-License-Identifier: MIT
# Two lines a test; its source is tests/unit/test_NAME.c by default.
C_TESTS += tests/unit/test_redis_conn
tests_unit_test_redis_conn_SOURCES = tests/unit/test_redis_conn.c tests/unit/redis_server.c tests/unit/redis_server.h
tests_unit_test_redis_conn_LDADD = $(REDIS_LIBS) $(CMOCKA_LIBS)
C_TESTS += tests/unit/test_redis_hostile
tests_unit_test_redis_hostile_LDADD = $(REDIS_LIBS) $(CMOCKA_LIBS)
C_TESTS += tests/unit/test_redis_url
tests_unit_test_redis_url_LDADD = $(REDIS_LIBS) $(CMOCKA_LIBS)
C_TESTS += tests/unit/test_redis_policy
tests_unit_test_redis_policy_LDADD = $(REDIS_LIBS) $(CMOCKA_LIBS)
C_TESTS += tests/unit/test_redis_reader
tests_unit_test_redis_reader_LDADD = $(REDIS_LIBS) $(CMOCKA_LIBS)
C_TESTS += tests/unit/test_redis_reply
tests_unit_test_redis_reply_LDADD = $(REDIS_LIBS) $(CMOCKA_LIBS)
