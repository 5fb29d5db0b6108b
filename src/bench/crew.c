/* SPDX-License-Identifier: MIT */
/* Starts the agents of a measurement, watches over them and ends them. */
#include "bench/crew.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define TICK_MS 20
#define SILENCE_US (60 * CLOCK_S)

/* --- start --- */

static int
make_groups(const struct worker_config *config, struct resp *conn, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < config->parts && rc == 0; i++) {
		resp_command(conn, "XGROUP", "CREATE", config->queues[i], config->group,
		    "$", "MKSTREAM", NULL);
		rc = resp_call(conn, err);
		/* of a crew before this one */
		if (rc == ERR_FAILED && strstr(err->text, "BUSYGROUP"))
			rc = 0;
	}
	return rc;
}

/* The lists stand behind the board, where the agents see them at the same address. */
static int
make_board(struct crew *crew, struct err *err)
{
	const struct worker_config *config = &crew->config;
	size_t traced = config->traced * config->traced_tasks;
	size_t handoffs = config->chain ? config->total : 0;

	crew->board_size = sizeof *crew->board + 2 * traced * sizeof(int64_t) +
			   handoffs * sizeof(uint32_t);
	crew->board = mmap(NULL, crew->board_size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (crew->board == MAP_FAILED) {
		crew->board = NULL;
		return err_set(err, ERR_FAILED, "no memory to share with agents: %s",
		    strerror(errno));
	}
	crew->board->read_ns = (int64_t *)(void *)(crew->board + 1);
	crew->board->answered_ns = crew->board->read_ns + traced;
	crew->board->handoff_ns = (uint32_t *)(void *)(crew->board->answered_ns + traced);
	if (pipe2(crew->bell, O_CLOEXEC | O_NONBLOCK) != 0) {
		crew->bell[0] = crew->bell[1] = -1;
		return err_set(
		    err, ERR_FAILED, "cannot make a pipe: %s", strerror(errno));
	}
	return 0;
}

static int
start_agent(struct crew *crew, unsigned index, struct err *err)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			worker_main(&crew->config, crew->board, index, crew->bell[1]);
		_exit(0);
	}
	if (pid < 0)
		return err_set(err, ERR_FAILED,
		    "cannot start agent %u of %u: %s (ulimit -u says how many processes "
		    "there may be)",
		    index + 1, crew->config.agents, strerror(errno));
	crew->pids[index] = pid;
	return 0;
}

/* Until the bell rings or a tick is over. */
static void
listen_bell(const struct crew *crew)
{
	struct pollfd fd = { .fd = crew->bell[0], .events = POLLIN };
	char bytes[64];

	if (poll(&fd, 1, TICK_MS) > 0)
		(void)!read(crew->bell[0], bytes, sizeof bytes);
}

/* An agent ends by itself only when there is nothing more to read. */
static int
check_agents(struct crew *crew, struct err *err)
{
	if (process_interrupted())
		return err_set(err, ERR_CONFLICT, "stopped");
	if (atomic_load(&crew->board->failed))
		return crew_fault(crew, ERR_FAILED, err);
	for (unsigned i = 0; i < crew->config.agents; i++) {
		int status = 0;

		if (crew->pids[i] <= 0 || waitpid(crew->pids[i], &status, WNOHANG) <= 0)
			continue;
		crew->pids[i] = 0;
		if (WIFSIGNALED(status) && !crew->config.dies_after)
			return err_set(err, ERR_FAILED,
			    "agent %u was killed by signal %d", i + 1, WTERMSIG(status));
	}
	return 0;
}

int
crew_start(struct crew *crew, const struct worker_config *config, struct resp *conn,
    struct err *err)
{
	int rc;

	*crew = (struct crew){ .config = *config, .bell = { -1, -1 } };
	rc = make_groups(config, conn, err);
	if (rc == 0)
		rc = make_board(crew, err);
	for (unsigned i = 0; i < config->agents && rc == 0; i++)
		rc = start_agent(crew, i, err);
	while (rc == 0 && atomic_load(&crew->board->reading) < config->agents) {
		listen_bell(crew);
		rc = check_agents(crew, err);
	}
	if (rc < 0)
		crew_release(crew);
	return rc;
}

/* --- while they work --- */

int
crew_wait(struct crew *crew, struct process *watched, struct err *err)
{
	const struct board *board = crew->board;
	int64_t seen_at = clock_mono_us();
	size_t seen = 0;
	int rc = 0;

	while (rc == 0 && atomic_load(&board->answered) < crew->config.total) {
		listen_bell(crew);
		if (atomic_load(&board->taken) != seen) {
			seen = atomic_load(&board->taken);
			seen_at = clock_mono_us();
		}
		if (clock_mono_us() - seen_at > SILENCE_US)
			return err_set(err, ERR_FAILED,
			    "no task came for 60 s: %zu of %zu are done", seen,
			    crew->config.total);
		rc = check_agents(crew, err);
		if (rc == 0 && watched)
			rc = process_check(watched, err);
	}
	return rc;
}

int
crew_wait_death(struct crew *crew, struct process *watched, struct err *err)
{
	int64_t deadline = clock_mono_us() + SILENCE_US;
	int rc = 0;

	while (rc == 0 && atomic_load(&crew->board->died_ns) == 0) {
		listen_bell(crew);
		if (clock_mono_us() > deadline)
			return err_set(
			    err, ERR_FAILED, "no agent got a task to die with");
		rc = check_agents(crew, err);
		if (rc == 0)
			rc = process_check(watched, err);
	}
	return rc;
}

int
crew_fault(const struct crew *crew, int rc, struct err *err)
{
	for (unsigned i = 0; crew->board && i < crew->config.agents; i++) {
		const struct worker_slot *slot = &crew->board->slots[i];

		if (slot->rc >= 0)
			continue;
		*err = slot->err;
		(void)err_prefix(err, "agent %u", i + 1);
		return slot->rc;
	}
	return rc;
}

bool
entry_reached(const char *a, const char *b)
{
	uint64_t ms[2], seq[2];
	char *end;

	ms[0] = strtoull(a, &end, 10);
	seq[0] = *end == '-' ? strtoull(end + 1, NULL, 10) : 0;
	ms[1] = strtoull(b, &end, 10);
	seq[1] = *end == '-' ? strtoull(end + 1, NULL, 10) : 0;
	return ms[0] != ms[1] ? ms[0] > ms[1] : seq[0] >= seq[1];
}

const char *
crew_last(const struct crew *crew, size_t part)
{
	const char *last = "";

	for (unsigned i = 0; i < crew->config.agents; i++) {
		const char *own = crew->board->slots[i].last[part];

		if (*own && (!*last || entry_reached(own, last)))
			last = own;
	}
	return last;
}

/* --- end --- */

void
crew_stop(struct crew *crew)
{
	for (unsigned i = 0; i < crew->config.agents; i++) {
		if (crew->pids[i] > 0)
			(void)kill(crew->pids[i], SIGKILL);
	}
	for (unsigned i = 0; i < crew->config.agents; i++) {
		if (crew->pids[i] > 0)
			(void)waitpid(crew->pids[i], NULL, 0);
		crew->pids[i] = 0;
	}
}

void
crew_release(struct crew *crew)
{
	crew_stop(crew);
	if (!crew->board)
		return;
	(void)munmap(crew->board, crew->board_size);
	if (crew->bell[0] >= 0) {
		close(crew->bell[0]);
		close(crew->bell[1]);
	}
	*crew = (struct crew){ 0 };
}
