/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Starting programs: what stands on the stack, and what is said when a program cannot start. */

#include "tests/unit/test_linux_guest.h"

#include <elf.h>

struct start {
	struct machine *machine;
	struct guest *guest;
	struct cpu_regs regs;
	struct linux_error error;
};

static int start(struct start *s, const char *program, char *const *argv, uint64_t seed)
{
	char *env[] = { "PATH=/nowhere:/usr/bin:/bin", "A=1", NULL };
	const struct linux_config config = { .program = program,
					     .argv = argv,
					     .env = env,
					     .seed = seed,
					     .clock_start_ns = TEST_START_NS,
					     .reported_cpus = 1,
					     .reported_ram = UINT64_C(1) << 32 };

	memset(s, 0, sizeof(*s));
	s->machine = test_machine();
	return linux_create(&s->guest, &config, s->machine, &s->regs, &s->error);
}

static void stop(struct start *s)
{
	linux_destroy(s->guest);
	machine_destroy(s->machine);
}

static void fails(const char *program, int status, const char *says)
{
	char *argv[] = { "x", NULL };
	struct start s;

	assert_true(start(&s, program, argv, 1) < 0);
	assert_null(s.guest);
	if (s.error.exit_status != status || !strstr(s.error.text, says))
		fail_msg("%s: %d \"%s\", not %d \"%s\"", program, s.error.exit_status, s.error.text,
			 status, says);
	assert_non_null(strstr(s.error.text, program));
	assert_null(strchr(s.error.text, '\n'));
	stop(&s);
}

static void write_file(const struct test_guest *t, const char *name, const void *bytes, size_t size,
		       mode_t mode)
{
	int fd = open(test_host_path(t, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	close(fd);
	assert_int_equal(chmod(test_host_path(t, name), mode), 0);
}

static void write_elf(const struct test_guest *t, const char *name, uint16_t machine,
		      const char *interpreter)
{
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr phdr[2];
		char text[64];
	} elf = {
		.header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
					 ELFDATA2LSB, 1 },
			    .e_type = ET_EXEC,
			    .e_machine = machine,
			    .e_version = 1,
			    .e_entry = 0x10000,
			    .e_phoff = sizeof(Elf64_Ehdr),
			    .e_phentsize = sizeof(Elf64_Phdr),
			    .e_phnum = 2 },
		.phdr = { { .p_type = PT_LOAD,
			    .p_flags = PF_R | PF_X,
			    .p_vaddr = 0x10000,
			    .p_filesz = sizeof(elf),
			    .p_memsz = sizeof(elf) },
			  { .p_type = interpreter ? PT_INTERP : PT_NULL,
			    .p_offset = offsetof(__typeof__(elf), text),
			    .p_filesz = interpreter ? strlen(interpreter) + 1 : 0 } },
	};

	snprintf(elf.text, sizeof(elf.text), "%s", interpreter ? interpreter : "");
	write_file(t, name, &elf, sizeof(elf), 0755);
}

static void linux_exec_says_why_not(void **state)
{
	static const char text[] = "just text\n", script[] = "#!/no/such/shell -x\n";
	struct test_guest *t = *state;

	fails("no-such-program-anywhere", 127, "not found");
	fails("/no/such/program", 127, "not found");
	fails("", 127, "not found");
	fails(t->dir, 126, "is a directory");
	write_file(t, "out/data", text, sizeof(text) - 1, 0644);
	fails(test_host_path(t, "out/data"), 126, "Permission denied");
	write_file(t, "out/text", text, sizeof(text) - 1, 0755);
	fails(test_host_path(t, "out/text"), 126, "not an ELF file");
	write_file(t, "out/empty", "", 0, 0755);
	fails(test_host_path(t, "out/empty"), 126, "not an ELF file");
	write_file(t, "out/script", script, sizeof(script) - 1, 0755);
	fails(test_host_path(t, "out/script"), 127, "interpreter /no/such/shell: not found");
	write_file(t, "out/cut", "\177ELF\002\001\001", 7, 0755);
	fails(test_host_path(t, "out/cut"), 126, "truncated");
	write_elf(t, "out/arm", EM_AARCH64, NULL);
	fails(test_host_path(t, "out/arm"), 126, "ELF for AArch64, need x86-64");
	write_elf(t, "out/lost", EM_X86_64, "/lib/no-ld.so");
	fails(test_host_path(t, "out/lost"), 127, "interpreter /lib/no-ld.so: not found");
	fails("/dev/null", 126, "Permission denied");
	fails("/proc/self/maps", 126, "Permission denied");
}

