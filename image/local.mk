# image/: rules about images and tasks; no I/O but bytes given.
noinst_LIBRARIES += libtally_image.a
libtally_image_a_CFLAGS = $(AM_CFLAGS)
libtally_image_a_SOURCES = \
	image/filter_uri.h \
	image/format.c image/format.h \
	image/image.h \
	image/inspect.h \
	image/property_protection.h \
	image/task_input.h
IMAGE_LIBS = libtally_image.a
