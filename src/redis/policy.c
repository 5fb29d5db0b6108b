/* SPDX-License-Identifier: MIT */
/* The classifier of error replies and the table of what to do about each. */
#include "redis/policy.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

/* clang-format off */
static const struct redis_policy policies[REDIS_FAULT_COUNT] = {
#define ROW(fault, word, action, from, to, ready, sentence)                            \
	[REDIS_FAULT_##fault] = { REDIS_FAULT_##fault, (word), REDIS_ACT_##action,     \
	    (from), (to), (ready), (sentence) }
	ROW(NONE, "", NONE, 0, 0, 1, "no fault"),
	ROW(OOM, "OOM", RETRY, 1000, 1000, 0,
	    "Redis is out of memory: nothing new starts; raise maxmemory or free keys"),
	ROW(MISCONF, "MISCONF", RETRY, 200, 2000, 0,
	    "Redis cannot write its AOF or RDB file and refuses writes: check its disk and log"),
	ROW(LOADING, "LOADING", RETRY, 100, 1000, 0,
	    "Redis is loading its data after a start: waiting"),
	ROW(BUSY, "BUSY", ALARM, 100, 1000, 0,
	    "Redis is held up by a long script of some client: SCRIPT KILL or FUNCTION KILL "
	    "ends one that has not written yet"),
	ROW(READONLY, "READONLY", RECONNECT, 50, 2000, 0,
	    "this Redis is a replica: give the address of the master"),
	ROW(UNBLOCKED, "UNBLOCKED", RECONNECT, 50, 2000, 0,
	    "this Redis stopped being the master: looking for the master again"),
	ROW(MASTERDOWN, "MASTERDOWN", RECONNECT, 50, 2000, 0,
	    "this Redis is a replica whose master is away: give the address of the master"),
	ROW(NOREPLICAS, "NOREPLICAS", RETRY, 200, 2000, 0,
	    "Redis has fewer replicas than min-replicas-to-write asks for and refuses writes: "
	    "start the replicas or lower the setting"),
	ROW(NOGROUP, "NOGROUP", RECREATE, 0, 0, 1,
	    "a stream or its consumer group is gone: it is made again; find out who deleted it"),
	ROW(BUSYGROUP, "BUSYGROUP", NONE, 0, 0, 1, "the consumer group exists already"),
	ROW(NOSCRIPT, "NOSCRIPT", EVAL, 0, 0, 1, "Redis forgot a script: its text is sent again"),
	ROW(MOVED, "MOVED", REDIRECT, 0, 0, 0,
	    "this Redis is part of a Cluster: not supported yet; use a single Redis"),
	ROW(ASK, "ASK", REDIRECT, 0, 0, 0,
	    "this Redis is part of a Cluster: not supported yet; use a single Redis"),
	ROW(TRYAGAIN, "TRYAGAIN", RETRY, 50, 50, 1, "Redis Cluster is moving a slot: trying again"),
	ROW(CLUSTERDOWN, "CLUSTERDOWN", RETRY, 100, 1000, 0,
	    "Redis Cluster is down or forming: waiting; see CLUSTER INFO"),
	ROW(CROSSSLOT, "CROSSSLOT", STOP, 0, 0, 0,
	    "a command touched keys of several Cluster slots: this is a bug; please report it"),
	ROW(WRONGTYPE, "WRONGTYPE", STOP, 0, 0, 0,
	    "a key of ours has a foreign type: some other program uses our prefix; give each "
	    "its own prefix or database"),
	ROW(NOAUTH, "NOAUTH", CONFIGURE, 30000, 30000, 0,
	    "Redis asks for a password: put it into the URL, redis://user:password@host"),
	ROW(WRONGPASS, "WRONGPASS", CONFIGURE, 30000, 30000, 0,
	    "Redis refuses this user and password: correct the URL, or the ACL of the user"),
	ROW(NOPERM, "NOPERM", CONFIGURE, 30000, 30000, 0,
	    "the Redis user lacks a right: ACL SETUSER must allow the command and the keys"),
	ROW(DENIED, "DENIED", CONFIGURE, 30000, 30000, 0,
	    "Redis runs in protected mode: set a password or bind it to this host"),
	ROW(MAXCLIENTS, "ERR max number of clients", RECONNECT, 50, 2000, 0,
	    "Redis has no connection left for us: raise maxclients or close other clients"),
	ROW(OTHER, "", FAIL, 0, 0, 1, "Redis refused a command"),
#undef ROW
};
/* clang-format on */

/* Texts that hide their meaning behind a general first word. */
static const struct {
	const char *text;
	enum redis_fault fault;
} phrases[] = {
	{ "UNBLOCKED the stream key no longer exists", REDIS_FAULT_NOGROUP },
	{ "ERR The user executing the script can't", REDIS_FAULT_NOPERM },
	{ "ERR invalid password", REDIS_FAULT_WRONGPASS },
};

static const char abort_prefix[] = "EXECABORT Transaction discarded because of: ";

static bool
begins(const char *text, size_t len, const char *prefix)
{
	size_t prefix_len = strlen(prefix);

	return len >= prefix_len && memcmp(text, prefix, prefix_len) == 0;
}

/* BUSY must not swallow BUSYGROUP: after the word comes a blank or the end. */
static bool
has_word(const char *text, size_t len, const char *word)
{
	size_t word_len = strlen(word);

	return word_len > 0 && begins(text, len, word) &&
	    (len == word_len || text[word_len] == ' ' || text[word_len] == '\r');
}

enum redis_fault
redis_fault_classify(const char *text, size_t len)
{
	if (begins(text, len, abort_prefix)) {
		text += sizeof abort_prefix - 1;
		len -= sizeof abort_prefix - 1;
	}
	for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
		if (begins(text, len, phrases[i].text))
			return phrases[i].fault;
	for (size_t i = 0; i < ARRAY_LEN(policies); i++)
		if (has_word(text, len, policies[i].word))
			return policies[i].fault;
	return REDIS_FAULT_OTHER;
}

enum redis_fault
redis_fault_of(const struct redisReply *reply)
{
	if (!reply || reply->type != REDIS_REPLY_ERROR)
		return REDIS_FAULT_NONE;
	return redis_fault_classify(reply->str, reply->len);
}

const struct redis_policy *
redis_policy(enum redis_fault fault)
{
	return &policies[(unsigned)fault < REDIS_FAULT_COUNT ? fault : REDIS_FAULT_OTHER];
}
