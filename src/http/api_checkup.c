/* SPDX-License-Identifier: MIT */
/* What the auditor finds, for reeve doctor. */
#include "http/api.h"

void
api_checkup(struct http_request *req)
{
	facade_checkup(req->orch, http_wait_reply, http_wait(req, http_reply_answer));
}
