/* SPDX-License-Identifier: MIT */
/* Builds the tree of nodes from libyaml's events, within limits. */
#include "model/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/err.h"
#include "base/str.h"

struct open_node {
	struct yaml_node *node;
	struct yaml_node *last; /* child */
};

struct builder {
	yaml_parser_t parser;
	const char *text;
	size_t len;
	const struct model_limits *limits;
	struct faults *faults;
	struct yaml_file *file;
	struct open_node stack[MODEL_DEPTH_MAX];
	size_t depth;
	/* search for comments between events: characters and bytes passed */
	size_t seen_chars;
	size_t seen_bytes;
};

void
yaml_file_release(struct yaml_file *file)
{
	free(file->documents);
	arena_release(&file->arena);
	*file = (struct yaml_file){ 0 };
}

const char *
yaml_kind_name(const struct yaml_node *node)
{
	static const char *const names[] = { "a scalar", "a list", "a map" };

	return names[node->kind];
}

static int
fault_at(struct builder *b, const yaml_mark_t *mark, const char *text)
{
	faults_add(b->faults, FAULT_ERROR, mark->line + 1, mark->column + 1, "%s", text);
	return ERR_INVALID;
}

static void
position_of(const char *text, size_t offset, size_t *ret_line, size_t *ret_column)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	*ret_line = line;
	*ret_column = column;
}

static int
fault_at_byte(struct builder *b, size_t offset, const char *what)
{
	size_t line, column;

	position_of(b->text, offset < b->len ? offset : b->len, &line, &column);
	faults_add(b->faults, FAULT_ERROR, line, column, "%s", what);
	return ERR_INVALID;
}

/* What libyaml would refuse only by luck, or late. */
static int
check_bytes(struct builder *b)
{
	const char *nul;
	size_t good;

	if (b->len > b->limits->file_bytes) {
		faults_add(b->faults, FAULT_ERROR, 1, 1,
		    "the file has %zu bytes; at most %zu are allowed", b->len,
		    b->limits->file_bytes);
		return ERR_INVALID;
	}
	if (b->len == 0) {
		faults_add(b->faults, FAULT_ERROR, 1, 1, "the file is empty");
		return ERR_INVALID;
	}
	nul = memchr(b->text, '\0', b->len);
	good = str_utf8_prefix(b->text, b->len);
	if (good < b->len && (nul == NULL || (size_t)(nul - b->text) > good))
		return fault_at_byte(b, good, "the file is not UTF-8 here");
	if (nul != NULL)
		return fault_at_byte(b, (size_t)(nul - b->text), "NUL byte in the file");
	return 0;
}

/* libyaml's own words, with the context that it gives. */
static int
syntax_fault(struct builder *b)
{
	const yaml_parser_t *p = &b->parser;
	const yaml_mark_t *mark = &p->problem_mark;

	if (p->error == YAML_READER_ERROR)
		return fault_at_byte(b, p->problem_offset, p->problem);
	if (p->context != NULL)
		faults_add(b->faults, FAULT_ERROR, mark->line + 1, mark->column + 1,
		    "%s (%s that began in line %zu)", p->problem, p->context,
		    p->context_mark.line + 1);
	else
		faults_add(b->faults, FAULT_ERROR, mark->line + 1, mark->column + 1, "%s",
		    p->problem != NULL ? p->problem : "not YAML");
	return ERR_INVALID;
}

/* Moves the comment search to a character index; looks on the way if asked to. */
static void
pass_to(struct builder *b, size_t chars, bool look)
{
	while (b->seen_chars < chars && b->seen_bytes < b->len) {
		unsigned char c = (unsigned char)b->text[b->seen_bytes++];

		if (look && c == '#')
			b->file->comments = true;
		while (b->seen_bytes < b->len &&
		    ((unsigned char)b->text[b->seen_bytes] & 0xc0) == 0x80)
			b->seen_bytes++;
		b->seen_chars++;
	}
}

