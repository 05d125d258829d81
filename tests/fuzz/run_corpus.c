/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a fuzz target without a fuzzer: over every file of the directories given, and then over
 * seeded mutations of them, so that each fuzz target is also a plain test that any compiler can
 * build and that gives the same inputs each time.
 *
 *	fuzz.NAME [--mutate N] [--seed S] [--seconds T] [DIRECTORY|FILE...]
 *
 * An input that kills the target, or keeps it busy for more than T seconds, is named on standard
 * error and left as crash-input in the working directory, ready to be added to the corpus. This is
 * no search for new paths: clang's libFuzzer does that on the same targets (PAGEWALK_LIBFUZZER).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of the sanitizers' runtime, where there is one: they report and exit without a signal. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

enum { INPUT_MAX = 1 << 20, MUTATIONS_MAX = 8 };

struct input {
	char *name;
	uint8_t *data;
	size_t size;
};

struct corpus {
	struct input *inputs;
	size_t count;
};

struct options {
	uint64_t mutate_count;
	uint64_t seed;
	unsigned limit_seconds;
};

/* What is running now, for the handler of its death. */
static struct {
	const char *name;
	const uint8_t *data;
	size_t size;
	uint64_t mutation; /* 0: the file as it is */
} running;

static void say(const char *text)
{
	ssize_t ignored = write(STDERR_FILENO, text, strlen(text));

	(void)ignored;
}

/* Only async-signal-safe calls: it may run inside a broken malloc. */
static void report_death(void)
{
	char digits[24];
	char *digit = digits + sizeof(digits) - 1;
	uint64_t left = running.mutation;
	ssize_t written = 0;
	int fd;

	*digit = '\0';
	do {
		*--digit = (char)('0' + left % 10);
		left /= 10;
	} while (left != 0);
	say("\nfuzz: died on ");
	say(running.name != NULL ? running.name : "nothing");
	say(", mutation ");
	say(digit);
	say("; the input is in crash-input\n");
	fd = open("crash-input", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd >= 0) {
		written = write(fd, running.data, running.size);
		close(fd);
	}
	(void)written;
}

static void on_signal(int number)
{
	if (number == SIGALRM)
		say("\nfuzz: too slow");
	report_death();
	signal(number, SIG_DFL);
	raise(number);
}

static void catch_deaths(void)
{
	static const int signals[] = { SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGILL, SIGSEGV };

	signal(SIGALRM, on_signal);
	signal(SIGABRT, on_signal);
	if (__sanitizer_set_death_callback != NULL) {
		__sanitizer_set_death_callback(report_death);
		return;
	}
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], on_signal);
}

static void *must(void *memory)
{
	if (memory == NULL) {
		fprintf(stderr, "fuzz: out of memory\n");
		exit(1);
	}
	return memory;
}

/* A copy of its own size for each run, so that a sanitizer sees reads beyond the end. */
static void run_one(const struct options *options, const struct input *input, uint64_t mutation)
{
	uint8_t *copy = must(malloc(input->size != 0 ? input->size : 1));

	if (input->size != 0)
		memcpy(copy, input->data, input->size);
	running.name = input->name;
	running.data = copy;
	running.size = input->size;
	running.mutation = mutation;
	alarm(options->limit_seconds);
	LLVMFuzzerTestOneInput(copy, input->size);
	alarm(0);
	free(copy);
}

/* splitmix64, Steele, Lea and Flood 2014: any seed is a good one. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static size_t below(uint64_t *random, size_t limit)
{
	return limit == 0 ? 0 : (size_t)(next_random(random) % limit);
}

/* Overwrites 1, 2, 4 or 8 bytes with a number that arithmetic on sizes tends to get wrong. */
static void put_number(struct input *input, uint64_t *random)
{
	static const uint64_t numbers[] = {
		0,          1,          0x7f,       0x80,       0xff,       0xfff,
		0x1000,     0x7fff,     0x8000,     0xffff,     0x7fffffff, 0x80000000,
		0xffffffff, 1ULL << 47, 1ULL << 62, 1ULL << 63, UINT64_MAX, UINT64_MAX - 4095,
	};
	size_t bytes = (size_t)1 << below(random, 4);
	uint64_t number = numbers[below(random, sizeof(numbers) / sizeof(numbers[0]))];
	size_t at;

	if (input->size < bytes)
		return;
	at = below(random, input->size - bytes + 1);
	if (below(random, 4) != 0)
		at -= at % bytes;
	memcpy(input->data + at, &number, bytes);
}

static void erase(struct input *input, uint64_t *random)
{
	size_t from = below(random, input->size);
	size_t bytes = below(random, (input->size - from < 64 ? input->size - from : 64) + 1);

	memmove(input->data + from, input->data + from + bytes, input->size - from - bytes);
	input->size -= bytes;
}

