/* SPDX-License-Identifier: MIT */
/*
 * BullMQ on the workloads of `reeve bench`: a worker process and a producer process.
 *
 *   node bullmq.js worker REDIS RECORDS CONCURRENCY
 *   node bullmq.js producer REDIS
 *
 * REDIS is the path of a socket or a port.  Both say "ready".  The producer then reads lines of
 * JSON, {"workload": "W1", "size": N, "width": N}, and answers each with {"begun_ns": …}, the
 * moment before its first submission.  The worker appends a record to the file RECORDS for each
 * task that was executed and recorded: its index, when its body began and ended, and when
 * Redis had confirmed its completion; four 64-bit numbers, nanoseconds of CLOCK_MONOTONIC.
 *
 * A flow is a tree whose children run before their parent, so one task with a fan-out behind
 * it cannot be said: there the first task's body adds the flow of the others.
 */
'use strict';
const fs = require('fs');
const { FlowProducer, Queue, Worker } = require('bullmq');

const QUEUE = 'bench';
const BULK = 1000;
const OPTIONS = { removeOnComplete: true };

function connection(where) {
	const place = /^[0-9]+$/.test(where)
		? { host: '127.0.0.1', port: Number(where) }
		: { path: where };

	return Object.assign(place, { maxRetriesPerRequest: null });
}

function job(index, more) {
	return { name: 't', queueName: QUEUE, data: { index, ...more }, opts: OPTIONS };
}

/* What a first task's body adds: everything behind it, with indices after its own. */
function rest(index, width) {
	const last = job(index + width + 1);

	last.children = Array.from({ length: width }, (_, i) => job(index + 1 + i));
	return last;
}

async function addBulk(queue, count, make) {
	for (let at = 0; at < count; at += BULK) {
		const n = Math.min(BULK, count - at);

		await queue.addBulk(Array.from({ length: n }, (_, i) => make(at + i)));
	}
}

/* By workload: submits `size` runs (W1b, W2: one run of `size` tasks). */
const WORKLOADS = {
	W1: ({ queue, size }) => addBulk(queue, size, (i) => job(i)),
	W1b: ({ flows, size }) => flows.add(rest(-1, size)),
	W2({ flows, size }) {
		let flow = null;

		for (let i = 0; i < size; i++)
			flow = { ...job(i), children: flow ? [flow] : [] };
		return flows.add(flow);
	},
	W3: ({ queue, size, width }) =>
		addBulk(queue, size, (i) => job(i * (width + 2), { width })),
	W4: ({ queue, size, width }) =>
		addBulk(queue, size, (i) => job(i * (width + 2), { width })),
};

async function produce(where) {
	const queue = new Queue(QUEUE, { connection: connection(where) });
	const flows = new FlowProducer({ connection: connection(where) });
	const lines = require('readline').createInterface({ input: process.stdin });

	await queue.waitUntilReady();
	await flows.waitUntilReady();
	console.log('ready');
	for await (const line of lines) {
		const asked = JSON.parse(line);
		const begun = process.hrtime.bigint();

		await WORKLOADS[asked.workload]({ queue, flows, ...asked });
		console.log(`{"begun_ns": ${begun}}`);
	}
	await queue.close();
	await flows.close();
}

/* Records wait in memory for a moment: a write for each would be a part of what is measured. */
class Records {
	constructor(path) {
		this.file = fs.openSync(path, 'a');
		this.buffer = Buffer.alloc(32 * 4096);
		this.used = 0;
		setInterval(() => this.flush(), 20);
	}

	add(index, begun, ended, recorded) {
		for (const value of [BigInt(index), begun, ended, recorded])
			this.used = this.buffer.writeBigInt64LE(value, this.used);
		if (this.used === this.buffer.length)
			this.flush();
	}

	flush() {
		if (this.used)
			fs.writeSync(this.file, this.buffer, 0, this.used);
		this.used = 0;
	}
}

async function work(where, path, concurrency) {
	const records = new Records(path);
	const flows = new FlowProducer({ connection: connection(where) });
	const begun = new Map();
	const body = async (task) => {
		const at = process.hrtime.bigint();

		if (task.data.width)
			await flows.add(rest(task.data.index, task.data.width));
		begun.set(task.id, [at, process.hrtime.bigint()]);
	};
	const worker = new Worker(QUEUE, body,
		{ connection: connection(where), concurrency: Number(concurrency) });

	worker.on('completed', (task) => {
		records.add(task.data.index, ...begun.get(task.id), process.hrtime.bigint());
		begun.delete(task.id);
	});
	worker.on('failed', (task, error) => console.error('failed:', error.message));
	worker.on('error', (error) => console.error('error:', error.message));
	process.on('SIGTERM', async () => {
		await worker.close();
		await flows.close();
		records.flush();
		process.exit(0);
	});
	await flows.waitUntilReady();
	await worker.waitUntilReady();
	console.log('ready');
}

const [role, ...args] = process.argv.slice(2);

if (role === 'worker')
	work(...args);
else
	produce(...args);
