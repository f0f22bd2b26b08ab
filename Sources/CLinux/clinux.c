#define _GNU_SOURCE
#include "clinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/magic.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define RESULT(call)                                                                                          \
    ({                                                                                                        \
        __auto_type result_ = (call);                                                                         \
        result_ < 0 ? -errno : result_;                                                                       \
    })

int cl_open(const char *path) { return RESULT(open(path, O_RDONLY | O_CLOEXEC)); }
int cl_close(int fd) { return RESULT(close(fd)); }
int cl_duplicate(int fd) { return RESULT(fcntl(fd, F_DUPFD_CLOEXEC, 3)); }

int64_t cl_read(int fd, void *buffer, size_t length) {
    ssize_t count;
    do count = read(fd, buffer, length);
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

int64_t cl_write(int fd, const void *buffer, size_t length) {
    ssize_t count;
    do count = write(fd, buffer, length);
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

int cl_wait_readable(int fd, int timeout_ms) {
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    int count = poll(&poller, 1, timeout_ms);
    return count < 0 ? (errno == EINTR ? 0 : -errno) : count;
}

uint64_t cl_monotonic_ns(void) {
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// MARK: Namespaces and file systems

int cl_enter_network_namespace(int fd) { return RESULT(setns(fd, CLONE_NEWNET)); }

int cl_new_network_namespace(const char *path) {
    if (unshare(CLONE_NEWNET) < 0) return -errno;
    return RESULT(mount("/proc/thread-self/ns/net", path, "none", MS_BIND, NULL));
}

int cl_share_mount(const char *directory) {
    if (mount("", directory, "none", MS_SHARED | MS_REC, NULL) == 0) return 0;
    if (errno != EINVAL) return -errno;
    if (mount(directory, directory, "none", MS_BIND | MS_REC, NULL) < 0) return -errno;
    return RESULT(mount("", directory, "none", MS_SHARED | MS_REC, NULL));
}

int cl_unmount_file(const char *path) {
    if (umount2(path, MNT_DETACH) < 0 && errno != EINVAL) return -errno;
    return RESULT(unlink(path));
}

int cl_unmount(const char *directory) { return RESULT(umount2(directory, MNT_DETACH)); }

int cl_create_file(const char *path) {
    int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
    return fd < 0 ? -errno : RESULT(close(fd));
}

int cl_create_directory(const char *path, unsigned int mode) {
    return mkdir(path, mode) == 0 || errno == EEXIST ? 0 : -errno;
}

int cl_unlink(const char *path) { return RESULT(unlink(path)); }
int cl_remove_directory(const char *path) { return RESULT(rmdir(path)); }

int cl_is_bpf_filesystem(const char *directory) {
    struct statfs info;
    return statfs(directory, &info) < 0 ? -errno : info.f_type == BPF_FS_MAGIC;
}

int cl_mount_bpf(const char *directory) { return RESULT(mount("bpf", directory, "bpf", 0, "mode=0700")); }

int64_t cl_effective_capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    if (syscall(SYS_capget, &header, data) < 0) return -errno;
    return (int64_t)data[1].effective << 32 | data[0].effective;
}

// MARK: Netlink

int cl_netlink_open(int protocol) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), on = 1;
    if (fd < 0) return -errno;
    struct sockaddr_nl local = {.nl_family = AF_NETLINK};
    setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&local, sizeof local) == 0) return fd;
    int error = -errno;
    close(fd);
    return error;
}

int64_t cl_netlink_send(int fd, const void *buffer, size_t length) {
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    return RESULT(sendto(fd, buffer, length, 0, (struct sockaddr *)&kernel, sizeof kernel));
}

// MARK: Devices and packets

int cl_tap_open(const char *name, int vnet_header, unsigned int offloads) {
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    if (strlen(name) >= sizeof request.ifr_name) return -ENAMETOOLONG;
    strcpy(request.ifr_name, name);
    if (vnet_header) request.ifr_flags |= IFF_VNET_HDR;
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return -errno;
    int header = sizeof(struct virtio_net_hdr_mrg_rxbuf);
    if (ioctl(fd, TUNSETIFF, &request) == 0 && (!vnet_header || ioctl(fd, TUNSETVNETHDRSZ, &header) == 0)
        && ioctl(fd, TUNSETOFFLOAD, (unsigned long)offloads) == 0)
        return fd;
    int error = -errno;
    close(fd);
    return error;
}

int cl_tap_set_persistent(int fd, int persistent) {
    return RESULT(ioctl(fd, TUNSETPERSIST, (unsigned long)persistent));
}

int cl_packet_open(void) { return RESULT(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)); }

int64_t cl_packet_send(int fd, uint32_t device, const void *frame, size_t length) {
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)device, .sll_halen = ETH_ALEN};
    if (length < ETH_HLEN) return -EINVAL;
    memcpy(to.sll_addr, frame, ETH_ALEN);
    memcpy(&to.sll_protocol, (const uint8_t *)frame + 2 * ETH_ALEN, 2);
    return RESULT(sendto(fd, frame, length, 0, (struct sockaddr *)&to, sizeof to));
}

static socklen_t address_of(struct sockaddr_storage *to, int family, const uint8_t *octets, uint16_t port) {
    memset(to, 0, sizeof *to);
    if (family == 4) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)to;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        memcpy(&v4->sin_addr, octets, 4);
        return sizeof *v4;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    memcpy(&v6->sin6_addr, octets, 16);
    return sizeof *v6;
}

int cl_datagram_open(int family) {
    return RESULT(socket(family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

int cl_datagram_bind(int fd, int family, const uint8_t *address) {
    struct sockaddr_storage to;
    socklen_t length = address_of(&to, family, address, 0);
    return RESULT(bind(fd, (struct sockaddr *)&to, length));
}

int64_t cl_datagram_send(int fd, int family, const uint8_t *address, uint16_t port, const void *payload,
                         size_t length) {
    struct sockaddr_storage to;
    socklen_t size = address_of(&to, family, address, port);
    return RESULT(sendto(fd, payload, length, 0, (struct sockaddr *)&to, size));
}

int cl_notify(const char *path, const char *state) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length < 2 || length >= sizeof to.sun_path) return -EINVAL;
    memcpy(to.sun_path, path, length);
    // The name of a socket in the abstract namespace is written with an at sign in place of its zero octet.
    if (path[0] == '@') to.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, size);
    int result = sent < 0 ? -errno : 0;
    close(fd);
    return result;
}
