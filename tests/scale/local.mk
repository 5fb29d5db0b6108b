# SPDX-License-Identifier: MIT
# The scaler against simulated load, in virtual time.  'make scale-report' writes the table
# and the plots of doc/scaling/.
SCALE_SOURCES = tests/scale/fleet.c tests/scale/fleet.h tests/scale/play.c tests/scale/play.h \
	tests/scale/scenario.c tests/scale/scenario.h
SCALE_REPORT = tests/scale/report.c tests/scale/report.h tests/scale/svg.c tests/scale/svg.h
SCALE_NAMES = step ramp spike diurnal nights batch long-tasks short-tasks harder deaths \
	slow-start
SH_TESTS += tests/integration/scale_outlook.sh
EXTRA_DIST += tests/scale/scenarios doc/scaling.md doc/scaling

check_PROGRAMS += tests/scale/scale
tests_scale_scale_SOURCES = $(SCALE_SOURCES) $(SCALE_REPORT) tests/scale/scale.c
tests_scale_scale_LDADD = $(ENGINE_LIBS)

C_TESTS += tests/scale/test_scale
tests_scale_test_scale_SOURCES = $(SCALE_SOURCES) $(SCALE_REPORT) tests/scale/test_scale.c
tests_scale_test_scale_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

.PHONY: scale-report
scale-report: tests/scale/scale
	@tests/scale/scale --out $(srcdir)/doc/scaling \
	    `for name in $(SCALE_NAMES); do echo $(srcdir)/tests/scale/scenarios/$$name.yaml; done`

# Real agents under real load; some minutes.
check_PROGRAMS += tests/scale/plot
tests_scale_plot_SOURCES = tests/scale/plot.c tests/scale/svg.c tests/scale/svg.h
tests_scale_plot_LDADD = $(ENGINE_LIBS)
.PHONY: check-scaling
check-scaling: all tests/scale/plot
	srcdir='$(srcdir)' top_builddir='$(abs_top_builddir)' LOW_S=40 HIGH_S=80 REST_S=60 \
	    COOLDOWN=20s TARGET_WAIT=5s OUT='$(abs_builddir)' \
	    sh '$(srcdir)/tests/integration/scale_load.sh'
	tests/scale/plot 'Real agents: a load 20 times as high, reeved killed in its middle' \
	    <load.csv >load.svg
