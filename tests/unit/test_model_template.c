/* SPDX-License-Identifier: MIT */
/* ${{ }}: parsing, rendering, and its place in shell lines. */
#include "model_support.h"

#include <sys/wait.h>
#include <unistd.h>

#include "model/template.h"


static void
take_fault(void *ctx, uint32_t ordinal, const char *text)
{
	buf_printf(ctx, "%u: %s\n", ordinal, text);
}

static const char *
params(void *ctx)
{
	(void)ctx;
	return "{\"name\":\"a \\\"b\\\" \\u00e9\",\"n\":3,\"list\":[1,2],\"none\":null,"
	       "\"nul\":\"x\\u0000y\",\"bad\":\"$(touch /tmp/x); `id` '\\\"\\\\\"}";
}

static const char *
env(void *ctx, const char *name)
{
	(void)ctx;
	return strcmp(name, "CI") == 0 ? "1" : NULL;
}

static const char *
run(void *ctx, const char *field)
{
	(void)ctx;
	return strcmp(field, "id") == 0 ? "01run-0" : NULL;
}

static const char *
outputs(void *ctx, uint32_t task)
{
	(void)ctx;
	return task == 7 ? "{\"plan\":\"p\",\"deep\":{\"k\":[true]}}" : NULL;
}

static const char *
status(void *ctx, uint32_t task)
{
	(void)ctx;
	return task == 7 ? "succeeded" : NULL;
}

static const struct scope scope = { NULL, params, env, run, outputs, status, 1000 };

/* "=text" where it renders, "!fault" where it does not parse, "?error" where values lack. */
static char *
outcome(enum template_kind kind, const char *text)
{
	struct arena arena = { 0 };
	struct template *tpl = NULL;
	struct buf out = { 0 };
	struct err err = { 0 };
	struct expr *exprs;
	uint32_t n;

	buf_addc(&out, '!');
	if (template_parse(&arena, kind, text, strlen(text), take_fault, &out, &tpl) == 0) {
		exprs = template_exprs(tpl, &n);
		for (uint32_t i = 0; i < n; i++)
			if (exprs[i].task_id != NULL)
				exprs[i].task = strcmp(exprs[i].task_id, "a") == 0 ? 7 : 8;
		buf_clear(&out);
		buf_addc(&out, '=');
		if (template_render(tpl, &scope, &out, &err) != 0) {
			assert_string_equal(buf_text(&out), "=");
			buf_clear(&out);
			buf_printf(&out, "?%s", err.text);
		}
	}
	arena_release(&arena);
	return buf_steal(&out);
}