/* Between scalars, a '#' can only begin a comment; and so it does in a block scalar's head. */
static void
look_for_comments(struct builder *b, const yaml_event_t *event)
{
	bool scalar = event->type == YAML_SCALAR_EVENT;

	if (b->file->comments)
		return;
	pass_to(b, event->start_mark.index, true);
	if (!scalar)
		return;
	if (event->data.scalar.style == YAML_LITERAL_SCALAR_STYLE ||
	    event->data.scalar.style == YAML_FOLDED_SCALAR_STYLE) {
		const char *end = memchr(b->text + b->seen_bytes, '\n',
		    b->len - b->seen_bytes);
		const char *start = b->text + b->seen_bytes;

		if (end != NULL && memchr(start, '#', (size_t)(end - start)) != NULL)
			b->file->comments = true;
	}
	pass_to(b, event->end_mark.index, false);
}

static int
new_node(struct builder *b, const yaml_event_t *event, enum yaml_kind kind, unsigned style,
    struct yaml_node **ret_node)
{
	const yaml_mark_t *mark = &event->start_mark;
	struct yaml_node *node;

	if (++b->file->n_nodes > b->limits->nodes)
		return fault_at(b, mark, "the file holds too many values");
	node = arena_alloc(&b->file->arena, sizeof *node);
	*node = (struct yaml_node){ .line = (uint32_t)mark->line + 1,
		.column = (mark->column + 1) & 0xffffff,
		.kind = (unsigned)kind & 0xf,
		.style = style & 0xf };
	*ret_node = node;
	return 0;
}

static bool
expects_key(const struct open_node *open)
{
	return open->node->kind == YAML_MAP && open->node->len % 2 == 0;
}

/* Hangs a node into the open list or map, or makes it the document. */
static int
attach(struct builder *b, struct yaml_node *node, const yaml_event_t *event)
{
	struct open_node *open;
	struct yaml_file *file = b->file;

	if (b->depth == 0) {
		GROW(file->documents, file->n_documents, file->cap_documents);
		file->documents[file->n_documents++] = node;
		return 0;
	}
	open = &b->stack[b->depth - 1];
	if (expects_key(open) && node->kind != YAML_SCALAR)
		return fault_at(b, &event->start_mark, "a key must be a plain text");
	if (open->last == NULL)
		open->node->first = node;
	else
		open->last->next = node;
	open->last = node;
	open->node->len++;
	return 0;
}

static int
open_collection(struct builder *b, const yaml_event_t *event, enum yaml_kind kind, bool flow)
{
	struct yaml_node *node;
	int rc;

	if (b->depth >= b->limits->depth || b->depth >= MODEL_DEPTH_MAX) {
		faults_add(b->faults, FAULT_ERROR, event->start_mark.line + 1,
		    event->start_mark.column + 1, "nested deeper than %zu levels",
		    b->limits->depth);
		return ERR_INVALID;
	}
	if ((rc = new_node(b, event, kind, flow ? YAML_FLOW : YAML_BLOCK, &node)) != 0 ||
	    (rc = attach(b, node, event)) != 0)
		return rc;
	b->stack[b->depth++] = (struct open_node){ node, NULL };
	return 0;
}

static void
duplicate_fault(struct builder *b, const struct yaml_node *key, const struct yaml_node *first)
{
	faults_add(b->faults, FAULT_ERROR, key->line, key->column,
	    "the key '%.64s' stands here twice (first in line %u)", key->text, first->line);
}

static bool
same_key(const struct yaml_node *a, const struct yaml_node *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

static void
find_duplicates_small(struct builder *b, const struct yaml_node *map)
{
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		const struct yaml_node *other = map->first;

		while (other != key && !same_key(other, key))
			other = other->next->next;
		if (other != key)
			duplicate_fault(b, key, other);
	}
}

static void
find_duplicates_large(struct builder *b, const struct yaml_node *map)
{
	size_t n_slots = 64, mask;
	const struct yaml_node **slots;

	while (n_slots < map->len)
		n_slots *= 2;
	mask = n_slots - 1;
	slots = xcalloc(n_slots, sizeof *slots);
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		size_t slot = (size_t)str_hash(key->text, key->len) & mask;

		while (slots[slot] != NULL && !same_key(slots[slot], key))
			slot = (slot + 1) & mask;
		if (slots[slot] != NULL)
			duplicate_fault(b, key, slots[slot]);
		else
			slots[slot] = key;
	}
	free(slots);
}