static void linux_exec_refuses_endless_scripts(void **state)
{
	struct test_guest *t = *state;
	char text[TEST_PATH_MAX];

	snprintf(text, sizeof(text), "#!%.200s\n", test_host_path(t, "out/me"));
	write_file(t, "out/me", text, strlen(text), 0755);
	fails(test_host_path(t, "out/me"), 126, "too many");
}

/* --- the stack ------------------------------------------------------------------------------- */

static uint64_t word(struct test_guest *t, va_t *at)
{
	uint64_t value;

	test_get(t, *at, &value, sizeof(value));
	*at += sizeof(value);
	return value;
}

static void expect_text(struct test_guest *t, va_t at, const char *text)
{
	char seen[TEST_PATH_MAX] = "";

	test_get(t, at, seen, strlen(text) + 1);
	assert_string_equal(seen, text);
}

static void linux_exec_stack_is_linuxs(void **state)
{
	struct test_guest *t = *state;
	char *argv[] = { "name", "arg", NULL };
	uint64_t auxv[64] = { 0 }, type;
	struct test_guest view = { 0 };
	struct start s;
	va_t at;

	write_elf(t, "out/program", EM_X86_64, NULL);
	assert_int_equal(start(&s, test_host_path(t, "out/program"), argv, 7), PW_OK);
	view.machine = s.machine;
	at = s.regs.gpr[GPR_RSP];
	assert_int_equal(at % 16, 0);
	assert_int_equal(s.regs.rip, 0x10000);
	assert_int_equal(word(&view, &at), 2);
	expect_text(&view, word(&view, &at), "name");
	expect_text(&view, word(&view, &at), "arg");
	assert_int_equal(word(&view, &at), 0);
	expect_text(&view, word(&view, &at), "PATH=/nowhere:/usr/bin:/bin");
	expect_text(&view, word(&view, &at), "A=1");
	assert_int_equal(word(&view, &at), 0);
	while ((type = word(&view, &at)) != AT_NULL) {
		assert_true(type < 64);
		auxv[type] = word(&view, &at);
	}
	assert_int_equal(auxv[AT_PHDR], 0x10000 + sizeof(Elf64_Ehdr));
	assert_int_equal(auxv[AT_PHENT], sizeof(Elf64_Phdr));
	assert_int_equal(auxv[AT_PHNUM], 2);
	assert_int_equal(auxv[AT_PAGESZ], 4096);
	assert_int_equal(auxv[AT_BASE], 0);
	assert_int_equal(auxv[AT_ENTRY], 0x10000);
	assert_int_equal(auxv[AT_UID], getuid());
	assert_int_equal(auxv[AT_SECURE], 0);
	assert_int_equal(auxv[AT_SYSINFO_EHDR], 0);
	assert_int_not_equal(auxv[AT_RANDOM], 0);
	expect_text(&view, auxv[AT_PLATFORM], "x86_64");
	expect_text(&view, auxv[AT_EXECFN], test_host_path(t, "out/program"));
	stop(&s);
}

static void linux_exec_chance_comes_from_the_seed(void **state)
{
	struct test_guest *t = *state;
	char *argv[] = { "x", NULL };
	va_t sp[3];

	write_elf(t, "out/program", EM_X86_64, NULL);
	for (uint64_t i = 0; i < 3; i++) {
		struct start s;

		assert_int_equal(start(&s, test_host_path(t, "out/program"), argv, i == 2), PW_OK);
		sp[i] = s.regs.gpr[GPR_RSP];
		stop(&s);
	}
	assert_int_equal(sp[0], sp[1]);
	assert_int_not_equal(sp[0], sp[2]);
}

