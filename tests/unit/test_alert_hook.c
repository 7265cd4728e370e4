/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/hook.h"

#include "alert_help.h"

static struct loop *loop;
static int runs, last_err;
static char last_why[512];

static void on_done(int err, const char *why, void *arg)
{
	(void)arg;
	runs++;
	last_err = err;
	snprintf(last_why, sizeof(last_why), "%s", why ? why : "");
}

static bool is_done(void *arg)
{
	(void)arg;
	return runs > 0;
}

/* Runs it to its end; how long that took. */
static uint64_t run(const char *path, const char *input, size_t len, uint64_t timeout_ns)
{
	_cleanup_(hook_freep) struct hook *h = NULL;
	uint64_t start = clock_boot_ns();

	runs = 0;
	last_err = 1;
	if (hook_new(loop, path, timeout_ns, &h))
		return 0;
	hook_run(h, input, len, on_done, NULL);
	if (!run_until(loop, is_done, NULL))
		printf("# '%s' was not done in time\n", path);
	return clock_boot_ns() - start;
}

static void test_input(void)
{
	size_t n = 1 << 20;
	char *big = malloc(n);

	if (!big)
		return;
	run(program("cat", "cat >out; echo $$ >pid; cut -d' ' -f6 /proc/$$/stat >sid"),
	    "{\"a\":1}\n", 8, 5000 * MS);
	is_int(last_err, 0, "a program that ends well is done");
	is_str(content("out"), "{\"a\":1}\n", "its standard input is what was given");
	ok(*content("pid") && atoll(content("pid")) == atoll(content("sid")),
	   "it has a session of its own");
	memset(big, 'x', n);
	run(program("cat", "cat >out"), big, n, 5000 * MS);
	is_int(strlen(content("out")), n, "1 MiB of input arrives");
	run(program("deaf", "exit 0"), big, n, 5000 * MS);
	is_int(last_err, 0, "a program that reads nothing of it holds nobody up");
	run(program("loud", "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2"), "x", 1,
	    5000 * MS);
	is_int(last_err, 0, "a program that prints 1 MB is done");
	free(big);
}

static void test_failures(void)
{
	int fd;

	run(program("three", "exit 3"), "x", 1, 5000 * MS);
	is_int(last_err, -EIO, "a status other than 0 is a failure");
	ok(strstr(last_why, "exited with status 3"), "and says which: %s", last_why);
	run(program("segv", "kill -SEGV $$"), "x", 1, 5000 * MS);
	ok(last_err == -EIO && strstr(last_why, "SIGSEGV"), "so is a signal: %s", last_why);
	run("/nonexistent/hook", "x", 1, 5000 * MS);
	is_int(last_err, -ENOENT, "a missing program is a failure");
	ok(strstr(last_why, "cannot start '/nonexistent/hook'"), "that names it: %s", last_why);
	fd = open(in_dir("plain"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	close(fd);
	run(in_dir("plain"), "x", 1, 5000 * MS);
	ok(last_err == -EACCES && strstr(last_why, "chmod +x"),
	   "a file that is no program says so: %s", last_why);
	run(program("a b;touch c", "touch ran"), "x", 1, 5000 * MS);
	ok(last_err == 0 && !access(in_dir("ran"), F_OK) && access(in_dir("c"), F_OK),
	   "no shell reads the path");
}

static void test_time_limit(void)
{
	static char pid[] = "gpid";
	uint64_t took = run(program("idler", "tail -f /dev/null"), "x", 1, 100 * MS);

	ok(last_err == -ETIMEDOUT && took < 1000 * MS,
	   "a program over its time is ended (%llu ms): %s", (unsigned long long)(took / MS),
	   last_why);
	took = run(program("stubborn", "trap '' TERM; tail -f /dev/null"), "x", 1, 100 * MS);
	ok(last_err == -ETIMEDOUT && took >= 1000 * MS && took < 3000 * MS,
	   "one that ignores SIGTERM is killed a second later (%llu ms)",
	   (unsigned long long)(took / MS));
	run(program("family",
		    "(trap '' TERM; cat /proc/self/stat >gpid; exec tail -f /dev/null) & wait"),
	    "x", 1, 300 * MS);
	ok(last_err == -ETIMEDOUT && wait_until(is_gone, pid),
	   "its children end with it, even those that ignore SIGTERM");
}

static void test_busy_and_free(void)
{
	static char pid[] = "pid3";
	struct hook *h = NULL;

	runs = 0;
	if (hook_new(loop, program("long", "echo $$ >pid3; tail -f /dev/null"), 0, &h))
		return;
	hook_run(h, "x", 1, on_done, NULL);
	hook_run(h, "x", 1, on_done, NULL);
	ok(runs == 1 && last_err == -EBUSY, "a second run beside the first is refused");
	ok(run_until(loop, has_content, pid), "the first goes on");
	runs = 0;
	hook_free(h);
	ok(is_gone(pid) && runs == 0, "freeing ends the program and calls nobody");
	hook_free(NULL);
}

int main(void)
{
	make_dir();
	if (loop_new(&loop))
		return 1;
	test_input();
	test_failures();
	test_time_limit();
	test_busy_and_free();
	loop_free(loop);
	return tap_done();
}
