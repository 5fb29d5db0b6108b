/* SPDX-License-Identifier: MIT */
/*
 * Which state Redis held when this daemon last looked, in a file of the state folder:
 * so that a state that was lost while no daemon ran is noticed too.
 *
 *   known-PARTITION   NONCE BEAT WHERE      where: the address of Redis, and the prefix
 *
 * Another address or prefix is another state, not a lost one.  Errors of the system are
 * told in the log and go no further.
 */
#ifndef REEVE_ORCHESTRATOR_KNOWN_H
#define REEVE_ORCHESTRATOR_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#define KNOWN_NONCE_SIZE 40

struct known {
	char nonce[KNOWN_NONCE_SIZE];
	uint64_t beat;
};

/* false: nothing is known of it. */
bool known_read(int dir_fd, unsigned partition, const char *where, struct known *ret_known);
void known_write(int dir_fd, unsigned partition, const char *where, const struct known *known);

#endif
