# image/: rules about images and tasks; no I/O but bytes given.
noinst_LIBRARIES += libtally_image.a
libtally_image_a_CFLAGS = $(AM_CFLAGS)
libtally_image_a_SOURCES = \
	image/filter_uri.h \
	image/format.c image/format.h \
	image/image.h \
	image/inspect.h \
	image/property_protection.c image/property_protection.h \
	image/task_input.h
IMAGE_LIBS = libtally_image.a

if HAVE_CMOCKA
IMAGE_UNIT_TESTS = \
	tests/unit/test_property_protection
check_PROGRAMS += $(IMAGE_UNIT_TESTS)
TESTS += $(IMAGE_UNIT_TESTS)
tests_unit_test_property_protection_SOURCES = tests/unit/test_property_protection.c tests/unit/unit.h
tests_unit_test_property_protection_LDADD = $(IMAGE_LIBS) $(UNIT_LIBS)
endif
