/* SPDX-License-Identifier: MIT */
/*
 * How a shell line is quoted at a given place, so that a ${{ }} in it can
 * become a reference to an environment variable.
 *
 * The scanner is fed the text between references and asked for the place of
 * each.  It knows quotes, comments, substitutions and here-documents of POSIX
 * shells.  Where it errs the value is split or not expanded; it is never run:
 * values travel in the environment.
 */
#ifndef REEVE_MODEL_SHELL_H
#define REEVE_MODEL_SHELL_H

#include <stdbool.h>
#include <stddef.h>

enum shell_place {
	SHELL_BARE,   /* write "${NAME}" */
	SHELL_DOUBLE, /* inside double quotes, or a comment: write ${NAME} */
	SHELL_SINGLE, /* this and all below: not possible */
	SHELL_DOLLAR_SINGLE,
	SHELL_HEREDOC,
	SHELL_EVAL,
	SHELL_BACKTICK,
	SHELL_ARITHMETIC,
	SHELL_BRACE,
	SHELL_ESCAPED,
	SHELL_LOST
};

#define SHELL_DEPTH 32
#define SHELL_WORD 24
#define SHELL_MARKS 4
#define SHELL_MARK 64

enum shell_state {
	STATE_CODE,      /* top level, ( ), $( ) and ` ` */
	STATE_SINGLE,
	STATE_ANSI,
	STATE_DOUBLE,
	STATE_COMMENT,
	STATE_ARITH,
	STATE_BRACE,
	STATE_MARK,      /* the word behind << */
	STATE_HEREDOC
};

struct shell_frame {
	enum shell_state state;
	bool backtick;
	bool word_open;   /* code: inside a word */
	bool in_command;  /* code: the command's name was read */
	bool danger;      /* code: eval or trap: its words are read as code again */
	bool is_shell;    /* code: sh, bash, ... */
	bool c_next;      /* code: the next word is sh -c's program */
	bool word_long;
	bool redirect;    /* code: the next word is a file */
	char quote;       /* mark: its open quote */
	unsigned parens;  /* arith */
	size_t word_len;
	char word[SHELL_WORD];
};

struct shell_mark {
	char text[SHELL_MARK];
	size_t len;
	bool strip_tabs;
};

struct shell_scan {
	struct shell_frame stack[SHELL_DEPTH];
	size_t depth;
	struct shell_mark marks[SHELL_MARKS]; /* here-documents that begin at the next line */
	size_t n_marks;
	char line[SHELL_MARK + 2]; /* of a here-document: its beginning */
	size_t line_len;
	char last;   /* character before, to tell 2>&1 from & */
	bool escape; /* a backslash stands right before */
	bool dollar; /* a bare $ stands right before */
	bool lost;   /* too intricate to follow */
};

void shell_init(struct shell_scan *scan);
void shell_feed(struct shell_scan *scan, const char *text, size_t len);

/* The place of a reference that stands here. */
enum shell_place shell_reference(struct shell_scan *scan);

/* Why a reference cannot stand there and what to do; NULL for the first two. */
const char *shell_place_fault(enum shell_place place);

#endif
