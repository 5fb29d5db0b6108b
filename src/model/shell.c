/* SPDX-License-Identifier: MIT */
/* Follows the quoting of a shell line, character by character. */
#include "model/shell.h"

#include <string.h>

static struct shell_frame *
top(struct shell_scan *scan)
{
	return &scan->stack[scan->depth - 1];
}

/* The code that quotes and expansions at this place belong to. */
static struct shell_frame *
code(struct shell_scan *scan)
{
	size_t i = scan->depth - 1;

	while (i > 0 && scan->stack[i].state != STATE_CODE)
		i--;
	return &scan->stack[i];
}

static struct shell_frame *
push(struct shell_scan *scan, enum shell_state state)
{
	if (scan->depth == SHELL_DEPTH) {
		scan->lost = true;
		return top(scan);
	}
	scan->stack[scan->depth] = (struct shell_frame){ .state = state };
	return &scan->stack[scan->depth++];
}

static void
pop(struct shell_scan *scan)
{
	if (scan->depth > 1)
		scan->depth--;
	else
		scan->lost = true;
}

void
shell_init(struct shell_scan *scan)
{
	*scan = (struct shell_scan){ 0 };
	push(scan, STATE_CODE);
}

static bool
word_is(const struct shell_frame *frame, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(frame->word, *words) == 0)
			return true;
	return false;
}

/* Words behind which a command's name is still to come. */
static bool
is_prefix(const struct shell_frame *frame)
{
	static const char *const words[] = { "{", "}", "!", "if", "then", "elif", "else", "do",
		"while", "until", "time", "command", "builtin", "exec", "env", "sudo", "nohup",
		"nice", "setsid", "timeout", NULL };

	return word_is(frame, words) || strchr(frame->word, '=') != NULL ||
	    frame->word[0] == '-' || (frame->word[0] >= '0' && frame->word[0] <= '9');
}

/* A shell's name anywhere in a command: xargs sh -c, find -exec sh -c. */
static bool
is_shell(struct shell_frame *frame)
{
	static const char *const shells[] = { "sh", "bash", "dash", "ksh", "zsh", "ash", "su",
		NULL };
	char *slash = strrchr(frame->word, '/');

	if (slash != NULL)
		memmove(frame->word, slash + 1, strlen(slash));
	return word_is(frame, shells);
}

static void
name_command(struct shell_scan *scan, struct shell_frame *frame)
{
	static const char *const again[] = { "eval", "trap", NULL };

	if (is_prefix(frame))
		return;
	if (strcmp(frame->word, "case") == 0 && scan->depth > 1)
		scan->lost = true; /* its patterns' ) would end $( too early */
	frame->in_command = true;
	frame->danger = word_is(frame, again);
	frame->is_shell = is_shell(frame);
}

static void
end_word(struct shell_scan *scan)
{
	struct shell_frame *frame = top(scan);

	if (!frame->word_open)
		return;
	frame->word[frame->word_len] = '\0';
	if (frame->redirect)
		frame->redirect = false;
	else if (!frame->in_command)
		name_command(scan, frame);
	else if (frame->c_next)
		frame->c_next = frame->is_shell = false;
	else if (is_shell(frame))
		frame->is_shell = true;
	else if (frame->is_shell && !frame->word_long && frame->word[0] == '-' &&
	    frame->word[1] != '-' && strchr(frame->word, 'c') != NULL)
		frame->c_next = true;
	frame->word_open = frame->word_long = false;
	frame->word_len = 0;
}

static void
end_command(struct shell_scan *scan)
{
	struct shell_frame *frame = top(scan);

	end_word(scan);
	frame->in_command = frame->danger = frame->is_shell = frame->c_next = false;
	frame->redirect = false;
}

static void
add_to_word(struct shell_scan *scan, char c)
{
	struct shell_frame *frame = code(scan);

	frame->word_open = true;
	if (frame->word_len + 1 < SHELL_WORD)
		frame->word[frame->word_len++] = c;
	else
		frame->word_long = true;
}

