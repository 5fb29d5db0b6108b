/* SPDX-License-Identifier: MIT */
/* Asks the kernel to keep idle cores awake; it does as long as the file is open. */
#include "bench/awake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define DEVICE "/dev/cpu_dma_latency"

int
awake_begin(int *ret_fd, struct err *err)
{
	const int32_t latency_us = 0;
	int fd = open(DEVICE, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, &latency_us, sizeof latency_us) != sizeof latency_us) {
		err_set(err, ERR_FAILED, "cannot keep idle cores awake: %s: %s", DEVICE,
		    strerror(errno));
		awake_end(fd);
		return err->code;
	}
	*ret_fd = fd;
	return 0;
}

void
awake_end(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}
