# nginx/: a site template and the snippets that it includes. Installed with the words of a production site filled in;
# deploy/instance fills in its own.
nginxdir = $(pkgdatadir)/nginx
nginx_snippets = nginx/fastcgi.conf nginx/headers.conf nginx/http.conf nginx/identity.conf nginx/keystone.conf \
	nginx/limits.conf nginx/page.conf nginx/tls.conf nginx/upload.conf
dist_nginx_DATA = $(nginx_snippets)
nodist_nginx_DATA = nginx/filled/site nginx/filled/errors.conf
EXTRA_DIST += nginx/site nginx/errors.conf
CLEANFILES += nginx/filled/site nginx/filled/errors.conf

nginx/filled/site nginx/filled/errors.conf: nginx/filled/%: nginx/% nginx/local.mk
	$(AM_V_GEN)$(MKDIR_P) nginx/filled && sed \
		-e 's|@SNIPPETS''@|$(nginxdir)|g' \
		-e 's|@SERVERS''@|server unix:/run/tally/fcgi.sock;|g' \
		-e 's|@LISTEN''@|443|g' \
		-e 's|@SERVER_NAME''@|tally.example.org|g' \
		-e 's|@CERTIFICATE''@|/etc/tally/tls.crt|g' \
		-e 's|@CERTIFICATE_KEY''@|/etc/tally/tls.key|g' \
		-e 's|@ERROR_LOG''@|/var/log/nginx/tally.log|g' \
		-e 's|@RATE''@|200r/s|g' \
		-e 's|@BURST''@|500|g' \
		-e 's|@UPLOAD_RATE''@|20r/s|g' \
		-e 's|@UPLOAD_BURST''@|100|g' \
		-e 's|@UPLOAD_CONNECTIONS''@|32|g' \
		-e 's|@UPLOAD_MAX''@|4g|g' \
		-e 's|@IMAGE_MAX''@|1025g|g' \
		-e 's|@METRICS_ALLOW''@|# allow 192.0.2.0/24;|g' \
		-e 's|@WEB_ROOT''@|$(pkgdatadir)|g' \
		-e 's|@IMAGE_STORE''@|/var/lib/tally/images|g' \
		-e 's|@KEYSTONE_URL''@|http://127.0.0.1:5000|g' \
		-e '/^ *#\(if\|end\) /d' \
		$< >$@.part && mv $@.part $@
