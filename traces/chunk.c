/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "traces/chunk.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

/*
 * The thread is woken for some chunks at once: that costs as much as recording a thousand items.
 * What is done with is filled again first, while it is in the caches; the others are for when
 * the host runs something else than that thread.
 */
enum { CHUNKS = 32, WAKE_CHUNKS = 4 };

struct trace_queue {
	struct trace_output *output;
	pthread_t thread;
	bool threaded;               /* else chunks are encoded where they are sent */
	struct trace_chunk *filling; /* the recording thread's */
	pthread_mutex_t mutex;       /* of what follows */
	pthread_cond_t some_sent, some_spare;
	unsigned sent, done;                 /* chunks */
	bool closed, waiting;                /* waiting: for spare ones */
	struct trace_chunk *pending[CHUNKS]; /* number n at n % CHUNKS */
	struct trace_chunk *spare[CHUNKS];   /* a stack */
	unsigned spare_count;
	struct trace_chunk chunk[CHUNKS];
};

static void encode(struct trace_queue *queue, struct trace_chunk *chunk)
{
	trace_output_run(queue->output, chunk->item, chunk->count, chunk->other);
	chunk->count = chunk->other_count = chunk->text_count = 0;
}

static void give_back(struct trace_queue *queue, struct trace_chunk *chunk)
{
	queue->done++;
	queue->spare[queue->spare_count++] = chunk;
	if (queue->waiting && queue->spare_count == WAKE_CHUNKS)
		pthread_cond_signal(&queue->some_spare);
}

static void encode_pending(struct trace_queue *queue)
{
	while (queue->done != queue->sent) {
		struct trace_chunk *chunk = queue->pending[queue->done % CHUNKS];

		pthread_mutex_unlock(&queue->mutex);
		encode(queue, chunk);
		pthread_mutex_lock(&queue->mutex);
		give_back(queue, chunk);
	}
}

static void *run(void *ctx)
{
	struct trace_queue *queue = ctx;
	bool closed = false;

	pthread_mutex_lock(&queue->mutex);
	while (!closed) {
		while (queue->sent - queue->done < WAKE_CHUNKS && !queue->closed)
			pthread_cond_wait(&queue->some_sent, &queue->mutex);
		closed = queue->closed; /* nothing is sent after that */
		encode_pending(queue);
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
	pthread_cond_init(&queue->some_sent, NULL);
	pthread_cond_init(&queue->some_spare, NULL);
	queue->filling = &queue->chunk[0];
	for (unsigned i = 1; i < CHUNKS; i++)
		queue->spare[queue->spare_count++] = &queue->chunk[i];
	queue->threaded = start_thread(queue);
	*out = queue;
	return PW_OK;
}

struct trace_chunk *trace_queue_chunk(struct trace_queue *queue)
{
	return queue->filling;
}

struct trace_chunk *trace_queue_send(struct trace_queue *queue)
{
	if (!queue->threaded) {
		encode(queue, queue->filling);
		return queue->filling;
	}
	pthread_mutex_lock(&queue->mutex);
	queue->pending[queue->sent++ % CHUNKS] = queue->filling;
	if (queue->sent - queue->done == WAKE_CHUNKS)
		pthread_cond_signal(&queue->some_sent);
	queue->waiting = queue->spare_count == 0;
	while (queue->spare_count == 0)
		pthread_cond_wait(&queue->some_spare, &queue->mutex);
	queue->waiting = false;
	queue->filling = queue->spare[--queue->spare_count];
	pthread_mutex_unlock(&queue->mutex);
	return queue->filling;
}

void trace_queue_destroy(struct trace_queue *queue)
{
	if (!queue)
		return;
	if (queue->threaded) {
		pthread_mutex_lock(&queue->mutex);
		queue->closed = true;
		pthread_cond_signal(&queue->some_sent);
		pthread_mutex_unlock(&queue->mutex);
		pthread_join(queue->thread, NULL);
	}
	pthread_cond_destroy(&queue->some_spare);
	pthread_cond_destroy(&queue->some_sent);
	pthread_mutex_destroy(&queue->mutex);
	free(queue);
}