static const struct {
	enum template_kind kind;
	const char *text;
	const char *want;
} cases[] = {
	{ TEMPLATE_TEXT, "plain $x ${y} {{ }}", "=plain $x ${y} {{ }}" },
	{ TEMPLATE_TEXT, "", "=" },
	{ TEMPLATE_TEXT, "a ${{ params.name }} b", "=a a \"b\" \xc3\xa9 b" },
	{ TEMPLATE_TEXT, "${{params.n}}${{ params.list }}|${{ params.none }}|", "=3[1,2]||" },
	{ TEMPLATE_TEXT, "${{ 'it''s }} ${{' }}", "=it's }} ${{" },
	{ TEMPLATE_TEXT, "${{ 12 }} ${{ -0.5 }} ${{ true }} ${{ null }}", "=12 -0.5 true " },
	{ TEMPLATE_TEXT, "${{ env.CI }} ${{ run.id }}", "=1 01run-0" },
	{ TEMPLATE_TEXT, "${{ tasks.a.outputs.deep }} ${{ tasks.a.status }}",
	    "={\"k\":[true]} succeeded" },
	{ TEMPLATE_TEXT, "${{ tasks.b.outputs }}", "={}" },
	{ TEMPLATE_TEXT, "x ${{ tasks.a.outputs.none }}", "?task 'a' gave no output 'none'" },
	{ TEMPLATE_TEXT, "x ${{ tasks.b.outputs.q }}", "?task 'b' gave no output 'q'" },
	{ TEMPLATE_TEXT, "x ${{ params.zip }}", "?'params.zip' has no value" },
	{ TEMPLATE_TEXT, "x ${{ params.nul }}", "?the value of 'nul' holds a NUL character" },
	{ TEMPLATE_JSON, "{\"a\":\"${{ params.list }}\",\"b\":\"${{ params.n }}\"}",
	    "={\"a\":[1,2],\"b\":3}" },
	{ TEMPLATE_JSON, "[\"v${{ params.n }}\",\"${{ params.name }}!\"]",
	    "=[\"v3\",\"a \\\"b\\\" \xc3\xa9!\"]" },
	{ TEMPLATE_JSON, "\"${{ run.id }}\"", "=\"01run-0\"" },
	{ TEMPLATE_JSON, "\"${{ 'a' }} ${{ 'b' }}\"", "=\"a b\"" },
	{ TEMPLATE_JSON, "{\"${{ x }}\":1}", "={\"${{ x }}\":1}" },
	{ TEMPLATE_TEXT, "${{ }}", "!0: '${{ }}' is empty\n" },
	{ TEMPLATE_TEXT, "${{ params.a", "!0: '${{' has no '}}'\n" },
	{ TEMPLATE_TEXT, "${{ 'a }}", "!0: a text in '...' has no end\n" },
	{ TEMPLATE_TEXT, "${{ params }}", "!0: say which: params.NAME\n" },
	{ TEMPLATE_TEXT, "${{ params. }}", "!0: a name is missing behind '.'\n" },
	{ TEMPLATE_TEXT, "${{ params.a.b }}",
	    "!0: paths into a value are not supported yet: use the whole value\n" },
	{ TEMPLATE_TEXT, "${{ params.a == 1 }}", "!0: operators are not supported yet: '='\n" },
	{ TEMPLATE_TEXT, "${{ !params.a }}", "!0: operators are not supported yet: '!'\n" },
	{ TEMPLATE_TEXT, "${{ toJSON(params) }}",
	    "!0: functions are not supported yet: toJSON()\n" },
	{ TEMPLATE_TEXT, "${{ toJSOn(params) }}",
	    "!0: unknown function 'toJSOn': did you mean 'toJSON'?\n" },
	{ TEMPLATE_TEXT, "${{ item }}", "!0: 'item' is not supported yet\n" },
	{ TEMPLATE_TEXT, "${{ \"x\" }}", "!0: texts stand in single quotes here: '...'\n" },
	{ TEMPLATE_TEXT, "${{ params['x'] }}", "!0: say which: params.NAME\n" },
	{ TEMPLATE_TEXT, "${{ tasks.a }}",
	    "!0: say what of the task: tasks.ID.outputs.NAME or tasks.ID.status\n" },
	{ TEMPLATE_TEXT, "${{ tasks.a.output.x }}",
	    "!0: a task has 'outputs' and 'status', not 'output'\n" },
	{ TEMPLATE_TEXT, "${{ par.a }} ${{ run.id }} ${{ run.x }}",
	    "!0: unknown name 'par': there are params, env, run and tasks; texts stand in "
	    "'...'\n2: 'run' has id, name, workflow and created_at, not 'x'\n" },
	{ TEMPLATE_TEXT, "${{ params.a b }}", "!0: '}}' is missing behind the reference\n" },
};

static void
test_cases(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *got = outcome(cases[i].kind, cases[i].text);

		if (strcmp(got, cases[i].want) != 0) {
			print_error("%s\n  wanted %s\n  got    %s\n", cases[i].text, cases[i].want,
			    got);
			wrong++;
		}
		free(got);
	}
	assert_int_equal(wrong, 0);
}

static void
test_size(void **state)
{
	struct scope small = scope;
	struct arena arena = { 0 };
	struct template *tpl;
	struct buf out = { 0 };
	struct err err = { 0 };

	(void)state;
	small.max_bytes = 4;
	template_parse(&arena, TEMPLATE_TEXT, "${{ params.name }}", 18, NULL, NULL, &tpl);
	assert_int_equal(template_render(tpl, &small, &out, &err), ERR_LIMIT);
	assert_int_equal(out.len, 0);
	template_parse(&arena, TEMPLATE_TEXT, "12345", 5, NULL, NULL, &tpl);
	assert_true(template_is_static(tpl));
	assert_int_equal(template_render(tpl, &small, &out, &err), ERR_LIMIT);
	arena_release(&arena);
	buf_release(&out);
}