/* Part of another input, or of the same one, put in at any place. */
static void insert(struct input *input, const struct input *other, uint64_t *random)
{
	size_t at = below(random, input->size + 1);
	size_t from = below(random, other->size);
	size_t bytes = below(random, (other->size - from < 256 ? other->size - from : 256) + 1);

	if (bytes > INPUT_MAX - input->size)
		return;
	memmove(input->data + at + bytes, input->data + at, input->size - at);
	memcpy(input->data + at, other->data + from, bytes);
	input->size += bytes;
}

static void mutate_once(struct input *input, const struct input *other, uint64_t *random)
{
	size_t at = below(random, input->size);

	switch (below(random, 8)) {
	case 0:
	case 1:
		if (input->size != 0)
			input->data[at] ^= (uint8_t)(1U << below(random, 8));
		break;
	case 2:
		if (input->size != 0)
			input->data[at] = (uint8_t)next_random(random);
		break;
	case 3:
	case 4:
		put_number(input, random);
		break;
	case 5:
		erase(input, random);
		break;
	case 6:
		insert(input, other, random);
		break;
	default:
		if (below(random, 4) == 0)
			input->size = at;
		break;
	}
}

static void run_mutations(const struct options *options, const struct corpus *corpus)
{
	struct input work = { .data = must(malloc(INPUT_MAX)) };

	for (uint64_t i = 1; i <= options->mutate_count; i++) {
		uint64_t random = options->seed ^ i * 0x9e3779b97f4a7c15;
		const struct input *base = &corpus->inputs[i % corpus->count];
		const struct input *other = &corpus->inputs[below(&random, corpus->count)];
		size_t times = 1 + below(&random, MUTATIONS_MAX);

		work.name = base->name;
		work.size = base->size;
		memcpy(work.data, base->data, base->size);
		while (times-- > 0)
			mutate_once(&work, other, &random);
		run_one(options, &work, i);
	}
	free(work.data);
}

static void add_input(struct corpus *corpus, const char *name, FILE *file)
{
	struct input input = { .name = must(strdup(name)), .data = must(malloc(INPUT_MAX)) };

	if (file != NULL)
		input.size = fread(input.data, 1, INPUT_MAX, file);
	input.data = must(realloc(input.data, input.size != 0 ? input.size : 1));
	corpus->inputs =
		must(realloc(corpus->inputs, (corpus->count + 1) * sizeof(*corpus->inputs)));
	corpus->inputs[corpus->count++] = input;
}

static void add_file(struct corpus *corpus, const char *path)
{
	FILE *file = fopen(path, "rb");

	if (file == NULL) {
		fprintf(stderr, "fuzz: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	add_input(corpus, path, file);
	fclose(file);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* In the order of names, so that a mutation has the same number on every machine. */
static void add_path(struct corpus *corpus, const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_visible, alphasort);
	char *child;

	if (count < 0) {
		add_file(corpus, path);
		return;
	}
	for (int i = 0; i < count; i++) {
		if (asprintf(&child, "%s/%s", path, entries[i]->d_name) < 0)
			child = must(NULL);
		add_path(corpus, child);
		free(child);
		free(entries[i]);
	}
	free(entries);
}

static uint64_t parse_number(const char *name, const char *text)
{
	char *end;
	uint64_t number;

	errno = 0;
	number = text != NULL ? strtoull(text, &end, 0) : 0;
	if (text == NULL || errno != 0 || end == text || *end != '\0') {
		fprintf(stderr, "fuzz: %s needs a number\n", name);
		exit(2);
	}
	return number;
}

static void release_corpus(struct corpus *corpus)
{
	for (size_t i = 0; i < corpus->count; i++) {
		free(corpus->inputs[i].name);
		free(corpus->inputs[i].data);
	}
	free(corpus->inputs);
}

int main(int argc, char **argv)
{
	struct options options = { .seed = 1, .limit_seconds = 30 };
	struct corpus corpus = { 0 };

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--mutate") == 0)
			options.mutate_count = parse_number(argv[i], argv[i + 1]), i++;
		else if (strcmp(argv[i], "--seed") == 0)
			options.seed = parse_number(argv[i], argv[i + 1]), i++;
		else if (strcmp(argv[i], "--seconds") == 0)
			options.limit_seconds = (unsigned)parse_number(argv[i], argv[i + 1]), i++;
		else
			add_path(&corpus, argv[i]);
	}
	if (corpus.count == 0)
		add_input(&corpus, "the empty input", NULL);
	catch_deaths();
	for (size_t i = 0; i < corpus.count; i++)
		run_one(&options, &corpus.inputs[i], 0);
	run_mutations(&options, &corpus);
	printf("%zu inputs, %" PRIu64 " mutations\n", corpus.count, options.mutate_count);
	release_corpus(&corpus);
	return 0;
}