static void linux_exec_replaces_the_program(void **state)
{
	struct test_guest *t = *state;
	va_t path, null = test_put(t, NULL, 8), argv;
	int64_t kept = CALL(t, SYS_open, test_text(t, "/dev/null"), O_RDONLY);
	int64_t gone = CALL(t, SYS_open, test_text(t, "/dev/null"), O_RDONLY | O_CLOEXEC);

	write_elf(t, "out/program", EM_X86_64, NULL);
	path = test_path(t, "out/program");
	argv = test_put(t, (uint64_t[]){ path, 0 }, 16);
	assert_int_equal(CALL(t, SYS_execve, path, UINT64_C(8), null), -EFAULT);
	assert_int_equal(CALL(t, SYS_execve, test_path(t, "out/none"), argv, null), -ENOENT);
	assert_int_equal(CALL(t, SYS_execve, test_path(t, "out"), argv, null), -EACCES);
	assert_true(kernel_vma_count(t->machine->kernel) > 3); /* still the old one */
	CALL(t, SYS_execve, path, argv, null);
	assert_int_equal(t->action, GUEST_CONTINUE);
	assert_int_equal(t->regs.rip, 0x10000);
	assert_int_equal(t->regs.gpr[GPR_RBX], 0);
	assert_non_null(test_process(t)->files->slot[kept].file);
	assert_null(test_process(t)->files->slot[gone].file);
	assert_string_equal(test_process(t)->comm, "program");
}

/* --- odds and ends of the contract ----------------------------------------------------------- */

static void count(void *ctx, uint64_t number, const char *name, uint64_t times)
{
	uint64_t *sum = ctx;

	assert_true(number == SYS_shmget || number == 400 || number == 100000);
	assert_true(number != SYS_shmget || strcmp(name, "shmget") == 0);
	*sum += times;
}

static void linux_exec_unknown_calls_are_counted(void **state)
{
	struct test_guest *t = *state;
	uint64_t sum = 0;

	assert_int_equal(CALL(t, SYS_rseq, 0, 32, 0, 0), -ENOSYS); /* declined, not unknown */
	assert_int_equal(CALL(t, SYS_shmget), -ENOSYS);
	assert_int_equal(CALL(t, SYS_shmget), -ENOSYS);
	assert_int_equal(CALL(t, 400), -ENOSYS);
	assert_int_equal(CALL(t, 100000), -ENOSYS);
	assert_int_equal(CALL(t, UINT64_MAX), -ENOSYS);
	linux_visit_unknown(t->guest, count, &sum);
	assert_int_equal(sum, 5);
	assert_int_equal(kernel_counters(t->machine->kernel)->syscalls_unknown, 5);
}

/* Calls that end the guest, or wait for ever when told to. */
static bool may_end(uint64_t number)
{
	static const int calls[] = { SYS_exit,          SYS_exit_group, SYS_pause,
				     SYS_rt_sigreturn,  SYS_kill,       SYS_munmap,
				     SYS_rt_sigsuspend, SYS_select,     SYS_pselect6,
				     SYS_ppoll };

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if ((uint64_t)calls[i] == number)
			return true;
	return false;
}

static void linux_exec_every_call_survives_hostile_pointers(void **state)
{
	static const uint64_t bad[] = { 0,
					8,
					UINT64_C(0x7ffffffff000),
					UINT64_C(0x800000000000),
					UINT64_C(0xffffffffffffffff),
					UINT64_C(0xffff888000000000) };
	struct test_guest *t = *state;

	for (uint64_t number = 0; number < 470; number++) {
		if (may_end(number))
			continue;
		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
			const uint64_t low[6] = { 50, bad[i], bad[i], bad[i], bad[i], bad[i] };
			const uint64_t all[6] = { bad[i], bad[i], bad[i], 16, bad[i], bad[i] };

			test_call(t, number, low);
			test_call(t, number, all);
			if (t->action != GUEST_CONTINUE)
				fail_msg("call %llu ended the guest", (unsigned long long)number);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GUEST_TEST(linux_exec_says_why_not),
		GUEST_TEST(linux_exec_refuses_endless_scripts),
		GUEST_TEST(linux_exec_stack_is_linuxs),
		GUEST_TEST(linux_exec_chance_comes_from_the_seed),
		GUEST_TEST(linux_exec_replaces_the_program),
		GUEST_TEST(linux_exec_unknown_calls_are_counted),
		GUEST_TEST(linux_exec_every_call_survives_hostile_pointers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
