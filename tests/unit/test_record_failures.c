/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What goes wrong around a record: files that are not ours, no room, no permission, locks, a kill
 * in the middle. A shim around the default VFS of SQLite lets the n-th write, sync or opening of a
 * journal fail, for every n.
 */

#include "tests/unit/test_record.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "analysis/report.h"

/* --- a file system that fails ---------------------------------------------------------------- */

static sqlite3_vfs shim_vfs;
/* SQLite gives the database other methods (with locks) than its journal. */
enum { DATABASE, JOURNAL };
static sqlite3_io_methods shim_methods[2];
static const sqlite3_io_methods *real_methods[2];
static long operations_left = -1; /* negative: never fails */
static int failure_code = SQLITE_FULL;

static bool fails_now(void)
{
	if (operations_left < 0)
		return false;
	if (operations_left == 0)
		return true; /* and stays full */
	operations_left--;
	return false;
}

static const sqlite3_io_methods *real_of(const sqlite3_file *file)
{
	return real_methods[file->pMethods == &shim_methods[JOURNAL] ? JOURNAL : DATABASE];
}

static int shim_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset)
{
	return fails_now() ? failure_code : real_of(file)->xWrite(file, bytes, count, offset);
}

static int shim_sync(sqlite3_file *file, int flags)
{
	return fails_now() ? SQLITE_IOERR_FSYNC : real_of(file)->xSync(file, flags);
}

static int shim_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
		     int *flags_out)
{
	sqlite3_vfs *real = vfs->pAppData;
	int which = flags & SQLITE_OPEN_MAIN_DB ? DATABASE : JOURNAL;
	int code;

	if (which == JOURNAL && fails_now())
		return SQLITE_CANTOPEN;
	code = real->xOpen(real, name, file, flags, flags_out);
	if (code == SQLITE_OK && file->pMethods) {
		real_methods[which] = file->pMethods;
		shim_methods[which] = *real_methods[which];
		shim_methods[which].xWrite = shim_write;
		shim_methods[which].xSync = shim_sync;
		file->pMethods = &shim_methods[which];
	}
	return code;
}

static int shim_set_up(void **state)
{
	sqlite3_vfs *real = sqlite3_vfs_find(NULL);

	(void)state;
	shim_vfs = *real;
	shim_vfs.pNext = NULL;
	shim_vfs.zName = "shim";
	shim_vfs.pAppData = real;
	shim_vfs.xOpen = shim_open;
	return sqlite3_vfs_register(&shim_vfs, 1);
}

/* --- helpers --------------------------------------------------------------------------------- */

static int open_quietly(const char *path, struct record_error *error)
{
	struct record_setup setup = fake_setup(path, RECORD_SUMMARY);
	struct record *record = (struct record *)&setup;
	int failed = record_open(&record, &setup, error);

	if (failed)
		assert_null(record);
	record_destroy(record);
	return failed;
}

/* Fails with this code and says this; afterwards the file is byte for byte what it was. */
static void assert_refused(const char *path, int code, const char *words)
{
	struct record_error error = { "" };
	int failed = open_quietly(path, &error);

	if (failed != code || !strstr(error.text, words))
		fail_msg("%d instead of %d, '%s' does not say '%s'", failed, code, error.text,
			 words);
	assert_non_null(strstr(error.text, strrchr(path, '/') + 1));
}

