#define _GNU_SOURCE
#include "processes.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int source(posix_spawn_file_actions_t *actions, int fd, int target) {
    if (fd < 0) {
        return posix_spawn_file_actions_addopen(actions, target, "/dev/null", target == 0 ? O_RDONLY : O_WRONLY, 0);
    }
    return posix_spawn_file_actions_adddup2(actions, fd, target);
}

int pb_spawn(char *const argv[], char *const envp[], int in, int out, int err, int new_session) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    pid_t pid = 0;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) {
        return -error;
    }
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return -error;
    }
    sigfillset(&all);
    sigemptyset(&none);
    short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    if (new_session) {
        flags |= POSIX_SPAWN_SETSID;
    }
    if (!(error = source(&actions, in, 0)) && !(error = source(&actions, out, 1)) &&
        !(error = source(&actions, err, 2)) && !(error = posix_spawn_file_actions_addclosefrom_np(&actions, 3)) &&
        !(error = posix_spawnattr_setsigdefault(&attributes, &all)) &&
        !(error = posix_spawnattr_setsigmask(&attributes, &none)) &&
        !(error = posix_spawnattr_setflags(&attributes, flags))) {
        error = posix_spawnp(&pid, argv[0], &actions, &attributes, argv, envp);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error ? -error : pid;
}

int pb_replace(char *const argv[], char *const envp[]) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    execvpe(argv[0], argv, envp);
    return -errno;
}

int pb_reap(int pid, int *code) {
    int status = 0;
    pid_t ended = waitpid(pid, &status, WNOHANG);
    if (ended <= 0) {
        return ended < 0 ? -errno : 0;
    }
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return 1;
}

int pb_memory_file(const char *name) {
    int fd = memfd_create(name, MFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int pb_lock_directory(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int pb_forbid_dumps(void) {
    struct rlimit zero = {0, 0};
    if (setrlimit(RLIMIT_CORE, &zero) < 0) {
        return -errno;
    }
    // The limit alone does not hold where cores are piped to a program (core(5)).
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

int pb_overwrite_freed(void) { return mallopt(M_PERTURB, 0xa5) == 1 ? 0 : -EINVAL; }

bool pb_is_main_thread(void) { return gettid() == getpid(); }

bool pb_is_secure_execution(void) { return getauxval(AT_SECURE) != 0; }