static void
backtick(struct shell_scan *scan)
{
	for (size_t i = scan->depth - 1; i > 0; i--) {
		if (!scan->stack[i].backtick)
			continue;
		scan->lost |= i != scan->depth - 1;
		scan->depth = i;
		return;
	}
	add_to_word(scan, '`');
	push(scan, STATE_CODE)->backtick = true;
}

/* What begins with $; returns how many characters behind it were used. */
static size_t
dollar(struct shell_scan *scan, const char *next, size_t left)
{
	bool quoted = top(scan)->state != STATE_CODE;

	add_to_word(scan, '$');
	if (left == 0) {
		scan->dollar = true;
		return 0;
	}
	if (next[0] == '(' && left > 1 && next[1] == '(') {
		push(scan, STATE_ARITH)->parens = 2;
		return 2;
	}
	if (next[0] == '(')
		push(scan, STATE_CODE);
	else if (next[0] == '{')
		push(scan, STATE_BRACE);
	else if (next[0] == '\'' && !quoted)
		push(scan, STATE_ANSI);
	else
		return next[0] == '$' || next[0] == '#' ? 1 : 0;
	return 1;
}

/* What begins with < in code; returns how many characters behind it were used. */
static size_t
less(struct shell_scan *scan, const char *next, size_t left)
{
	struct shell_mark *mark;
	size_t used = 1;

	end_word(scan);
	if (left == 0 || next[0] != '<') {
		top(scan)->redirect = true;
		return 0;
	}
	if (left > 1 && next[1] == '<')
		return 2; /* <<< is followed by a plain word */
	if (scan->n_marks == SHELL_MARKS) {
		scan->lost = true;
		return 1;
	}
	mark = &scan->marks[scan->n_marks++];
	*mark = (struct shell_mark){ 0 };
	if (left > 1 && next[1] == '-') {
		mark->strip_tabs = true;
		used = 2;
	}
	push(scan, STATE_MARK);
	return used;
}

static void
newline(struct shell_scan *scan)
{
	end_command(scan);
	if (scan->n_marks == 0)
		return;
	scan->line_len = 0;
	push(scan, STATE_HEREDOC);
}

static void
close_paren(struct shell_scan *scan)
{
	end_command(scan);
	if (scan->depth > 1 && !top(scan)->backtick)
		pop(scan);
}

/* One character of code; returns how many further characters were used. */
static size_t
scan_code(struct shell_scan *scan, char c, const char *next, size_t left)
{
	switch (c) {
	case '\'':
		top(scan)->word_open = true;
		push(scan, STATE_SINGLE);
		return 0;
	case '"':
		top(scan)->word_open = true;
		push(scan, STATE_DOUBLE);
		return 0;
	case '`':
		backtick(scan);
		return 0;
	case '$':
		return dollar(scan, next, left);
	case '<':
		return less(scan, next, left);
	case '>':
		end_word(scan);
		top(scan)->redirect = true;
		return 0;
	case ' ':
	case '\t':
	case '\r':
		end_word(scan);
		return 0;
	case '\n':
		newline(scan);
		return 0;
	case '&':
		if (scan->last == '>' || scan->last == '<')
			end_word(scan);
		else
			end_command(scan);
		return 0;
	case ';':
	case '|':
		end_command(scan);
		return 0;
	case '(':
		end_command(scan);
		if (left > 0 && next[0] == '(') {
			push(scan, STATE_ARITH)->parens = 2;
			return 1;
		}
		push(scan, STATE_CODE);
		return 0;
	case ')':
		close_paren(scan);
		return 0;
	default:
		break;
	}
	if (c == '#' && !top(scan)->word_open)
		push(scan, STATE_COMMENT);
	else
		add_to_word(scan, c);
	return 0;
}

static size_t
scan_double(struct shell_scan *scan, char c, const char *next, size_t left)
{
	if (c == '"')
		pop(scan);
	else if (c == '`')
		backtick(scan);
	else if (c == '$')
		return dollar(scan, next, left);
	else
		add_to_word(scan, c);
	return 0;
}