/* @ stands for a reference: what the line becomes, or which fault it is. */
static const struct {
	const char *line;
	const char *want;
} lines[] = {
	{ "echo @", "echo \"${REEVE_V1}\"" },
	{ "echo @ @", "echo \"${REEVE_V1}\" \"${REEVE_V2}\"" },
	{ "echo --x=@/y", "echo --x=\"${REEVE_V1}\"/y" },
	{ "echo \"a @ b\"", "echo \"a ${REEVE_V1} b\"" },
	{ "echo \"a\" @ 'b'", "echo \"a\" \"${REEVE_V1}\" 'b'" },
	{ "echo \"it's @\"", "echo \"it's ${REEVE_V1}\"" },
	{ "echo \"a\\\"@\"", "echo \"a\\\"${REEVE_V1}\"" },
	{ "echo it\\'s @", "echo it\\'s \"${REEVE_V1}\"" },
	{ "a # it's @\necho @", "a # it's ${REEVE_V1}\necho \"${REEVE_V2}\"" },
	{ "echo a#'b' @", "echo a#'b' \"${REEVE_V1}\"" },
	{ "X=@ make", "X=\"${REEVE_V1}\" make" },
	{ "echo $(cat @)", "echo $(cat \"${REEVE_V1}\")" },
	{ "echo \"$(cat @) @\"", "echo \"$(cat \"${REEVE_V1}\") ${REEVE_V2}\"" },
	{ "echo \"$(cat \"@\")\" @", "echo \"$(cat \"${REEVE_V1}\")\" \"${REEVE_V2}\"" },
	{ "(cd @ && ls)", "(cd \"${REEVE_V1}\" && ls)" },
	{ "echo ${#x} $# $$ ${y:-'}'} @", "echo ${#x} $# $$ ${y:-'}'} \"${REEVE_V1}\"" },
	{ "echo \"${x:-it's}\" @", "echo \"${x:-it's}\" \"${REEVE_V1}\"" },
	{ "echo $((1 << 2)) @", "echo $((1 << 2)) \"${REEVE_V1}\"" },
	{ "cat <<A\nit's @@\nA\necho @", "!here-document" },
	{ "cat <<A\nit's\nA\necho @", "cat <<A\nit's\nA\necho \"${REEVE_V1}\"" },
	{ "cat <<-'A B'\n\tx\"\n\tA B\necho @", "cat <<-'A B'\n\tx\"\n\tA B\necho \"${REEVE_V1}\"" },
	{ "cat <<A <<B\n'\nA\n\"\nB\necho @", "cat <<A <<B\n'\nA\n\"\nB\necho \"${REEVE_V1}\"" },
	{ "cat <<A; echo @\nx\nA\n", "cat <<A; echo \"${REEVE_V1}\"\nx\nA\n" },
	{ "cat <<< @", "cat <<< \"${REEVE_V1}\"" },
	{ "x >@ 2>&1 <@", "x >\"${REEVE_V1}\" 2>&1 <\"${REEVE_V2}\"" },
	{ "case a in a) echo @;; esac", "case a in a) echo \"${REEVE_V1}\";; esac" },
	{ "echo evaluate @; evals @", "echo evaluate \"${REEVE_V1}\"; evals \"${REEVE_V2}\"" },
	{ "eval x; echo @", "eval x; echo \"${REEVE_V1}\"" },
	{ "sh -c 'echo \"$1\"' sh @", "sh -c 'echo \"$1\"' sh \"${REEVE_V1}\"" },
	{ "sh script @", "sh script \"${REEVE_V1}\"" },
	{ "echo '@'", "!single quotes" },
	{ "echo \"x\"'@'", "!single quotes" },
	{ "echo $'@'", "!$'...'" },
	{ "echo $'a\\'b' @", "!intricate" },
	{ "cat << @", "!here-document" },
	{ "eval @", "!eval" },
	{ "eval \"x @\"", "!eval" },
	{ "true && eval x \"$(echo @)\"", "!eval" },
	{ "e'va'l @", "!eval" },
	{ "\\eval @", "!eval" },
	{ "if eval @; then x; fi", "!eval" },
	{ "A=1 eval @", "!eval" },
	{ ">f eval @", "!eval" },
	{ "trap \"rm @\" EXIT", "!eval" },
	{ "sh -c \"echo @\"", "!eval" },
	{ "/bin/bash -euc @", "!eval" },
	{ "xargs sh -c \"x @\"", "!eval" },
	{ "echo `cat @`", "!`...`" },
	{ "echo \"`cat \"@\"`\"", "!`...`" },
	{ "echo $((@ + 1))", "!$((...))" },
	{ "((x = @))", "!$((...))" },
	{ "echo ${x:-@}", "!${...}" },
	{ "echo \\@", "!right before" },
	{ "echo $@", "!right before" },
	{ "echo $(case a in a) echo @;; esac)", "!intricate" },
};

