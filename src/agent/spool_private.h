/* SPDX-License-Identifier: MIT */
/* What the files of the spool share.  Nobody else includes this. */
#ifndef REEVE_AGENT_SPOOL_PRIVATE_H
#define REEVE_AGENT_SPOOL_PRIVATE_H

#include "agent/spool.h"

#define SPOOL_NAME_SIZE (TOKEN_SIZE + 16)

struct spool_log {
	struct spool *spool;
	struct spool_log *next;
	char token[TOKEN_SIZE];
	struct spool_texts head;
	int fd; /* -1: no file */
	bool dirty;
	off_t size, read, took;
	size_t lost;
};

struct spool {
	char *path;
	int dir, lock; /* -1: not opened yet */
	size_t bytes, limit;
	struct spool_log *logs;
	bool failing, held_told;
};

/* The folder is ours; make: also if there was none. */
bool spool_open(struct spool *spool, bool make);
/* Told once, until it works again; error: an errno. */
void spool_fails(struct spool *spool, const char *what, int error);
void spool_works(struct spool *spool);
void spool_name(char name[SPOOL_NAME_SIZE], const char *token, const char *kind);
void spool_remove(struct spool *spool, const char *name); /* and its weight */
void spool_close_fd(int *fd);

void spool_log_sync(struct spool_log *log); /* NULL is allowed */

#endif