/* Inside ${ }: single quotes count only where the whole is not in double quotes. */
static size_t
scan_brace(struct shell_scan *scan, char c, const char *next, size_t left)
{
	bool quoted = scan->depth > 1 && scan->stack[scan->depth - 2].state == STATE_DOUBLE;

	if (c == '}')
		pop(scan);
	else if (c == '"')
		push(scan, STATE_DOUBLE);
	else if (c == '\'' && !quoted)
		push(scan, STATE_SINGLE);
	else if (c == '`')
		backtick(scan);
	else if (c == '$')
		return dollar(scan, next, left);
	return 0;
}

static size_t
scan_arith(struct shell_scan *scan, char c, const char *next, size_t left)
{
	struct shell_frame *frame = top(scan);

	if (c == '(')
		frame->parens++;
	else if (c == ')' && --frame->parens == 0)
		pop(scan);
	else if (c == '$')
		return dollar(scan, next, left);
	else if (c == '`')
		backtick(scan);
	return 0;
}

static void
add_to_mark(struct shell_scan *scan, char c)
{
	struct shell_mark *mark = &scan->marks[scan->n_marks - 1];

	if (mark->len + 1 < SHELL_MARK)
		mark->text[mark->len++] = c;
	else
		scan->lost = true;
}

/* The word behind <<; true if c ends it and is to be read as code. */
static bool
scan_mark(struct shell_scan *scan, char c)
{
	struct shell_frame *frame = top(scan);
	struct shell_mark *mark = &scan->marks[scan->n_marks - 1];

	if (frame->quote != 0) {
		if (c == frame->quote)
			frame->quote = 0;
		else
			add_to_mark(scan, c);
		return false;
	}
	if (c == '\'' || c == '"') {
		frame->quote = c;
		frame->word_open = true;
		return false;
	}
	if ((c == ' ' || c == '\t') && mark->len == 0 && !frame->word_open)
		return false;
	if (strchr(" \t\r\n;&|<>()", c) == NULL) {
		add_to_mark(scan, c);
		return false;
	}
	pop(scan);
	return true;
}

static bool
is_mark_line(const struct shell_scan *scan)
{
	const struct shell_mark *mark = &scan->marks[0];
	const char *line = scan->line;
	size_t len = scan->line_len;

	while (mark->strip_tabs && len > 0 && *line == '\t') {
		line++;
		len--;
	}
	return len == mark->len && memcmp(line, mark->text, len) == 0;
}

static void
scan_heredoc(struct shell_scan *scan, char c)
{
	if (c != '\n') {
		bool skip = c == '\t' && scan->line_len == 0 && scan->marks[0].strip_tabs;

		if (!skip && scan->line_len < sizeof scan->line)
			scan->line[scan->line_len++] = c;
		return;
	}
	if (is_mark_line(scan)) {
		scan->n_marks--;
		memmove(scan->marks, scan->marks + 1, scan->n_marks * sizeof *scan->marks);
		if (scan->n_marks == 0)
			pop(scan);
	}
	scan->line_len = 0;
}

/* Whether a backslash hides the next character in this state. */
static bool
escapes(enum shell_state state)
{
	return state == STATE_CODE || state == STATE_DOUBLE || state == STATE_ANSI ||
	    state == STATE_BRACE || state == STATE_MARK;
}

static void
escaped(struct shell_scan *scan, char c)
{
	if (top(scan)->state == STATE_ANSI && c == '\'')
		scan->lost = true; /* sh and bash read on differently */
	if (top(scan)->state == STATE_MARK)
		add_to_mark(scan, c);
	else if (c != '\n')
		add_to_word(scan, c);
}

static size_t
step(struct shell_scan *scan, char c, const char *next, size_t left)
{
	switch (top(scan)->state) {
	case STATE_CODE:
		return scan_code(scan, c, next, left);
	case STATE_DOUBLE:
		return scan_double(scan, c, next, left);
	case STATE_BRACE:
		return scan_brace(scan, c, next, left);
	case STATE_ARITH:
		return scan_arith(scan, c, next, left);
	case STATE_SINGLE:
	case STATE_ANSI:
		if (c == '\'')
			pop(scan);
		else
			add_to_word(scan, c);
		return 0;
	case STATE_COMMENT:
		if (c != '\n')
			return 0;
		pop(scan);
		return step(scan, c, next, left);
	case STATE_MARK:
		return scan_mark(scan, c) ? step(scan, c, next, left) : 0;
	case STATE_HEREDOC:
		scan_heredoc(scan, c);
		return 0;
	}
	return 0;
}

