# ui/: the web page, static files that npm makes from the sources; see ui/README.md.
EXTRA_DIST += ui/make-page ui/README.md ui/.npmrc ui/package.json ui/package-lock.json ui/tsconfig.json \
	ui/vite.config.js ui/check-size.mjs ui/index.html ui/src

pagedir = $(pkgdatadir)/ui

if BUILD_PAGE
# Always run: make-page itself knows whether anything has changed.
all-local: web-page
web-page:
	$(AM_V_GEN)$(srcdir)/ui/make-page $(srcdir)/ui ui

install-data-local: web-page
	$(MKDIR_P) $(DESTDIR)$(pagedir)/assets
	$(INSTALL_DATA) ui/dist/assets/* $(DESTDIR)$(pagedir)/assets
	$(INSTALL_DATA) ui/dist/index.html $(DESTDIR)$(pagedir)

uninstall-local:
	rm -rf $(DESTDIR)$(pagedir)
endif

clean-local:
	rm -rf ui/npm ui/npm.log ui/dist ui/dist.new ui/dist.old
