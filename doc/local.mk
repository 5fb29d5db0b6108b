# SPDX-License-Identifier: MIT
# Documents, examples, and the tests that run what the documents show.
DOCS = README.md CONTRIBUTING.md LICENSE NEWS.md SECURITY.md doc/protocol.md \
	doc/runbook.md doc/scaling-agents.md doc/source-tour.md doc/from-001.md \
	doc/reliability.md
dist_doc_DATA = README.md LICENSE NEWS.md
EXTRA_DIST += $(DOCS) doc/decisions contrib/quickstart contrib/reeve.yaml
SH_TESTS += tests/integration/docs_readme.sh tests/integration/docs_runbook.sh \
	tests/integration/docs_links.sh \
	tests/integration/quickstart.sh