void
shell_feed(struct shell_scan *scan, const char *text, size_t len)
{
	if (len > 0)
		scan->dollar = false;
	for (size_t i = 0; i < len; i++) {
		if (scan->escape) {
			scan->escape = false;
			escaped(scan, text[i]);
		} else if (text[i] == '\\' && escapes(top(scan)->state)) {
			scan->escape = true;
		} else {
			i += step(scan, text[i], text + i + 1, len - i - 1);
		}
		scan->last = text[i];
	}
}

/* Faults of the frames around this place, the innermost first. */
static enum shell_place
place_of(const struct shell_scan *scan)
{
	static const enum shell_place faults[] = {
		[STATE_CODE] = SHELL_BARE,
		[STATE_SINGLE] = SHELL_SINGLE,
		[STATE_ANSI] = SHELL_DOLLAR_SINGLE,
		[STATE_DOUBLE] = SHELL_DOUBLE,
		[STATE_COMMENT] = SHELL_DOUBLE,
		[STATE_ARITH] = SHELL_ARITHMETIC,
		[STATE_BRACE] = SHELL_BRACE,
		[STATE_MARK] = SHELL_HEREDOC,
		[STATE_HEREDOC] = SHELL_HEREDOC,
	};
	enum shell_place place = faults[scan->stack[scan->depth - 1].state];

	if (place > SHELL_DOUBLE || scan->stack[scan->depth - 1].state == STATE_COMMENT)
		return place;
	for (size_t i = scan->depth; i-- > 0;) {
		const struct shell_frame *frame = &scan->stack[i];

		if (frame->danger || frame->c_next)
			return SHELL_EVAL;
		if (frame->backtick)
			return SHELL_BACKTICK;
		if (faults[frame->state] > SHELL_DOUBLE)
			return faults[frame->state];
	}
	return place;
}

enum shell_place
shell_reference(struct shell_scan *scan)
{
	enum shell_place place;

	if (scan->escape || scan->dollar)
		place = SHELL_ESCAPED;
	else if (scan->lost)
		place = SHELL_LOST;
	else if ((place = place_of(scan)) <= SHELL_DOUBLE)
		/* `sh -c ${{ }}`: the flag's word may still be open */
		add_to_word(scan, '$');
	scan->escape = scan->dollar = false;
	scan->last = '}';
	return place;
}

const char *
shell_place_fault(enum shell_place place)
{
	static const char *const texts[] = {
		[SHELL_SINGLE] = "inside single quotes the shell does not expand it: close the "
		                 "quotes before it, or use double quotes",
		[SHELL_DOLLAR_SINGLE] = "inside $'...' the shell does not expand it: close the "
		                        "quotes before it",
		[SHELL_HEREDOC] = "not inside a here-document: write it with printf '%s\\n' "
		                  "${{ ... }} instead",
		[SHELL_EVAL] = "the shell would run this value as code (eval, trap, sh -c): pass "
		               "it as an argument, as in sh -c '... \"$1\"' sh ${{ ... }}",
		[SHELL_BACKTICK] = "not inside `...`: use $(...) instead",
		[SHELL_ARITHMETIC] = "not inside $((...)), where a value can run commands: assign "
		                     "it to a variable and check that it is a number",
		[SHELL_BRACE] = "not inside ${...}: assign it to a variable first",
		[SHELL_ESCAPED] = "a '\\' or '$' right before it changes its meaning: remove it",
		[SHELL_LOST] = "the quoting before it is too intricate to follow: assign the value "
		               "to a variable in the first line",
	};

	return place > SHELL_DOUBLE ? texts[place] : NULL;
}
