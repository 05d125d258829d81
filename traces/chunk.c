/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "traces/chunk.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { CHUNKS = 4 };

struct trace_queue {
	struct trace_output *output;
	pthread_t thread;
	bool threaded; /* else chunks are encoded where they are sent */
	pthread_mutex_t mutex;
	pthread_cond_t sent_one, done_one;
	unsigned sent, done; /* chunks, under the mutex */
	bool closed;         /* under the mutex */
	struct trace_chunk chunk[CHUNKS];
};

static void encode(struct trace_queue *queue, unsigned number)
{
	struct trace_chunk *chunk = &queue->chunk[number % CHUNKS];

	trace_output_run(queue->output, chunk->item, chunk->count, chunk->other);
	chunk->count = chunk->other_count = chunk->text_count = 0;
}

static void *run(void *ctx)
{
	struct trace_queue *queue = ctx;

	pthread_mutex_lock(&queue->mutex);
	for (;;) {
		while (queue->done == queue->sent && !queue->closed)
			pthread_cond_wait(&queue->sent_one, &queue->mutex);
		if (queue->done == queue->sent)
			break;
		pthread_mutex_unlock(&queue->mutex);
		encode(queue, queue->done);
		pthread_mutex_lock(&queue->mutex);
		queue->done++;
		pthread_cond_signal(&queue->done_one);
	}
	pthread_mutex_unlock(&queue->mutex);
	return NULL;
}

/* Signals are the guest's business and the main thread's. */
static bool start_thread(struct trace_queue *queue)
{
	sigset_t all, old;
	bool started;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	started = pthread_create(&queue->thread, NULL, run, queue) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return started;
}

int trace_queue_create(struct trace_queue **out, struct trace_output *output)
{
	struct trace_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return PW_NOMEM;
	queue->output = output;
	pthread_mutex_init(&queue->mutex, NULL);
	pthread_cond_init(&queue->sent_one, NULL);
	pthread_cond_init(&queue->done_one, NULL);
	queue->threaded = start_thread(queue);
	*out = queue;
	return PW_OK;
}

struct trace_chunk *trace_queue_chunk(struct trace_queue *queue)
{
	return &queue->chunk[queue->sent % CHUNKS]; /* `sent` changes in this thread only */
}

struct trace_chunk *trace_queue_send(struct trace_queue *queue)
{
	if (!queue->threaded) {
		encode(queue, queue->sent);
		return trace_queue_chunk(queue);
	}
	pthread_mutex_lock(&queue->mutex);
	queue->sent++;
	pthread_cond_signal(&queue->sent_one);
	while (queue->sent - queue->done == CHUNKS)
		pthread_cond_wait(&queue->done_one, &queue->mutex);
	pthread_mutex_unlock(&queue->mutex);
	return trace_queue_chunk(queue);
}

void trace_queue_destroy(struct trace_queue *queue)
{
	if (!queue)
		return;
	if (queue->threaded) {
		pthread_mutex_lock(&queue->mutex);
		queue->closed = true;
		pthread_cond_signal(&queue->sent_one);
		pthread_mutex_unlock(&queue->mutex);
		pthread_join(queue->thread, NULL);
	}
	pthread_cond_destroy(&queue->done_one);
	pthread_cond_destroy(&queue->sent_one);
	pthread_mutex_destroy(&queue->mutex);
	free(queue);
}