static char *
expand_line(const char *line)
{
	struct buf out = { 0 };

	for (; *line != '\0'; line++) {
		if (*line == '@')
			buf_adds(&out, "${{ run.id }}");
		else
			buf_addc(&out, *line);
	}
	return buf_steal(&out);
}

static void
test_lines(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		char *line = expand_line(lines[i].line);
		char *got = outcome(TEMPLATE_SHELL, line);
		const char *want = lines[i].want;
		bool ok = *want == '!' ? *got == '!' && strstr(got, want + 1) != NULL :
		                         *got == '=' && strcmp(got + 1, want) == 0;

		if (!ok) {
			print_error("%s\n  wanted %s\n  got    %s\n", lines[i].line, want, got);
			wrong++;
		}
		free(line);
		free(got);
	}
	assert_int_equal(wrong, 0);
}

static void
set_variable(void *ctx, const char *name, const char *value, size_t len)
{
	(void)ctx;
	assert_int_equal(strlen(value), len);
	setenv(name, value, 1);
}

/* What `shell -c line` prints; "" where there is no such shell. */
static void
run_shell(const char *shell, const char *line, char *out, size_t size)
{
	int ends[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(ends[1], 1);
		execlp(shell, shell, "-c", line, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	while (len + 1 < size && (n = read(ends[0], out + len, size - 1 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 127));
}

/* Real shells see hostile values exactly as they are, at every place that is allowed. */
static void
test_real_shells(void **state)
{
	static const char *const scripts[] = {
		"printf %s ${{ params.bad }}",
		"printf %s \"${{ params.bad }}\"",
		"x=${{ params.bad }}; printf %s \"$x\"",
		"printf %s \"$(printf %s \"${{ params.bad }}\")\"",
		"printf %s \"$(printf %s ${{ params.bad }})\" # '${{ params.bad }}",
		"sh -c 'printf %s \"$1\"' sh ${{ params.bad }}",
		"cat <<E >/dev/null\n'\"\nE\nprintf %s ${{ params.bad }}",
	};
	static const char *const shells[] = { "sh", "bash" };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(scripts); i++) {
		const char *script = scripts[i / 2];
		struct arena arena = { 0 };
		struct template *tpl;
		char got[200];

		assert_int_equal(template_parse(&arena, TEMPLATE_SHELL, script, strlen(script),
		    NULL, NULL, &tpl), 0);
		assert_int_equal(template_render_env(tpl, &scope, set_variable, NULL, NULL), 0);
		run_shell(shells[i % 2], template_text(tpl, NULL), got, sizeof got);
		if (i % 2 == 0 || *got != '\0')
			assert_string_equal(got, "$(touch /tmp/x); `id` '\"\\");
		arena_release(&arena);
	}
}

static void
test_variables(void **state)
{
	struct arena arena = { 0 };
	struct template *tpl;
	struct err err = { 0 };

	(void)state;
	template_parse(&arena, TEMPLATE_SHELL, "x ${{ params.nul }}", 19, NULL, NULL, &tpl);
	assert_int_equal(template_render_env(tpl, &scope, set_variable, NULL, &err), ERR_INVALID);
	template_parse(&arena, TEMPLATE_SHELL, "x", 1, NULL, NULL, &tpl);
	assert_true(template_is_static(tpl));
	assert_int_equal(template_render_env(tpl, &scope, set_variable, NULL, &err), 0);
	arena_release(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_real_shells),
		cmocka_unit_test(test_variables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