static void make_db(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void push_walks(struct record *record, unsigned count)
{
	struct sink *sink = record_sink(record);
	struct event batch[64] = { { .kind = 0 } };

	for (unsigned i = 0; i < count; i++) {
		batch[i % 64] = (struct event){ .kind = EVENT_WALK,
						.va = (uint64_t)i << 12,
						.pc = 0x1000 + i,
						.cycles = 30,
						.cycle = i };
		if (i % 64 == 63)
			sink->ops->batch(sink, batch, 64);
	}
}

/* --- files that are not ours ----------------------------------------------------------------- */

static void record_refuses_foreign_files(void **state)
{
	const char *path = scratch("foreign.db");
	FILE *file;

	(void)state;
	make_db(path, "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (42)");
	assert_refused(path, PW_INVALID, "belongs to another program");
	assert_answer(path, "SELECT x FROM theirs", "42");
	assert_answer(path, "SELECT count(*) FROM sqlite_schema", "1");

	path = scratch("claimed.db");
	make_db(path, "PRAGMA application_id = 7");
	assert_refused(path, PW_INVALID, "application_id 0x00000007");

	path = scratch("noise.db");
	file = fopen(path, "w");
	for (unsigned i = 0; i < 2000; i++)
		fprintf(file, "not a database, line %u\n", i);
	fclose(file);
	assert_refused(path, PW_INVALID, "not a SQLite database");

	assert_refused("/dev/null", PW_INVALID, "not a regular file");
	assert_refused("/no-such-directory/x.db", PW_IO, "No such file or directory");
	mkdir(path = scratch("directory"), 0777);
	assert_refused(path, PW_INVALID, "not a regular file");
	rmdir(path);
}

static void record_refuses_other_versions(void **state)
{
	const char *path = scratch("newer.db");
	struct record_error error;
	struct text out = { 0 };
	const struct query_output output = { QUERY_CSV, collect, &out };

	(void)state;
	assert_int_equal(open_quietly(path, &error), 0);
	make_db(path, "PRAGMA user_version = 99");
	assert_refused(path, PW_UNSUPPORTED, "written by a newer pagewalk (schema 99");
	assert_int_equal(query_run(path, "runs", &output, &error), PW_UNSUPPORTED);
	assert_int_equal(report_print(path, 0, collect, &out, &error), PW_UNSUPPORTED);
	make_db(path, "PRAGMA user_version = 0");
	assert_refused(path, PW_UNSUPPORTED, "has schema 0");
	text_release(&out);
}

/* An empty file is nobody's, and names that mean something to SQLite are files like any other. */
static void record_takes_empty_and_odd_names(void **state)
{
	const char *path = scratch("empty.db");
	struct record_error error;
	char directory[512], old[512];

	(void)state;
	fclose(fopen(path, "w"));
	assert_int_equal(open_quietly(path, &error), 0);
	assert_answer(path, "SELECT status FROM run", "running");

	assert_non_null(getcwd(old, sizeof(old)));
	snprintf(directory, sizeof(directory), "%s", scratch("odd"));
	mkdir(directory, 0777);
	assert_int_equal(chdir(directory), 0);
	assert_int_equal(open_quietly(":memory:", &error), 0);
	assert_int_equal(open_quietly("file:x?mode=memory", &error), 0);
	assert_int_equal(unlink(":memory:"), 0);
	assert_int_equal(unlink("file:x?mode=memory"), 0);
	assert_int_equal(open_quietly("", &error), PW_INVALID);
	assert_int_equal(chdir(old), 0);
	rmdir(directory);
}

static void record_refuses_damage(void **state)
{
	const char *path = scratch("damaged.db");
	struct record_error error;
	FILE *file;
	int failed;

	(void)state;
	assert_int_equal(open_quietly(path, &error), 0);
	file = fopen(path, "r+");
	fseek(file, 4096, SEEK_SET);
	for (unsigned i = 0; i < 60000; i++)
		fputc(0xa5, file);
	fclose(file);
	failed = open_quietly(path, &error);
	assert_int_equal(failed, PW_CORRUPT);
	assert_non_null(strstr(error.text, "damaged"));
}

static void record_says_when_locked(void **state)
{
	const char *path = scratch("locked.db");
	struct record_error error;
	sqlite3 *db;

	(void)state;
	assert_int_equal(open_quietly(path, &error), 0);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_refused(path, PW_IO, "locked");
	sqlite3_close(db);
	assert_int_equal(open_quietly(path, &error), 0);
}

/* As a user who may not write; root may everything, so the child gives that up. */
static void record_says_when_read_only(void **state)
{
	const char *path = scratch("readonly.db");
	struct record_error error;
	char directory[512];
	pid_t child;
	int status;

	(void)state;
	assert_int_equal(open_quietly(path, &error), 0);
	chmod(path, 0444);
	snprintf(directory, sizeof(directory), "%s", scratch("readonly"));
	mkdir(directory, 0555);
	child = fork();
	if (child == 0) {
		char inside[600];

		if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(77);
		snprintf(inside, sizeof(inside), "%s/new.db", directory);
		status = open_quietly(path, &error) != PW_IO;
		status |= strstr(error.text, "read-only") ? 0 : 2;
		status |= open_quietly(inside, &error) == PW_IO ? 0 : 4;
		status |= strstr(error.text, "directory cannot be written") ? 0 : 8;
		_exit(status);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	chmod(path, 0644);
	rmdir(directory);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* --- failures on the way --------------------------------------------------------------------- */

/* A whole run; returns the first failure. Whatever happens, the sink goes on taking batches. */
static int whole_run(const char *path, struct record_error *error)
{
	struct fake_machine m = { 0 };
	struct record_setup setup = fake_setup(path, RECORD_MISSES);
	struct record_counters now;
	struct record_end end;
	struct record *record;
	int failed = record_open(&record, &setup, error), finished;

	if (failed)
		return failed;
	for (unsigned i = 0; i < 3; i++) {
		push_walks(record, 640);
		fake_run(&m);
		now = fake_counters(&m);
		failed = failed ? failed : record_epoch(record, &now);
		if (failed)
			assert_int_equal(record_sink(record)->wants, 0);
	}
	end = fake_end(&m);
	finished = record_finish(record, &end, error);
	if (failed)
		assert_int_equal(finished, failed);
	record_destroy(record);
	return finished;
}

/*
 * Every possible moment to run out of space. What is left is sound and holds as many epochs as
 * were committed, each complete.
 */
static void record_survives_failure(int code, const char *words)
{
	struct record_error error;
	unsigned failures = 0, partial = 0;
	long n;

	failure_code = code;
	for (n = 0;; n++) {
		const char *path = scratch("full.db");
		int failed;

		operations_left = n;
		failed = whole_run(path, &error);
		operations_left = -1;
		if (!failed)
			break;
		failures++;
		if (failed != PW_IO || !strstr(error.text, words))
			fail_msg("at %ld: %d, %s", n, failed, error.text);
		if (strcmp(ask(path, "SELECT count(*) FROM sqlite_schema"), "0") == 0)
			continue;
		assert_sound(path);
		if (strcmp(ask(path, "SELECT count(*) FROM epoch"), "0") == 0)
			continue;
		partial++;
		assert_answer(path,
			      "SELECT max(e.instructions) = r.instructions AND"
			      " max(e.cycles) = r.cycles FROM epoch e JOIN run r",
			      "1");
		assert_answer(path, "SELECT sum(l.cycles) = (SELECT cycles FROM run) FROM ledger l",
			      "1");
		assert_answer(path,
			      "SELECT value = (SELECT instructions FROM run) FROM counters"
			      " WHERE name = 'machine.instructions'",
			      "1");
		assert_answer(path,
			      "SELECT count(*) / 640 = (SELECT max(number) FROM epoch)"
			      " AND count(*) % 640 = 0 FROM event",
			      "1");
	}
	assert_true(failures > 20);
	assert_true(partial > 10);
}

static void record_survives_a_full_disk(void **state)
{
	(void)state;
	record_survives_failure(SQLITE_FULL, "cannot");
}

static void record_survives_io_errors(void **state)
{
	(void)state;
	record_survives_failure(SQLITE_IOERR_WRITE, "cannot");
}

/* The message of a full disk names the file and says so; the guest's part goes on. */
static void record_says_when_full(void **state)
{
	const char *path = scratch("full_message.db");
	struct fake_machine m = { 0 };
	struct record_setup setup = fake_setup(path, RECORD_MISSES);
	struct record_end end = fake_end(&m);
	struct record_error error;
	struct record *record;

	(void)state;
	assert_int_equal(record_open(&record, &setup, &error), 0);
	failure_code = SQLITE_FULL;
	operations_left = 1; /* the opening of the journal */
	push_walks(record, 64);
	assert_int_equal(record_finish(record, &end, &error), PW_IO);
	operations_left = -1;
	record_destroy(record);
	assert_non_null(strstr(error.text, "full_message.db"));
	assert_non_null(strstr(error.text, "no space is left on the disk"));
	assert_answer(path, "SELECT status FROM run", "running");
}

/* Memory that runs out at any call is an error or a smaller profile, never a crash or a leak. */
static long allocations_left;

static void *failing_resize(void *ctx, void *old, size_t bytes)
{
	(void)ctx;
	if (bytes && allocations_left-- <= 0)
		return NULL;
	return host_alloc_libc.resize(host_alloc_libc.ctx, old, bytes);
}

static void record_survives_lack_of_memory(void **state)
{
	static const struct host_alloc failing = { failing_resize, NULL };
	unsigned failures = 0;

	(void)state;
	for (long n = 0;; n++) {
		const char *path = scratch("memory.db");
		struct fake_machine m = { 0 };
		struct record_setup setup = fake_setup(path, RECORD_SUMMARY);
		struct record_end end = fake_end(&m);
		struct record_error error;
		struct record *record;
		int failed;

		allocations_left = n;
		setup.alloc = &failing;
		failed = record_open(&record, &setup, &error);
		if (!failed) {
			record_mapping(record,
				       &(struct record_mapping){ .length = 1, .path = "p" });
			record_note(record, "a note");
			push_walks(record, 640);
			failed = record_finish(record, &end, &error);
		}
		record_destroy(record);
		if (!failed && allocations_left > 0)
			break;
		if (failed) {
			failures++;
			assert_int_equal(failed, PW_NOMEM);
			assert_non_null(strstr(error.text, "memory"));
		}
	}
	assert_true(failures > 5);
}

/* --- a kill ---------------------------------------------------------------------------------- */

/* Records as fast as it can and says after each commit how many epochs there are. */
static void record_until_killed(const char *path, int pipe_out)
{
	struct fake_machine m = { 0 };
	struct record_setup setup = fake_setup(path, RECORD_ALL);
	struct record_counters now;
	struct record_error error;
	struct record *record;

	if (record_open(&record, &setup, &error))
		_exit(1);
	for (uint64_t epoch = 1;; epoch++) {
		push_walks(record, 64 * 200);
		fake_run(&m);
		now = fake_counters(&m);
		if (record_epoch(record, &now) || write(pipe_out, &epoch, sizeof(epoch)) < 0)
			_exit(1);
	}
}

static uint64_t kill_one(const char *path, unsigned milliseconds)
{
	uint64_t epoch, committed = 0;
	int ends[2], status;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		record_until_killed(path, ends[1]);
	}
	close(ends[1]);
	/* From the first commit on, so that a slow machine kills something too. */
	assert_int_equal(read(ends[0], &committed, sizeof(committed)), sizeof(committed));
	usleep(milliseconds * 1000);
	kill(child, SIGKILL);
	while (read(ends[0], &epoch, sizeof(epoch)) == sizeof(epoch))
		committed = epoch;
	close(ends[0]);
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status));
	return committed;
}