static void
close_collection(struct builder *b)
{
	const struct yaml_node *node = b->stack[--b->depth].node;

	if (node->kind != YAML_MAP)
		return;
	if (node->len <= 32)
		find_duplicates_small(b, node);
	else
		find_duplicates_large(b, node);
}

static enum yaml_style
scalar_style(const yaml_event_t *event)
{
	switch (event->data.scalar.style) {
	case YAML_SINGLE_QUOTED_SCALAR_STYLE:
		return YAML_SINGLE;
	case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
		return YAML_DOUBLE;
	case YAML_LITERAL_SCALAR_STYLE:
		return YAML_LITERAL;
	case YAML_FOLDED_SCALAR_STYLE:
		return YAML_FOLDED;
	case YAML_ANY_SCALAR_STYLE:
	case YAML_PLAIN_SCALAR_STYLE:
		break;
	}
	return YAML_PLAIN;
}

static int
add_scalar(struct builder *b, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	struct yaml_node *node;
	int rc;

	if (len > b->limits->scalar_bytes) {
		faults_add(b->faults, FAULT_ERROR, event->start_mark.line + 1,
		    event->start_mark.column + 1,
		    "a text of %zu bytes; at most %zu are allowed", len,
		    b->limits->scalar_bytes);
		return ERR_INVALID;
	}
	if (memchr(value, '\0', len) != NULL)
		return fault_at(b, &event->start_mark, "a NUL character in a text");
	if ((rc = new_node(b, event, YAML_SCALAR, scalar_style(event), &node)) != 0)
		return rc;
	node->text = arena_strndup(&b->file->arena, value, len);
	node->len = (uint32_t)len;
	return attach(b, node, event);
}

static const char *
refused_feature(const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return "aliases (*name) are not allowed: write the value out";
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		break;
	default:
		return NULL;
	}
	if (anchor != NULL)
		return "anchors (&name) are not allowed: write the value out where it is used";
	return tag != NULL ? "tags (!name) are not allowed" : NULL;
}

static int
take_event(struct builder *b, const yaml_event_t *event)
{
	const char *refused = refused_feature(event);

	if (refused != NULL)
		return fault_at(b, &event->start_mark, refused);
	look_for_comments(b, event);
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return add_scalar(b, event);
	case YAML_SEQUENCE_START_EVENT:
		return open_collection(b, event, YAML_LIST,
		    event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE);
	case YAML_MAPPING_START_EVENT:
		return open_collection(b, event, YAML_MAP,
		    event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		close_collection(b);
		return 0;
	default:
		return 0;
	}
}

/* A document that a fault cut short is none. */
static void
drop_open_document(struct builder *b)
{
	if (b->depth > 0)
		b->file->n_documents--;
}

static int
pull_events(struct builder *b)
{
	yaml_event_t event;
	yaml_event_type_t type;
	int rc;

	do {
		if (!yaml_parser_parse(&b->parser, &event)) {
			drop_open_document(b);
			return syntax_fault(b);
		}
		type = event.type;
		rc = take_event(b, &event);
		yaml_event_delete(&event);
		if (rc != 0) {
			drop_open_document(b);
			return rc;
		}
	} while (type != YAML_STREAM_END_EVENT);
	return 0;
}

int
yaml_parse(const char *text, size_t len, const struct model_limits *limits,
    struct faults *faults, struct yaml_file *ret_file)
{
	static const struct model_limits defaults = MODEL_LIMITS_DEFAULT;
	struct builder b = { .text = text, .len = len, .faults = faults, .file = ret_file };
	size_t errors = faults->n_errors;
	int rc;

	*ret_file = (struct yaml_file){ 0 };
	b.limits = limits != NULL ? limits : &defaults;
	if ((rc = check_bytes(&b)) != 0)
		return rc;
	if (!yaml_parser_initialize(&b.parser))
		abort();
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, len);
	rc = pull_events(&b);
	yaml_parser_delete(&b.parser);
	if (rc == 0 && ret_file->n_documents == 0) {
		faults_add(faults, FAULT_ERROR, 1, 1, "the file is empty");
		rc = ERR_INVALID;
	}
	return rc != 0 || faults->n_errors > errors ? ERR_INVALID : 0;
}
