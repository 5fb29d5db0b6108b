# SPDX-License-Identifier: MIT
# Unit tests (cmocka), one program a module, one fragment a layer.
include tests/unit/base.mk
include tests/unit/model.mk
include tests/unit/engine.mk
include tests/unit/loop.mk
include tests/unit/redis.mk
include tests/unit/wire.mk
include tests/unit/store.mk
include tests/unit/orchestrator.mk
include tests/unit/http.mk
include tests/unit/agent.mk
include tests/unit/cli.mk
include tests/unit/bench.mk
