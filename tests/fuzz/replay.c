/* SPDX-License-Identifier: MIT */
/* A main for fuzz targets without libFuzzer: feeds them their kept inputs, as TAP. */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
replay_bytes(const uint8_t *bytes, size_t size)
{
	/* A copy of the exact size: the sanitizer sees a read past its end. */
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	if (size > 0)
		memcpy(copy, bytes, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void
replay_file(const char *path)
{
	static uint8_t bytes[16 << 20];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		perror(path);
		exit(1);
	}
	size = fread(bytes, 1, sizeof bytes, file);
	fclose(file);
	replay_bytes(bytes, size);
}

/* Each file of the folder is one case; a missing folder is none. */
static void
replay_folder(const char *path, int *count)
{
	char name[PATH_MAX + NAME_MAX + 2];
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		replay_file(name);
		printf("ok %d - %s\n", ++*count, entry->d_name);
		fflush(stdout);
	}
	closedir(dir);
}

int
main(int argc, char **argv)
{
	static const char *const kinds[] = { "corpus", "regression" };
	const char *top = getenv("srcdir"), *name = strrchr(argv[0], '/');
	char path[PATH_MAX];
	int i, count = 0;

	if (argc > 1) {
		for (i = 1; i < argc; i++)
			replay_file(argv[i]);
		return 0;
	}
	name = name ? name + 1 : argv[0];
	name = strncmp(name, "fuzz_", 5) == 0 ? name + 5 : name;
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/tests/fuzz/%s/%s", top ? top : ".", kinds[i], name);
		replay_folder(path, &count);
	}
	replay_bytes((const uint8_t *)"", 0);
	printf("ok %d - empty input\n1..%d\n", count + 1, count + 1);
	return 0;
}
