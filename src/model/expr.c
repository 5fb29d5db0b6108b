/* SPDX-License-Identifier: MIT */
/* Parses the references and literals of ${{ }}. */
#include "model/expr.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

#define PATH_MAX_PARTS 5

struct word {
	const char *at;
	size_t len;
};

struct lexer {
	const char *at;
	const char *end;
};

static void
skip_space(struct lexer *lex)
{
	while (lex->at < lex->end &&
	    (*lex->at == ' ' || *lex->at == '\t' || *lex->at == '\n' || *lex->at == '\r'))
		lex->at++;
}

static char
peek(const struct lexer *lex, size_t ahead)
{
	return (size_t)(lex->end - lex->at) > ahead ? lex->at[ahead] : '\0';
}

static bool
at_close(const struct lexer *lex)
{
	return peek(lex, 0) == '}' && peek(lex, 1) == '}';
}

static bool
name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
name_char(char c)
{
	return name_start(c) || is_digit(c) || c == '-';
}

static bool
word_is(const struct word *word, const char *text)
{
	return strlen(text) == word->len && memcmp(word->at, text, word->len) == 0;
}

static int
parse_string(struct arena *arena, struct lexer *lex, struct expr *expr, struct err *err)
{
	struct buf text = { 0 }, json = { 0 };

	lex->at++;
	for (; lex->at < lex->end; lex->at++) {
		if (*lex->at != '\'') {
			buf_addc(&text, *lex->at);
		} else if (peek(lex, 1) == '\'') {
			buf_addc(&text, '\'');
			lex->at++;
		} else {
			break;
		}
	}
	if (lex->at < lex->end) {
		lex->at++;
		buf_add_json(&json, buf_text(&text), text.len);
		expr->json = arena_strndup(arena, buf_text(&json), json.len);
	}
	buf_release(&text);
	buf_release(&json);
	if (expr->json == NULL)
		return err_set(err, ERR_INVALID, "a text in '...' has no end");
	return 0;
}

static int
parse_number(struct arena *arena, struct lexer *lex, struct expr *expr, struct err *err)
{
	const char *start = lex->at;
	size_t whole, part = 1;

	if (peek(lex, 0) == '-')
		lex->at++;
	for (whole = 0; is_digit(peek(lex, 0)); whole++)
		lex->at++;
	if (peek(lex, 0) == '.') {
		lex->at++;
		for (part = 0; is_digit(peek(lex, 0)); part++)
			lex->at++;
	}
	if (whole == 0 || whole > 15 || part == 0 || part > 15 || name_char(peek(lex, 0)) ||
	    (whole > 1 && *(start + (*start == '-')) == '0'))
		return err_set(err, ERR_INVALID, "'%.*s' is not a number that can be used here",
		    (int)(lex->at - start) + 1 > 30 ? 30 : (int)(lex->at - start), start);
	expr->json = arena_strndup(arena, start, (size_t)(lex->at - start));
	return 0;
}

/* a.b.c: words between dots. */
static int
parse_path(struct lexer *lex, struct word parts[PATH_MAX_PARTS], size_t *ret_n,
    struct err *err)
{
	size_t n = 0;

	for (;;) {
		if (!name_start(peek(lex, 0)))
			return err_set(err, ERR_INVALID, "a name is missing behind '.'");
		if (n == PATH_MAX_PARTS)
			return err_set(err, ERR_INVALID,
			    "paths into a value are not supported yet: use the whole output");
		parts[n].at = lex->at;
		while (name_char(peek(lex, 0)))
			lex->at++;
		parts[n].len = (size_t)(lex->at - parts[n].at);
		n++;
		if (peek(lex, 0) != '.')
			break;
		lex->at++;
	}
	*ret_n = n;
	return 0;
}

static int
function_fault(const struct word *name, struct err *err)
{
	static const char *const functions[] = { "success", "failure", "always", "contains",
		"fromJSON", "toJSON", "join", "default", NULL };
	char text[65];
	const char *near;
	size_t len = name->len < 64 ? name->len : 64;

	memcpy(text, name->at, len);
	text[len] = '\0';
	near = str_nearest(text, functions);
	if (near != NULL && strcmp(near, text) == 0)
		return err_set(err, ERR_INVALID, "functions are not supported yet: %s()", text);
	if (near != NULL)
		return err_set(err, ERR_INVALID, "unknown function '%s': did you mean '%s'?",
		    text, near);
	return err_set(err, ERR_INVALID, "unknown function '%s'", text);
}

static int
root_fault(const struct word *root, struct err *err)
{
	static const char *const roots[] = { "params", "env", "run", "tasks", NULL };
	char text[65];
	const char *near;
	size_t len = root->len < 64 ? root->len : 64;

	memcpy(text, root->at, len);
	text[len] = '\0';
	if (strcmp(text, "item") == 0 || strcmp(text, "attempt") == 0)
		return err_set(err, ERR_INVALID, "'%s' is not supported yet", text);
	near = str_nearest(text, roots);
	if (near != NULL)
		return err_set(err, ERR_INVALID, "unknown name '%s': did you mean '%s'?", text,
		    near);
	return err_set(err, ERR_INVALID,
	    "unknown name '%s': there are params, env, run and tasks; texts stand in '...'",
	    text);
}

static int
check_name(const struct word *word, struct err *err)
{
	if (str_is_name(word->at, word->len))
		return 0;
	return err_set(err, ERR_INVALID, "'%.*s' is too long for a name",
	    word->len > 64 ? 64 : (int)word->len, word->at);
}

static int
task_expr(struct arena *arena, const struct word *parts, size_t n, struct expr *expr,
    struct err *err)
{
	int rc;

