/* SPDX-License-Identifier: MIT */
/* Functions of a name, in a file of their own so that no compiler folds them away. */
#include <stdio.h>

#include "tests/instructions/play.h"

/* Each does something behind the call, or it would be no call but a jump. */
void
measured_engine(struct play *play, void (*step)(struct play *))
{
	play->steps_engine++;
	step(play);
	play->steps_engine--;
}

void
measured_store(struct play *play, void (*step)(struct play *))
{
	play->steps_store++;
	step(play);
	play->steps_store--;
}

void
measured_end(const char *name, size_t tasks)
{
	(void)printf("%s %zu\n", name, tasks);
	(void)fflush(stdout);
}
