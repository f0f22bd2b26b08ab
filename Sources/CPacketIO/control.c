#define _GNU_SOURCE
#include "packetio_process.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int control_socket(const char *path, struct sockaddr_un *address) {
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path) return -ENAMETOOLONG;
    strcpy(address->sun_path, path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

static int failed(int fd) {
    int error = -errno;
    close(fd);
    return error;
}

int pio_control_connect(const char *path) {
    struct sockaddr_un address;
    int fd = control_socket(path, &address);
    if (fd < 0) return fd;
    return connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ? failed(fd) : fd;
}

int pio_control_pair(int fds[2]) {
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0 ? -errno : 0;
}

int pio_control_listen(const char *path) {
    struct sockaddr_un address;
    struct stat status;
    if (lstat(path, &status) == 0) {
        if (!S_ISSOCK(status.st_mode)) return -EEXIST;
        int other = pio_control_connect(path);
        if (other >= 0) {
            close(other);
            return -EADDRINUSE;
        }
        if (other != -ECONNREFUSED) return other;
        if (unlink(path) < 0) return -errno;
    }
    int fd = control_socket(path, &address);
    if (fd < 0) return fd;
    // The mode of the socket is what bind gives the file, so there is no moment at which others may connect.
    if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 16) < 0)
        return failed(fd);
    return fd;
}

int pio_control_accept(int fd) {
    int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    return peer < 0 ? -errno : peer;
}

int64_t pio_control_peer(int fd) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 ? -errno : (int64_t)peer.uid;
}

int pio_control_is_listening(int fd) {
    int value = 0;
    socklen_t length = sizeof value;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) == 0 && value;
}

int pio_control_timeout(int fd, unsigned int milliseconds) {
    struct timeval time = {milliseconds / 1000, milliseconds % 1000 * 1000};
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) < 0) return -errno;
    return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) < 0 ? -errno : 0;
}

int64_t pio_control_send(int fd, const void *bytes, size_t length, const int *fds, size_t count) {
    union {
        char space[CMSG_SPACE(sizeof(int) * PIO_MAX_DESCRIPTORS)];
        struct cmsghdr aligned;
    } control;
    struct iovec part = {(void *)bytes, length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > PIO_MAX_DESCRIPTORS) return -E2BIG;
    if (count > 0) {
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        memset(control.space, 0, sizeof control.space);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
    }
    ssize_t sent;
    do sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

int64_t pio_control_receive(int fd, void *bytes, size_t capacity, int *fds, size_t *count) {
    union {
        char space[CMSG_SPACE(sizeof(int) * PIO_MAX_DESCRIPTORS)];
        struct cmsghdr aligned;
    } control;
    struct iovec part = {bytes, capacity};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    ssize_t got;
    *count = 0;
    do got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0) return -errno;
    for (struct cmsghdr *each = CMSG_FIRSTHDR(&message); each; each = CMSG_NXTHDR(&message, each)) {
        if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
        size_t here = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        if (here > PIO_MAX_DESCRIPTORS - *count) here = PIO_MAX_DESCRIPTORS - *count;
        memcpy(fds + *count, CMSG_DATA(each), here * sizeof(int));
        *count += here;
    }
    if (!(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) return got;
    while (*count > 0) close(fds[--*count]);
    return -EMSGSIZE;
}
