/* SPDX-License-Identifier: MIT */
/* Reads the options that describe a measurement's circumstances, and names them. */
#include "bench/setting.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

const char *const setting_transports[] = { "unix", "tcp", NULL };
const char *const setting_syncs[] = { "no", "everysec", "always", NULL };

typedef bool take_fn(const char *word, const void *rule, size_t *ret_value);

/* Each word between commas, through take. */
static bool
split(const char *text, take_fn *take, const void *rule, struct setting_list *list)
{
	*list = (struct setting_list){ 0 };
	for (;;) {
		size_t len = strcspn(text, ",");
		char *word = xstrndup(text, len);
		bool good =
		    list->n < SETTING_VALUES && take(word, rule, &list->values[list->n]);

		free(word);
		list->n += good;
		if (!good || !text[len])
			return good;
		text += len + 1;
	}
}

struct range {
	size_t min, max;
	bool bytes;
};

static bool
take_number(const char *word, const void *rule, size_t *ret_value)
{
	const struct range *range = rule;
	uint64_t number;

	if (range->bytes ? !str_to_size(word, &number) : !str_to_u64(word, &number))
		return false;
	*ret_value = (size_t)number;
	return number >= range->min && number <= range->max;
}

int
setting_parse_numbers(const char *option, const char *text, size_t min, size_t max,
    bool bytes, struct setting_list *ret_list, struct err *err)
{
	const struct range range = { min, max, bytes };
	struct setting_list list;

	if (!split(text, take_number, &range, &list))
		return err_set(err, ERR_INVALID,
		    "--%s takes %s from %zu to %zu, at most %d with commas between",
		    option, bytes ? "sizes as 1k" : "numbers", min, max, SETTING_VALUES);
	*ret_list = list;
	return 0;
}

static bool
take_word(const char *word, const void *rule, size_t *ret_value)
{
	const char *const *words = rule;

	for (size_t i = 0; words[i]; i++) {
		*ret_value = i;
		if (strcmp(word, words[i]) == 0)
			return true;
	}
	return false;
}

int
setting_parse_words(const char *option, const char *text, const char *const words[],
    struct setting_list *ret_list, struct err *err)
{
	struct setting_list list;

	if (!split(text, take_word, words, &list))
		return err_set(err, ERR_INVALID,
		    "--%s takes %s, %s%s%s, also several with commas between", option,
		    words[0], words[1], words[2] ? ", " : "", words[2] ? words[2] : "");
	*ret_list = list;
	return 0;
}

static void __attribute__((format(printf, 3, 4)))
say(char *text, size_t size, const char *fmt, ...)
{
	size_t len = strlen(text);
	va_list args;

	if (len && len + 2 < size) {
		memcpy(text + len, ", ", 3);
		len += 2;
	}
	va_start(args, fmt);
	(void)vsnprintf(text + len, size - len, fmt, args);
	va_end(args);
}

void
setting_describe(const struct bench_setting *setting, char *text, size_t size)
{
	text[0] = '\0';
	if (setting->agents > 1)
		say(text, size, "%u agents", setting->agents);
	if (setting->payload)
		say(text, size, "%zu bytes", setting->payload);
	if (setting->partitions > 1)
		say(text, size, "%u partitions", setting->partitions);
	if (setting->tcp)
		say(text, size, "tcp");
	if (strcmp(setting->appendfsync, "everysec") != 0)
		say(text, size, "%s", setting->appendfsync);
}
