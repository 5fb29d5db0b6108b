# SPDX-License-Identifier: MIT
# Units for systemd, with the installed paths filled in.
systemdunitdir = $(systemdsystemunitdir)
nodist_systemdunit_DATA = contrib/systemd/reeved.service contrib/systemd/reeve-agent@.service
CLEANFILES += $(nodist_systemdunit_DATA)
EXTRA_DIST += contrib/systemd/reeved.service.in contrib/systemd/reeve-agent@.service.in

contrib/systemd/reeved.service: contrib/systemd/reeved.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SED) -e 's|@bindir[@]|$(bindir)|g' \
	    -e 's|@sysconfdir[@]|$(sysconfdir)|g' $(srcdir)/$@.in >$@.tmp && mv $@.tmp $@

contrib/systemd/reeve-agent@.service: contrib/systemd/reeve-agent@.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SED) -e 's|@bindir[@]|$(bindir)|g' \
	    -e 's|@sysconfdir[@]|$(sysconfdir)|g' $(srcdir)/$@.in >$@.tmp && mv $@.tmp $@
EXTRA_DIST += contrib/check contrib/install-deps

# Completion of the shell, where bash-completion looks for a command of this name.
bashcompdir = $(datadir)/bash-completion/completions
EXTRA_DIST += contrib/completion/reeve.bash
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(bashcompdir)'
	$(INSTALL_DATA) $(srcdir)/contrib/completion/reeve.bash '$(DESTDIR)$(bashcompdir)/reeve'
uninstall-local:
	rm -f '$(DESTDIR)$(bashcompdir)/reeve'

# A million tasks: what reeved and Redis take does not grow (a few minutes).
EXTRA_DIST += contrib/soak contrib/soak.pl
check-soak: all
	BUILD='$(abs_top_builddir)' $(srcdir)/contrib/soak
.PHONY: check-soak

# Carrying out how many agents there shall be, elsewhere.
EXTRA_DIST += contrib/scale/kubectl.sh contrib/scale/nomad.sh contrib/scale/ssh.sh \
	contrib/scale/keda.yaml
