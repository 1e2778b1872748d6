# image/: rules about images and tasks; no I/O but bytes given.
noinst_LIBRARIES += libtally_image.a
libtally_image_a_CFLAGS = $(AM_CFLAGS) $(MAGIC_CFLAGS)
libtally_image_a_SOURCES = \
	image/filter_uri.c image/filter_uri.h \
	image/format.c image/format.h \
	image/image.c image/image.h \
	image/image_fields.c image/image_fields.h \
	image/image_json.c \
	image/image_patch.c image/image_patch.h \
	image/image_schema.c image/image_schema.h \
	image/inspect.c image/inspect.h \
	image/inspect_family.h \
	image/inspect_foreign.c \
	image/inspect_gpt.c \
	image/inspect_iso.c \
	image/inspect_luks.c \
	image/inspect_ploop.c \
	image/inspect_qcow2.c \
	image/inspect_qed.c \
	image/inspect_vdi.c \
	image/inspect_vhd.c \
	image/inspect_vhdx.c \
	image/inspect_vmdk.c \
	image/networks.c image/networks.h \
	image/property_protection.c image/property_protection.h \
	image/task_input.c image/task_input.h \
	image/task_secret.c image/task_secret.h
IMAGE_LIBS = libtally_image.a $(MAGIC_LIBS) -lpthread

if HAVE_CMOCKA
IMAGE_UNIT_TESTS = \
	tests/unit/test_filter_uri \
	tests/unit/test_image \
	tests/unit/test_image_patch \
	tests/unit/test_property_protection \
	tests/unit/test_task_input \
	tests/unit/test_task_secret
check_PROGRAMS += $(IMAGE_UNIT_TESTS)
TESTS += $(IMAGE_UNIT_TESTS)
tests_unit_test_filter_uri_SOURCES = tests/unit/test_filter_uri.c tests/unit/unit.h
tests_unit_test_filter_uri_LDADD = $(IMAGE_LIBS) $(UNIT_LIBS)
tests_unit_test_image_SOURCES = tests/unit/test_image.c tests/unit/arena.h tests/unit/unit.h
tests_unit_test_image_LDADD = $(IMAGE_LIBS) $(UNIT_LIBS)
tests_unit_test_image_patch_SOURCES = tests/unit/test_image_patch.c tests/unit/arena.h tests/unit/unit.h
tests_unit_test_image_patch_LDADD = $(IMAGE_LIBS) $(UNIT_LIBS)
tests_unit_test_property_protection_SOURCES = tests/unit/test_property_protection.c tests/unit/unit.h
tests_unit_test_property_protection_LDADD = $(IMAGE_LIBS) $(UNIT_LIBS)
tests_unit_test_task_input_SOURCES = tests/unit/test_task_input.c tests/unit/unit.h
tests_unit_test_task_input_LDADD = $(IMAGE_LIBS) $(UNIT_LIBS)
tests_unit_test_task_secret_SOURCES = tests/unit/test_task_secret.c tests/unit/arena.h tests/unit/unit.h
tests_unit_test_task_secret_LDADD = $(IMAGE_LIBS) $(UNIT_LIBS)
endif

EXTRA_DIST += docs/image-formats.md

# What tests/functional/test_740_inspect.py runs over the images of tests/data/images/make-images.
noinst_PROGRAMS += tests/unit/inspect_probe
tests_unit_inspect_probe_SOURCES = tests/unit/inspect_probe.c
tests_unit_inspect_probe_LDADD = $(IMAGE_LIBS) $(BASE_LIBS)

IMAGE_FUZZ = tests/fuzz/fuzz_image tests/fuzz/fuzz_inspect
check_PROGRAMS += $(IMAGE_FUZZ)
tests_fuzz_fuzz_image_SOURCES = tests/fuzz/fuzz_image.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_image_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_image_LDADD = $(IMAGE_LIBS) $(BASE_LIBS)
tests_fuzz_fuzz_inspect_SOURCES = tests/fuzz/fuzz_inspect.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_inspect_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_inspect_LDADD = $(IMAGE_LIBS) $(BASE_LIBS)
if !FUZZ
TESTS += $(IMAGE_FUZZ)
endif