/*
 * 30 kills at different moments. First it is read as `pagewalk query` reads, so that a journal that
 * the victim left behind is met by a reader who only reads.
 */
static void record_survives_a_kill(void **state)
{
	const struct query_output csv = { QUERY_CSV, collect, NULL };
	uint64_t all = 0;

	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		const char *path = scratch("killed.db");
		uint64_t committed = kill_one(path, i * 7), found;
		struct query_output output = csv;
		struct record_error error;
		struct text out = { 0 };

		all += committed;
		output.ctx = &out;
		if (query_run(path, "SELECT count(*) FROM epoch", &output, &error))
			fail_msg("%s", error.text);
		found = strtoull(strchr(text_string(&out), '\n') + 1, NULL, 10);
		/* The pipe may have missed the last one. */
		assert_in_range(found, committed, committed + 1);
		text_release(&out);
		assert_sound(path);
		assert_answer(path, "SELECT status FROM run", "running");
		assert_answer(path,
			      "SELECT count(*) = 12800 * (SELECT count(*) FROM epoch) FROM event",
			      "1");
		assert_answer(path,
			      "SELECT value = (SELECT instructions FROM run) FROM counters"
			      " WHERE name = 'machine.instructions'",
			      "1");
		assert_int_equal(report_print(path, 0, collect, &out, &error), 0);
		assert_non_null(strstr(text_string(&out), "not finished"));
		text_release(&out);
	}
	assert_true(all >= 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_refuses_foreign_files),
		cmocka_unit_test(record_refuses_other_versions),
		cmocka_unit_test(record_takes_empty_and_odd_names),
		cmocka_unit_test(record_refuses_damage),
		cmocka_unit_test(record_says_when_locked),
		cmocka_unit_test(record_says_when_read_only),
		cmocka_unit_test(record_survives_a_full_disk),
		cmocka_unit_test(record_survives_io_errors),
		cmocka_unit_test(record_says_when_full),
		cmocka_unit_test(record_survives_lack_of_memory),
		cmocka_unit_test(record_survives_a_kill),
	};

	return cmocka_run_group_tests(tests, shim_set_up, NULL);
}
