/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rlimits, no new privileges, landlock, seccomp, in this order: each step still allows the next. After OpenSSH's sandbox-seccomp-filter.c, a call that libraries make
 * out of habit gets an error; whatever else is not on the list ends the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guard/guard_internal.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 /* its shadow memory needs terabytes of address space */
#else
#define SANITIZED 0
#endif

static int limit(int what, rlim_t n)
{
	struct rlimit r = { n, n };
	return setrlimit(what, &r);
}

static int limits(const struct sandbox *s)
{
	int rc = limit(RLIMIT_CPU, (rlim_t)s->cpu_s) | limit(RLIMIT_CORE, 0) | limit(RLIMIT_FSIZE, s->file_bytes) | limit(RLIMIT_NOFILE, (rlim_t)s->files_max);
	if (s->memory_bytes && !SANITIZED)
		rc |= limit(RLIMIT_AS, s->memory_bytes);
	return rc;
}

/* All that landlock's first version knows of files; later versions' rights are left as they are on kernels that lack them. */
#define READING (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ALL_OF_V1 ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

static int allow_reading(int ruleset, const char *path)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = READING, .parent_fd = open(path, O_PATH | O_CLOEXEC) };
	if (rule.parent_fd < 0)
		return 0; /* what isn't there needs no rule */
	int rc = (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
	return rc;
}

/* Kernels without landlock leave this to seccomp. */
static int files(const struct sandbox *s)
{
	static const char *const readable[] = { "/etc", "/usr", "/lib", "/lib64", "/run/systemd/resolve", "/run/resolvconf" };
	struct landlock_ruleset_attr attr = { .handled_access_fs = ALL_OF_V1 };
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0), rc = 0;
	if (fd < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -1;
	for (size_t i = 0; s->network && !rc && i < sizeof readable / sizeof *readable; i++)
		rc = allow_reading(fd, readable[i]);
	if (!rc)
		rc = (int)syscall(SYS_landlock_restrict_self, fd, 0);
	close(fd);
	return rc;
}

#define CALL(name) SCMP_SYS(name)
static const int always[] = {
	CALL(read), CALL(readv), CALL(pread64), CALL(write), CALL(writev), CALL(pwrite64), CALL(lseek), CALL(fstat), CALL(newfstatat), CALL(close), CALL(mmap), CALL(munmap), CALL(mremap),
	CALL(mprotect), CALL(madvise), CALL(brk), CALL(exit), CALL(exit_group), CALL(rt_sigreturn), CALL(rt_sigprocmask), CALL(rt_sigaction), CALL(sigaltstack), CALL(futex),
	CALL(clock_gettime), CALL(clock_nanosleep), CALL(nanosleep), CALL(gettimeofday), CALL(getpid), CALL(gettid), CALL(getrandom), CALL(sched_yield), CALL(sched_getaffinity),
	CALL(restart_syscall), CALL(fcntl), CALL(prlimit64), CALL(getrlimit), CALL(statx), CALL(ftruncate), CALL(fadvise64), CALL(rseq), CALL(set_robust_list),
};
static const int for_network[] = {
	CALL(open), CALL(openat), CALL(access), CALL(faccessat), CALL(faccessat2), CALL(stat), CALL(lstat), CALL(readlink), CALL(readlinkat), CALL(getdents64), CALL(socket), CALL(socketpair),
	CALL(connect), CALL(bind), CALL(getsockname), CALL(getpeername), CALL(getsockopt), CALL(setsockopt), CALL(sendto), CALL(recvfrom), CALL(sendmsg), CALL(recvmsg), CALL(sendmmsg),
	CALL(recvmmsg), CALL(shutdown), CALL(poll), CALL(ppoll), CALL(select), CALL(pselect6), CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_wait), CALL(epoll_pwait), CALL(pipe), CALL(pipe2),
	CALL(eventfd2), CALL(ioctl), CALL(uname), CALL(sysinfo), CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid), CALL(clone), CALL(clone3), CALL(getcwd), CALL(alarm), CALL(setitimer), CALL(dup),
};
/* Probed by libraries that can do without. */
static const struct { int call, error; } politely[] = {
	{ CALL(open), EACCES }, { CALL(openat), EACCES }, { CALL(ioctl), ENOTTY }, { CALL(access), EACCES }, { CALL(readlink), EACCES }, { CALL(socket), EACCES }, { CALL(stat), EACCES },
	{ CALL(uname), EPERM }, { CALL(sysinfo), EPERM }, { CALL(getcwd), EACCES },
};

static int calls(const struct sandbox *s)
{
	/* A sanitizer's runtime makes calls of its own; there the list errs instead of killing. */
	scmp_filter_ctx f = seccomp_init(SANITIZED ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS);
	if (!f)
		return -1;
	int rc = 0;
	for (size_t i = 0; !rc && !SANITIZED && i < sizeof always / sizeof *always; i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, always[i], 0);
	for (size_t i = 0; !rc && !SANITIZED && s->network && i < sizeof for_network / sizeof *for_network; i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, for_network[i], 0);
	for (size_t i = 0; !rc && !s->network && i < sizeof politely / sizeof *politely; i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ERRNO((unsigned)politely[i].error), politely[i].call, 0);
	if (SANITIZED && !rc)
		rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), CALL(execve), 0);
	if (!rc)
		rc = seccomp_load(f);
	seccomp_release(f);
	return rc;
}

int sandbox_enter(const struct sandbox *s, const char **ret_what)
{
	*ret_what = "rlimits";
	int rc = limits(s);
	if (!rc) {
		*ret_what = "no_new_privs";
		rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) | prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	}
	if (!rc) {
		*ret_what = "landlock";
		rc = files(s);
	}
	if (!rc) {
		*ret_what = "seccomp";
		rc = calls(s);
	}
	return rc ? -1 : 0;
}
