/* SPDX-License-Identifier: MIT */
/* Redis URLs: parsing with errors that give no secret away, printing without secrets. */
#include "redis/url.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/mem.h"
#include "base/str.h"

#define DEFAULT_PORT 6379

struct scheme {
	const char *prefix;
	int (*parse)(const char *rest, struct redis_url *url, struct err *err);
};

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* NULL: broken encoding, or a NUL in disguise. */
static char *
percent_decode(const char *text, size_t len)
{
	char *out = xmalloc(len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		bool coded = text[i] == '%';
		int high = coded && i + 2 < len ? hex_digit(text[i + 1]) : -1;
		int low = coded && i + 2 < len ? hex_digit(text[i + 2]) : -1;

		if (coded && (high < 0 || low < 0 || high + low == 0)) {
			explicit_bzero(out, n);
			free(out);
			return NULL;
		}
		out[n++] = coded ? (char)(high * 16 + low) : text[i];
		i += coded ? 2 : 0;
	}
	out[n] = '\0';
	return out;
}

static int
decode_into(const char *what, const char *text, size_t len, char **ret_text, struct err *err)
{
	char *decoded = percent_decode(text, len);

	if (!decoded)
		return err_set(err, ERR_INVALID,
		    "redis URL: the %s has a broken %%-code; write '%%' itself as %%25", what);
	*ret_text = decoded;
	return 0;
}

static int
parse_db(const char *text, struct redis_url *url, struct err *err)
{
	int64_t db = 0;

	if (!str_to_i64(text, 0, INT_MAX, &db))
		return err_set(err, ERR_INVALID,
		    "redis URL: the database must be a number from 0; if the password has a "
		    "'/', '@', ':' or '?', percent-encode it");
	url->db = (int)db;
	return 0;
}

/* [[user]:password@]; *text moves behind it.  end bounds the search for the '@'. */
static int
parse_login(const char **text, const char *end, struct redis_url *url, struct err *err)
{
	const char *at = memrchr(*text, '@', (size_t)(end - *text));
	const char *colon;
	int code = 0;

	if (!at)
		return 0;
	colon = memchr(*text, ':', (size_t)(at - *text));
	if (!colon || colon + 1 == at)
		return err_set(err, ERR_INVALID,
		    "redis URL: there is an '@' but no password before it; write "
		    "user:password@ or :password@");
	if (colon > *text)
		code = decode_into("user", *text, (size_t)(colon - *text), &url->user, err);
	if (!code)
		code = decode_into("password", colon + 1, (size_t)(at - colon - 1),
		    &url->password, err);
	*text = at + 1;
	return code;
}

static int
parse_port(const char *text, size_t len, struct redis_url *url, struct err *err)
{
	char *copy = xstrndup(text, len);
	int64_t port = 0;
	bool ok = str_to_i64(copy, 1, 65535, &port);

	free(copy);
	if (!ok)
		return err_set(err, ERR_INVALID,
		    "redis URL: the port must be a number from 1 to 65535; an IPv6 address "
		    "stands in brackets, and a password is percent-encoded");
	url->port = (uint16_t)port;
	return 0;
}

static int
parse_host(const char *text, const char *end, struct redis_url *url, struct err *err)
{
	const char *host = text;
	const char *host_end;

	if (*text == '[') {
		host++;
		host_end = memchr(host, ']', (size_t)(end - host));
		text = host_end ? host_end + 1 : end;
		if (!host_end || (text < end && *text != ':'))
			return err_set(err, ERR_INVALID,
			    "redis URL: a '[' without its ']' around the IPv6 address");
	} else {
		host_end = memchr(text, ':', (size_t)(end - text));
		host_end = host_end ? host_end : end;
		text = host_end;
	}
	if (host_end == host)
		return err_set(err, ERR_INVALID,
		    "redis URL: no host; write redis://host:port or unix:///path");
	if (text < end && parse_port(text + 1, (size_t)(end - text - 1), url, err) != 0)
		return ERR_INVALID;
	return decode_into("host", host, (size_t)(host_end - host), &url->host, err);
}

