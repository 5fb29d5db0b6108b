# SPDX-License-Identifier: MIT
# Manual pages (mdoc).
dist_man_MANS += man/reeve.1 man/reeve-agent.1
dist_man_MANS += man/reeved.8 man/reeve.yaml.5 man/reeve-workflow.5
