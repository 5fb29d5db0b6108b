/* SPDX-License-Identifier: MIT */
/* Calling Lua scripts: EVALSHA with one EVAL as fall-back. */
#include "redis/script.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "redis/policy.h"

#define HEAD 3 /* EVALSHA, sha, number of keys */

struct script_call {
	struct redis_script *script;
	struct redis_port *port;
	int64_t timeout_ms;
	redis_reply_fn *fn;
	void *arg;
	char nkeys[STR_U64_SIZE + 1];
	int argc;
	const char **argv; /* in the same block */
	size_t *lens;
};

int
redis_script_init(struct redis_script *script, const char *name, const char *body,
    size_t body_len, struct err *err)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(body, body_len, digest, &len, EVP_sha1(), NULL) != 1 || len != 20)
		return err_set(err, ERR_FAILED, "script '%s': OpenSSL offers no SHA-1 here",
		    name);
	*script = (struct redis_script){ .name = name, .body = body, .body_len = body_len };
	for (unsigned i = 0; i < len; i++)
		(void)snprintf(script->sha + (size_t)2 * i, 3, "%02x", digest[i]);
	return 0;
}

static void
on_loaded(void *arg, const struct redisReply *reply, const struct err *err)
{
	(void)arg;
	(void)reply;
	(void)err; /* the first call tells */
}

void
redis_script_load(const struct redis_script *script, struct redis_port *port, int64_t timeout_ms)
{
	const char *const argv[] = { "SCRIPT", "LOAD", script->body };

	(void)redis_port_send(port, 3, argv, (const size_t[]){ 6, 4, script->body_len },
	    timeout_ms, on_loaded, NULL);
}

static struct script_call *
call_new(int nkeys, int argc, const char *const *argv, const size_t *lens)
{
	size_t count = (size_t)argc + HEAD;
	size_t each = sizeof(const char *) + sizeof(size_t);
	size_t bytes = 0;
	struct script_call *call;
	char *at;

	for (int i = 0; i < argc; i++)
		bytes += lens ? lens[i] : strlen(argv[i]);
	call = xmalloc(sizeof *call + count * each + bytes);

	call->argc = argc + HEAD;
	call->lens = (size_t *)(void *)(call + 1);
	call->argv = (const char **)(void *)(call->lens + count);
	*str_put_u64(call->nkeys, (uint64_t)nkeys) = '\0';
	call->argv[2] = call->nkeys;
	call->lens[2] = strlen(call->nkeys);
	at = (char *)(call->argv + count);
	for (int i = 0; i < argc; i++) {
		size_t len = lens ? lens[i] : strlen(argv[i]);

		if (len > 0)
			memcpy(at, argv[i], len);
		call->argv[HEAD + i] = at;
		call->lens[HEAD + i] = len;
		at += len;
	}
	return call;
}

static int
call_send(struct script_call *call, const char *verb, const char *what, size_t what_len,
    redis_reply_fn *fn)
{
	call->argv[0] = verb;
	call->lens[0] = strlen(verb);
	call->argv[1] = what;
	call->lens[1] = what_len;
	return redis_port_send(call->port, call->argc, call->argv, call->lens,
	    call->timeout_ms, fn, call);
}

static void
call_done(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct script_call *call = arg;
	redis_reply_fn *fn = call->fn;
	void *fn_arg = call->arg;

	free(call);
	if (fn)
		fn(fn_arg, reply, err);
}

static void
on_evalsha(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct script_call *call = arg;
	const struct redis_script *script = call->script;
	struct err refused;

	if (redis_fault_of(reply) != REDIS_FAULT_NOSCRIPT) {
		call_done(call, reply, err);
		return;
	}
	call->script->evals++;
	if (call_send(call, "EVAL", script->body, script->body_len, call_done) == 0)
		return;
	err_set(&refused, ERR_UNAVAILABLE,
	    "redis forgot script '%s' and the connection takes no more commands",
	    script->name);
	call_done(call, NULL, &refused);
}

int
redis_script_call(struct redis_script *script, struct redis_port *port, int nkeys, int argc,
    const char *const *argv, const size_t *lens, int64_t timeout_ms, redis_reply_fn *fn,
    void *arg)
{
	struct script_call *call = call_new(nkeys, argc, argv, lens);
	int code;

	call->script = script;
	call->port = port;
	call->timeout_ms = timeout_ms;
	call->fn = fn;
	call->arg = arg;
	code = call_send(call, "EVALSHA", script->sha, SCRIPT_SHA_SIZE - 1, on_evalsha);
	if (code)
		free(call);
	else
		script->calls++;
	return code;
}
