#define _GNU_SOURCE
#include "packetio_process.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <malloc.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

int pio_user(const char *name, uid_t *user, gid_t *group) {
    struct passwd entry, *found = NULL;
    char text[4096];
    int error = getpwnam_r(name, &entry, text, sizeof text, &found);
    if (error) return -error;
    if (!found) return -ENOENT;
    *user = entry.pw_uid;
    *group = entry.pw_gid;
    return 0;
}

int pio_confine(int64_t user, gid_t group) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {0};
    struct rlimit zero = {0, 0};
    // The bounding set can only be emptied by who may, so before the user changes; for others it has nothing to gain.
    for (unsigned long each = 0; prctl(PR_CAPBSET_READ, each, 0, 0, 0) >= 0; each++) {
        if (prctl(PR_CAPBSET_DROP, each, 0, 0, 0) < 0 && errno != EPERM) return -errno;
    }
    if (user >= 0) {
        uid_t id = (uid_t)user;
        if (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0 || setresuid(id, id, id) < 0) return -errno;
    }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -errno;
    if (syscall(SYS_capset, &header, none) < 0) return -errno;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -errno;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return -errno;
    return setrlimit(RLIMIT_CORE, &zero) < 0 ? -errno : 0;
}

int pio_allow_locked(size_t size) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0) return -errno;
    if (limit.rlim_cur >= size) return 0;
    // The upper limit is raised only by who has CAP_SYS_RESOURCE; others get as far as it.
    struct rlimit wanted = {size, limit.rlim_max < size ? size : limit.rlim_max};
    if (setrlimit(RLIMIT_MEMLOCK, &wanted) == 0) return 0;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_MEMLOCK, &limit) < 0 ? -errno : 0;
}

int pio_signals(void) {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) return -errno;
    int error = pthread_sigmask(SIG_BLOCK, &ends, NULL);
    if (error) return -error;
    int fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int pio_thread_name(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0) < 0 ? -errno : 0; }
int pio_thread_batch(void) {
    struct sched_param none = {0};
    return sched_setscheduler(0, SCHED_BATCH, &none) < 0 ? -errno : 0;
}

int64_t pio_heap_in_use(void) { return (int64_t)mallinfo2().uordblks; }
