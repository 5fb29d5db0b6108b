/* SPDX-License-Identifier: MIT */
/* Speaks HTTP with the daemon through libcurl. */
#include "cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define ANSWER_MAX (256u << 20)
#define TOKEN_MAX 4096
#define POLL_MS 1000

static int
read_token(const char *path, char **ret_token, struct err *err)
{
	char text[TOKEN_MAX];
	struct stat st;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0) {
		err_set(err, ERR_DENIED, "cannot read token file \"%s\": %s", path,
		    strerror(errno));
		goto fail;
	}
	if (st.st_mode & 077) {
		err_set(err, ERR_DENIED,
		    "token file \"%s\" can be read by others: chmod 600 it", path);
		goto fail;
	}
	n = read(fd, text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\r\n \t")] = '\0';
	if (!*text) {
		err_set(err, ERR_DENIED, "token file \"%s\" is empty", path);
		goto fail;
	}
	*ret_token = xstrdup(text);
	close(fd);
	return 0;
fail:
	if (fd >= 0)
		close(fd);
	return ERR_DENIED;
}

int
client_init(struct client *client, const char *url, const char *socket,
    const char *token_file, struct err *err)
{
	*client = (struct client){ .watch_fd = -1 };
	places_find(&client->places, url, socket);
	if (!token_file || !*token_file)
		token_file = getenv("REEVE_API_TOKEN_FILE");
	if (token_file && *token_file)
		return read_token(token_file, &client->token, err);
	return 0;
}

void
client_release(struct client *client)
{
	if (client->curl)
		curl_easy_cleanup(client->curl);
	if (client->multi)
		curl_multi_cleanup(client->multi);
	free(client->token);
	places_release(&client->places);
}

/* --- finding the daemon --- */

static bool
socket_answers(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;
	bool ok;

	if (strlen(path) >= sizeof addr.sun_path)
		return false;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ok = fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0;
	if (!ok && errno == EACCES)
		ok = true; /* it is there: libcurl will say that we may not */
	if (fd >= 0)
		close(fd);
	return ok;
}

static int
unreachable(const struct client *client, const char *reason, struct err *err)
{
	struct buf text = { 0 };

	buf_adds(&text, "cannot reach the daemon; tried ");
	for (size_t i = 0; i < client->places.n; i++)
		buf_printf(&text, "%s%s (%s)", i ? ", " : "",
		    client->places.items[i].where, client->places.items[i].why);
	if (reason)
		buf_printf(&text, ": %s", reason);
	buf_adds(
	    &text, "; start it with reeved, or say where it is with --socket or --url");
	err_set(err, ERR_UNREACHABLE, "%s", buf_text(&text));
	buf_release(&text);
	return ERR_UNREACHABLE;
}

static int
find_place(struct client *client, struct err *err)
{
	for (size_t i = 0; !client->place && i < client->places.n; i++) {
		const struct place *place = &client->places.items[i];

		if (place->is_url || socket_answers(place->where))
			client->place = place;
	}
	return client->place ? 0 : unreachable(client, NULL, err);
}

/* --- one exchange --- */

static size_t
on_answer(char *bytes, size_t size, size_t n, void *arg)
{
	struct buf *answer = arg;

	if (answer->len + size * n > ANSWER_MAX)
		return 0;
	buf_add(answer, bytes, size * n);
	return size * n;
}

static struct curl_slist *
add_header(struct curl_slist *list, const char *name, const char *value)
{
	char *line = xasprintf("%s: %s", name, value);

	list = curl_slist_append(list, line);
	free(line);
	return list;
}

static struct curl_slist *
make_headers(const struct client *client, const struct client_request *request)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	char *bearer;

	if (request->body)
		list = add_header(list, "Content-Type", "application/json");
	if (request->idempotency_key)
		list = add_header(list, "Idempotency-Key", request->idempotency_key);
	if (client->token) {
		bearer = xasprintf("Bearer %s", client->token);
		list = add_header(list, "Authorization", bearer);
		free(bearer);
	}
	return list;
}

/* Runs the transfer until it ends or watch_fd is readable (ERR_CONFLICT). */
static int
transfer(struct client *client, CURLcode *ret_code)
{
	struct curl_waitfd extra = { .fd = client->watch_fd, .events = CURL_WAIT_POLLIN };
	unsigned n_extra = client->watch_fd >= 0;
	int running = 1, left;
	CURLMsg *msg;

	*ret_code = CURLE_FAILED_INIT;
	curl_multi_add_handle(client->multi, client->curl);
	while (running && curl_multi_perform(client->multi, &running) == CURLM_OK &&
	       running) {
		extra.revents = 0;
		curl_multi_poll(client->multi, &extra, n_extra, POLL_MS, NULL);
		if (extra.revents) {
			curl_multi_remove_handle(client->multi, client->curl);
			return ERR_CONFLICT;
		}
	}
	msg = curl_multi_info_read(client->multi, &left);
	if (msg && msg->msg == CURLMSG_DONE)
		*ret_code = msg->data.result;
	curl_multi_remove_handle(client->multi, client->curl);
	return 0;
}

static char *
make_url(const struct place *place, const char *path)
{
	size_t len = strlen(place->where);

	if (!place->is_url)
		return xasprintf("http://localhost%s", path);
	while (len > 0 && place->where[len - 1] == '/')
		len--;
	return xasprintf("%.*s%s", (int)len, place->where, path);
}

static void
set_up(struct client *client, const struct client_request *request, const char *url,
    struct curl_slist *headers, struct buf *answer)
{
	CURL *curl = client->curl;

	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 5L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 120L);
	if (!client->place->is_url)
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->place->where);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
}

int
client_call(struct client *client, const struct client_request *request, long *ret_status,
    json_t **ret_body, struct err *err)
{
	char *text = request->body ? json_dumps(request->body, JSON_COMPACT) : NULL;
	struct curl_slist *headers = NULL;
	struct buf answer = { 0 };
	char *url = NULL;
	CURLcode code;
	int rc = find_place(client, err);

	if (rc < 0)
		goto out;
	if (!client->curl) {
		client->curl = curl_easy_init();
		client->multi = curl_multi_init();
	}
	url = make_url(client->place, request->path);
	headers = make_headers(client, request);
	set_up(client, request, url, headers, &answer);
	if (text)
		curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, text);
	rc = transfer(client, &code);
	if (rc < 0) {
		err_set(err, rc, "interrupted");
	} else if (code != CURLE_OK) {
		rc = unreachable(client, curl_easy_strerror(code), err);
	} else {
		curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, ret_status);
		*ret_body =
		    json_loadb(buf_text(&answer), answer.len, JSON_DECODE_ANY, NULL);
	}
out:
	curl_slist_free_all(headers);
	buf_release(&answer);
	free(url);
	free(text);
	return rc;
}

char *
client_escape(const char *text)
{
	static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789-._~@";
	struct buf out = { 0 };

	for (; *text; text++) {
		if (strchr(safe, *text))
			buf_addc(&out, *text);
		else
			buf_printf(&out, "%%%02X", (unsigned)(unsigned char)*text);
	}
	return buf_steal(&out);
}
