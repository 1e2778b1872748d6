# deploy/: from a bare Debian 12 to a running instance, and what a production host installs.
EXTRA_DIST += docs/deployment.md docs/images docs/privacy.md docs/refstack-client.md docs/threat-model.md docs/upgrade.md \
	deploy/packages deploy/install-packages deploy/quickstart \
	deploy/instance deploy/instance-files.sh deploy/instance-services.sh

production_templates = \
	deploy/production/tally-fcgi.socket deploy/production/tally-fcgi@.service \
	deploy/production/tally-worker.service deploy/production/tally-expire.service deploy/production/tally-spawn
EXTRA_DIST += $(production_templates:=.in) deploy/production/tally-expire.timer deploy/production/tally.sysusers \
	deploy/production/tally.tmpfiles deploy/production/tally.logrotate
CLEANFILES += $(production_templates) deploy/production/tally.conf.sample

$(production_templates): %: %.in deploy/local.mk
	$(AM_V_GEN)$(MKDIR_P) deploy/production && \
		sed -e 's|@sbindir''@|$(sbindir)|g' -e 's|@sysconfdir''@|$(sysconfdir)|g' $< >$@.part && mv $@.part $@

deploy/production/tally.conf.sample: base/conf-doc$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) deploy/production && base/conf-doc sample >$@.part && mv $@.part $@

systemunitdir = $(prefix)/lib/systemd/system
systemunit_DATA = deploy/production/tally-fcgi.socket deploy/production/tally-fcgi@.service \
	deploy/production/tally-worker.service deploy/production/tally-expire.service \
	deploy/production/tally-expire.timer
sbin_SCRIPTS = deploy/production/tally-spawn
tallyconfdir = $(sysconfdir)/tally
tallyconf_DATA = deploy/production/tally.conf.sample

# Their names in the tree are not those that they are installed under.
install-data-hook:
	$(MKDIR_P) $(DESTDIR)$(prefix)/lib/sysusers.d $(DESTDIR)$(prefix)/lib/tmpfiles.d \
		$(DESTDIR)$(sysconfdir)/logrotate.d
	$(INSTALL_DATA) $(srcdir)/deploy/production/tally.sysusers $(DESTDIR)$(prefix)/lib/sysusers.d/tally.conf
	$(INSTALL_DATA) $(srcdir)/deploy/production/tally.tmpfiles $(DESTDIR)$(prefix)/lib/tmpfiles.d/tally.conf
	$(INSTALL_DATA) $(srcdir)/deploy/production/tally.logrotate $(DESTDIR)$(sysconfdir)/logrotate.d/tally
uninstall-hook:
	rm -f $(DESTDIR)$(prefix)/lib/sysusers.d/tally.conf $(DESTDIR)$(prefix)/lib/tmpfiles.d/tally.conf \
		$(DESTDIR)$(sysconfdir)/logrotate.d/tally
