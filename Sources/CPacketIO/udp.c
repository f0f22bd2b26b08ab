#define _GNU_SOURCE
#include "packetio.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int set(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

int pio_address_make(struct pio_address *address, int family, const uint8_t *octets, unsigned int port) {
    memset(address, 0, sizeof *address);
    if (port > 65535) return -EINVAL;
    if (family == 4) {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        memcpy(&v4.sin_addr, octets, 4);
        memcpy(address->bytes, &v4, address->length = sizeof v4);
        return 0;
    }
    if (family != 6) return -EAFNOSUPPORT;
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    memcpy(&v6.sin6_addr, octets, 16);
    memcpy(address->bytes, &v6, address->length = sizeof v6);
    return 0;
}

int pio_address_local(int fd, uint8_t *octets, uint16_t *port) {
    struct sockaddr_storage local;
    socklen_t length = sizeof local;
    if (getsockname(fd, (struct sockaddr *)&local, &length) < 0) return -errno;
    if (local.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&local;
        memcpy(octets, &v4->sin_addr, 4);
        *port = ntohs(v4->sin_port);
        return 4;
    }
    if (local.ss_family != AF_INET6) return -EAFNOSUPPORT;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&local;
    memcpy(octets, &v6->sin6_addr, 16);
    *port = ntohs(v6->sin6_port);
    return 6;
}

int pio_udp_open(const struct pio_address *local, int reuse_port, int buffer_bytes) {
    sa_family_t family;
    memcpy(&family, local->bytes, sizeof family);
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int v6 = family == AF_INET6;
    // A process without CAP_NET_ADMIN gets what net.core.rmem_max allows; that is slower, not wrong.
    if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, buffer_bytes)) set(fd, SOL_SOCKET, SO_RCVBUF, buffer_bytes);
    if (set(fd, SOL_SOCKET, SO_SNDBUFFORCE, buffer_bytes)) set(fd, SOL_SOCKET, SO_SNDBUF, buffer_bytes);
    // The wire's own path MTU rules, so the kernel neither cuts nor trusts unauthenticated ICMP: probe, not do.
    int error = v6 ? set(fd, SOL_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE)
                   : set(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    if (!error && v6) error = set(fd, SOL_IPV6, IPV6_V6ONLY, 1);
    if (!error && reuse_port) error = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (!error && bind(fd, (const struct sockaddr *)local->bytes, local->length) < 0) error = -errno;
    if (!error) return fd;
    close(fd);
    return error;
}

int pio_udp_can_segment(int fd) {
    int value = 0;
    socklen_t length = sizeof value;
    return getsockopt(fd, SOL_UDP, UDP_SEGMENT, &value, &length) == 0;
}

int pio_udp_join(int fd) { return set(fd, SOL_UDP, UDP_GRO, 1); }
int pio_udp_without_checksum(int fd) { return set(fd, SOL_SOCKET, SO_NO_CHECK, 1); }

int pio_udp_steer(int fd, unsigned int mask) {
    // The program sees the UDP payload; the SPI is its first word, big endian (RFC 3948, section 2.1).
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 3),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    int failed = setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
    return failed ? -errno : 0;
}

int64_t pio_udp_send(int fd, const struct pio_address *to, const void *bytes, size_t length, unsigned int segment) {
    struct iovec part = {(void *)bytes, length};
    union {
        char space[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr aligned;
    } control;
    struct msghdr message = {
        .msg_name = (void *)to->bytes, .msg_namelen = to->length, .msg_iov = &part, .msg_iovlen = 1};
    if (segment < length) {
        message.msg_control = control.space;
        message.msg_controllen = sizeof control.space;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_UDP;
        header->cmsg_type = UDP_SEGMENT;
        header->cmsg_len = CMSG_LEN(sizeof(uint16_t));
        uint16_t size = (uint16_t)segment;
        memcpy(CMSG_DATA(header), &size, sizeof size);
    }
    ssize_t sent = sendmsg(fd, &message, 0);
    return sent < 0 ? -errno : sent;
}

int64_t pio_udp_send_each(int fd, const struct pio_address *to, const void *bytes, size_t length,
                          unsigned int segment) {
    enum { most = 128 };
    struct mmsghdr messages[most];
    struct iovec parts[most];
    unsigned int count = 0;
    for (size_t at = 0; at < length && count < most; at += segment, count++) {
        parts[count] = (struct iovec){(char *)bytes + at, length - at < segment ? length - at : segment};
        messages[count] = (struct mmsghdr){.msg_hdr = {.msg_name = (void *)to->bytes,
                                                       .msg_namelen = to->length,
                                                       .msg_iov = &parts[count],
                                                       .msg_iovlen = 1}};
    }
    int sent = sendmmsg(fd, messages, count, 0);
    return sent < 0 ? -errno : sent;
}

int64_t pio_udp_receive(int fd, void *bytes, size_t capacity, unsigned int *segment) {
    struct iovec part = {bytes, capacity};
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    *segment = 0;
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);
    if (got < 0) return -errno;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_UDP && header->cmsg_type == UDP_GRO) {
        int size;
        memcpy(&size, CMSG_DATA(header), sizeof size);
        if (size > 0) *segment = (unsigned int)size;
    }
    return message.msg_flags & MSG_TRUNC ? -EMSGSIZE : got;
}
