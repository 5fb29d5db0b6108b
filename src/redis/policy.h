/* SPDX-License-Identifier: MIT */
/*
 * What an error reply of Redis means, and what is to be done about it: one row each.
 */
#ifndef REEVE_REDIS_POLICY_H
#define REEVE_REDIS_POLICY_H

#include <stddef.h>
#include <stdint.h>

struct redisReply;

enum redis_fault {
	REDIS_FAULT_NONE, /* not an error reply */
	REDIS_FAULT_OOM,
	REDIS_FAULT_MISCONF,
	REDIS_FAULT_LOADING,
	REDIS_FAULT_BUSY,
	REDIS_FAULT_READONLY,
	REDIS_FAULT_UNBLOCKED, /* the server's role changed under a blocked read */
	REDIS_FAULT_MASTERDOWN,
	REDIS_FAULT_NOREPLICAS,
	REDIS_FAULT_NOGROUP, /* also -UNBLOCKED because the stream's key vanished */
	REDIS_FAULT_BUSYGROUP,
	REDIS_FAULT_NOSCRIPT,
	REDIS_FAULT_MOVED,
	REDIS_FAULT_ASK,
	REDIS_FAULT_TRYAGAIN,
	REDIS_FAULT_CLUSTERDOWN,
	REDIS_FAULT_CROSSSLOT,
	REDIS_FAULT_WRONGTYPE,
	REDIS_FAULT_NOAUTH,
	REDIS_FAULT_WRONGPASS,
	REDIS_FAULT_NOPERM,
	REDIS_FAULT_DENIED, /* protected mode */
	REDIS_FAULT_MAXCLIENTS,
	REDIS_FAULT_OTHER,
	REDIS_FAULT_COUNT
};

enum redis_action {
	REDIS_ACT_NONE,       /* no fault, or success in disguise (BUSYGROUP) */
	REDIS_ACT_RETRY,      /* same connection, same command, after the delay */
	REDIS_ACT_ALARM,      /* as RETRY, and tell people: it may not pass by itself */
	REDIS_ACT_RECONNECT,  /* not a master (any more): drop the connection, look again */
	REDIS_ACT_CONFIGURE,  /* people must act; try again seldom */
	REDIS_ACT_RECREATE,   /* state vanished: make the group anew, check `meta` */
	REDIS_ACT_EVAL,       /* send the script's text once */
	REDIS_ACT_REDIRECT,   /* Cluster: another node serves this slot */
	REDIS_ACT_STOP,       /* a fault of ours or a foreign key: stop this partition */
	REDIS_ACT_FAIL        /* this command failed; nothing general follows */
};

struct redis_policy {
	enum redis_fault fault;
	const char *word; /* first word of the reply */
	enum redis_action action;
	int64_t retry_min_ms; /* full jitter between try and try: from .. to; 0: none */
	int64_t retry_max_ms;
	int ready;            /* 0: /ready says no while it lasts */
	const char *sentence; /* for people: what it means and what to do */
};

/* text is an error reply without its '-'; it need not end in a NUL. */
enum redis_fault redis_fault_classify(const char *text, size_t len);
enum redis_fault redis_fault_of(const struct redisReply *reply); /* NULL: NONE */
const struct redis_policy *redis_policy(enum redis_fault fault); /* never NULL */

#endif