static int
parse_tcp(const char *rest, struct redis_url *url, struct err *err)
{
	const char *end = rest + strcspn(rest, "/?#");
	int code;

	url->port = DEFAULT_PORT;
	if (*end == '?' || *end == '#' || strpbrk(end, "?#"))
		return err_set(err, ERR_INVALID,
		    "redis URL: nothing may follow the database; if the password has a '?' or "
		    "'#', percent-encode it");
	if (memchr(rest, ',', (size_t)(end - rest)))
		return err_set(err, ERR_INVALID,
		    "redis URL: several addresses (Redis Cluster) are not supported yet");
	code = parse_login(&rest, end, url, err);
	if (!code)
		code = parse_host(rest, end, url, err);
	if (!code && end[0] == '/' && end[1])
		code = parse_db(end + 1, url, err);
	return code;
}

static int
parse_unix(const char *rest, struct redis_url *url, struct err *err)
{
	const char *end = rest + strcspn(rest, "?#");
	const char *login_end = rest + strcspn(rest, "/");
	int code;

	code = parse_login(&rest, login_end, url, err);
	if (code)
		return code;
	if (*rest != '/' || end - rest < 2)
		return err_set(err, ERR_INVALID,
		    "redis URL: a unix socket needs its full path: unix:///path/redis.sock");
	if (*end && !str_starts(end, "?db="))
		return err_set(err, ERR_INVALID,
		    "redis URL: only ?db=N may follow the path of a unix socket");
	if (*end)
		code = parse_db(end + 4, url, err);
	if (!code)
		code = decode_into("path", rest, (size_t)(end - rest), &url->path, err);
	if (!code && strlen(url->path) >= sizeof((struct sockaddr_un *)0)->sun_path)
		code = err_set(err, ERR_INVALID,
		    "redis URL: the path of a unix socket may have at most 107 bytes");
	return code;
}

static int
refuse_tls(const char *rest, struct redis_url *url, struct err *err)
{
	(void)rest;
	(void)url;
	return err_set(err, ERR_INVALID,
	    "redis URL: rediss:// (TLS) is not supported yet; use redis:// through a tunnel");
}

static int
refuse_sentinel(const char *rest, struct redis_url *url, struct err *err)
{
	(void)rest;
	(void)url;
	return err_set(err, ERR_INVALID,
	    "redis URL: redis+sentinel:// is not supported yet; give the master's address");
}

static const struct scheme schemes[] = {
	{ "redis://", parse_tcp },
	{ "unix://", parse_unix },
	{ "rediss://", refuse_tls },
	{ "redis+sentinel://", refuse_sentinel },
};

int
redis_url_parse(const char *text, struct redis_url *ret_url, struct err *err)
{
	struct redis_url url = { 0 };
	int code;

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		if (!str_starts(text, schemes[i].prefix))
			continue;
		code = schemes[i].parse(text + strlen(schemes[i].prefix), &url, err);
		if (code)
			redis_url_release(&url);
		else
			*ret_url = url;
		return code;
	}
	return err_set(err, ERR_INVALID,
	    "redis URL: it must begin with redis:// or unix:// (redis://host:port/db or "
	    "unix:///path)");
}

void
redis_url_release(struct redis_url *url)
{
	if (url->password)
		explicit_bzero(url->password, strlen(url->password));
	free(url->password);
	free(url->user);
	free(url->host);
	free(url->path);
	*url = (struct redis_url){ 0 };
}

void
redis_url_print(const struct redis_url *url, struct buf *out)
{
	bool brackets = url->host && strchr(url->host, ':');

	if (url->path)
		buf_printf(out, "unix://%s", url->path);
	else
		buf_printf(out, "redis://%s%s%s:%u", brackets ? "[" : "", url->host,
		    brackets ? "]" : "", (unsigned)url->port);
	if (url->db)
		buf_printf(out, "%s%d", url->path ? "?db=" : "/", url->db);
}
