# SPDX-License-Identifier: MIT
# Documents, examples, and the tests that run what the documents show.
DOCS = README.md CONTRIBUTING.md LICENSE NEWS.md SECURITY.md doc/protocol.md \
	doc/runbook.md doc/source-tour.md doc/from-001.md \
	doc/decisions/README.md \
	doc/decisions/0001-redis-is-the-truth.md \
	doc/decisions/0002-own-redis-transport.md \
	doc/decisions/0003-failed-xadd-is-undone.md \
	doc/decisions/0004-queued-is-the-stream-entry.md \
	doc/decisions/0005-one-intent-a-run.md \
	doc/decisions/0006-live-and-finished-runs.md \
	doc/decisions/0007-packed-events.md \
	doc/decisions/0008-command-encoding.md \
	doc/decisions/0009-embedded-redis.md \
	doc/decisions/0010-run-ids.md \
	doc/decisions/0011-a-fault-gives-no-workflow.md \
	doc/decisions/0012-command-of-an-agent.md \
	doc/decisions/0013-logs-are-dropped-first.md \
	doc/decisions/0014-the-lease-clock.md \
	doc/decisions/0015-dead-letters.md \
	doc/decisions/0023-the-spool.md \
	doc/decisions/0024-trees-end-with-their-task.md
dist_doc_DATA = README.md LICENSE NEWS.md
EXTRA_DIST += $(DOCS) contrib/quickstart contrib/reeve.yaml
SH_TESTS += tests/integration/docs_readme.sh tests/integration/docs_runbook.sh \
	tests/integration/docs_links.sh \
	tests/integration/quickstart.sh
