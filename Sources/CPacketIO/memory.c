#define _GNU_SOURCE
#include "packetio.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { fixed_size = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

int pio_wake_open(void) {
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int pio_wait(int a, int b, int c, int timeout_ms) {
    // poll leaves out what is negative.
    struct pollfd each[3] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}, {.fd = c, .events = POLLIN}};
    int ready = poll(each, 3, timeout_ms);
    if (ready < 0) return errno == EINTR ? 0 : -errno;
    return (each[0].revents != 0) | (each[1].revents != 0) << 1 | (each[2].revents != 0) << 2;
}

int pio_set_blocking(int fd, int blocking) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -errno;
    return fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) < 0 ? -errno : 0;
}

int pio_memory_open(const char *name, size_t size) {
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return -errno;
    if (ftruncate(fd, (off_t)size) == 0 && fcntl(fd, F_ADD_SEALS, fixed_size) == 0) return fd;
    int error = -errno;
    close(fd);
    return error;
}

int64_t pio_memory_size(int fd) {
    struct stat status;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || fstat(fd, &status) < 0) return -errno;
    return (seals & fixed_size) == fixed_size ? status.st_size : -EPERM;
}

int pio_memory_map(int fd, size_t size, void **address) {
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) return -errno;
    madvise(at, size, MADV_DONTDUMP);
    madvise(at, size, MADV_DONTFORK);
    *address = at;
    return 0;
}

int pio_memory_lock(void *address, size_t size) {
    // Only what is touched is locked: the file is mostly holes.
    return mlock2(address, size, MLOCK_ONFAULT) < 0 ? -errno : 0;
}

int pio_memory_private(size_t size, void **address) {
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return -errno;
    madvise(at, size, MADV_DONTDUMP);
    *address = at;
    return 0;
}

int pio_memory_unmap(void *address, size_t size) { return munmap(address, size) < 0 ? -errno : 0; }
void pio_wipe(void *address, size_t size) { explicit_bzero(address, size); }

int64_t pio_read(int fd, void *bytes, size_t capacity) {
    ssize_t count;
    do count = read(fd, bytes, capacity);
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

int64_t pio_write(int fd, const void *bytes, size_t length) {
    ssize_t count;
    do count = write(fd, bytes, length);
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

int pio_close(int fd) { return close(fd) < 0 ? -errno : 0; }

int pio_duplicate(int fd) {
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return copy < 0 ? -errno : copy;
}

uint64_t pio_monotonic(void) {
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