	if (n < 3)
		return err_set(err, ERR_INVALID,
		    "say what of the task: tasks.ID.outputs.NAME or tasks.ID.status");
	if ((rc = check_name(&parts[1], err)) != 0)
		return rc;
	expr->task_id = arena_strndup(arena, parts[1].at, parts[1].len);
	if (word_is(&parts[2], "status") && n == 3) {
		expr->kind = EXPR_STATUS;
		return 0;
	}
	if (!word_is(&parts[2], "outputs"))
		return err_set(err, ERR_INVALID, "a task has 'outputs' and 'status', not '%.*s'",
		    parts[2].len > 64 ? 64 : (int)parts[2].len, parts[2].at);
	if (n > 4)
		return err_set(err, ERR_INVALID,
		    "paths into a value are not supported yet: use the whole output");
	expr->kind = n == 3 ? EXPR_OUTPUTS : EXPR_OUTPUT;
	if (n == 3)
		return 0;
	if ((rc = check_name(&parts[3], err)) != 0)
		return rc;
	expr->name = arena_strndup(arena, parts[3].at, parts[3].len);
	return 0;
}

static int
run_field(const struct word *field, struct err *err)
{
	static const char *const fields[] = { "id", "name", "workflow", "created_at", NULL };

	for (const char *const *known = fields; *known != NULL; known++)
		if (word_is(field, *known))
			return 0;
	return err_set(err, ERR_INVALID,
	    "'run' has id, name, workflow and created_at, not '%.*s'",
	    field->len > 64 ? 64 : (int)field->len, field->at);
}

static int
path_expr(struct arena *arena, const struct word *parts, size_t n, struct expr *expr,
    struct err *err)
{
	int rc;

	if (word_is(&parts[0], "tasks"))
		return task_expr(arena, parts, n, expr, err);
	if (word_is(&parts[0], "params"))
		expr->kind = EXPR_PARAM;
	else if (word_is(&parts[0], "env"))
		expr->kind = EXPR_ENV;
	else if (word_is(&parts[0], "run"))
		expr->kind = EXPR_RUN;
	else
		return root_fault(&parts[0], err);
	if (n == 1)
		return err_set(err, ERR_INVALID, "say which: %.*s.NAME", (int)parts[0].len,
		    parts[0].at);
	if (n > 2)
		return err_set(err, ERR_INVALID,
		    "paths into a value are not supported yet: use the whole value");
	if ((rc = check_name(&parts[1], err)) != 0 ||
	    (expr->kind == EXPR_RUN && (rc = run_field(&parts[1], err)) != 0))
		return rc;
	expr->name = arena_strndup(arena, parts[1].at, parts[1].len);
	return 0;
}

static int
parse_words(struct arena *arena, struct lexer *lex, struct expr *expr, struct err *err)
{
	struct word parts[PATH_MAX_PARTS];
	size_t n = 0;
	int rc = parse_path(lex, parts, &n, err);

	if (rc != 0)
		return rc;
	skip_space(lex);
	if (peek(lex, 0) == '(')
		return function_fault(&parts[0], err);
	if (n == 1 && (word_is(&parts[0], "true") || word_is(&parts[0], "false") ||
	    word_is(&parts[0], "null"))) {
		expr->json = arena_strndup(arena, parts[0].at, parts[0].len);
		return 0;
	}
	return path_expr(arena, parts, n, expr, err);
}

static int
parse_primary(struct arena *arena, struct lexer *lex, struct expr *expr, struct err *err)
{
	char c = peek(lex, 0);

	if (c == '\'')
		return parse_string(arena, lex, expr, err);
	if (is_digit(c) || c == '-')
		return parse_number(arena, lex, expr, err);
	if (name_start(c))
		return parse_words(arena, lex, expr, err);
	if (c == '"')
		return err_set(err, ERR_INVALID, "texts stand in single quotes here: '...'");
	if (c == '!' || c == '(')
		return err_set(err, ERR_INVALID, "operators are not supported yet: '%c'", c);
	if (at_close(lex))
		return err_set(err, ERR_INVALID, "'${{ }}' is empty");
	return err_set(err, ERR_INVALID, "a reference such as params.NAME is missing in '${{ }}'");
}

static int
expect_close(struct lexer *lex, struct err *err)
{
	char c;

	skip_space(lex);
	if (at_close(lex)) {
		lex->at += 2;
		return 0;
	}
	c = peek(lex, 0);
	if (c != '\0' && strchr("=!<>&|+-*/%?", c) != NULL)
		return err_set(err, ERR_INVALID, "operators are not supported yet: '%c'", c);
	if (c == '[')
		return err_set(err, ERR_INVALID, "indexing by [] is not supported yet");
	return err_set(err, ERR_INVALID, "'}}' is missing behind the reference");
}

/* Behind the next }}, or the end. */
static size_t
recover(const char *text, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++)
		if (text[i] == '}' && text[i + 1] == '}')
			return i + 2;
	return len;
}

int
expr_parse(struct arena *arena, const char *text, size_t len, struct expr *ret_expr,
    size_t *ret_used, struct err *err)
{
	struct lexer lex = { text, text + len };
	struct expr expr = { .kind = EXPR_LITERAL, .task = EXPR_NO_TASK };
	size_t end = recover(text, len);
	int rc;

	if (end == len && (len < 2 || text[len - 2] != '}' || text[len - 1] != '}')) {
		*ret_used = len;
		return err_set(err, ERR_INVALID, "'${{' has no '}}'");
	}
	skip_space(&lex);
	if ((rc = parse_primary(arena, &lex, &expr, err)) != 0 ||
	    (rc = expect_close(&lex, err)) != 0) {
		*ret_used = end;
		return rc;
	}
	*ret_expr = expr;
	*ret_used = (size_t)(lex.at - text);
	return 0;
}
