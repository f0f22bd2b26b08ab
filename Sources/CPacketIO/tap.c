#define _GNU_SOURCE
#include "packetio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int pio_tap_queue(const char *name) {
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE};
    if (strlen(name) >= sizeof request.ifr_name) return -ENAMETOOLONG;
    strcpy(request.ifr_name, name);
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return -errno;
    int header = sizeof(struct virtio_net_hdr);
    if (ioctl(fd, TUNSETIFF, &request) == 0 && ioctl(fd, TUNSETVNETHDRSZ, &header) == 0) return fd;
    int error = -errno;
    close(fd);
    return error;
}

int pio_tap_offloads(int fd, unsigned int offloads) {
    return ioctl(fd, TUNSETOFFLOAD, (unsigned long)offloads) < 0 ? -errno : 0;
}

int pio_tap_name(int fd, char *name) {
    struct ifreq request = {0};
    if (ioctl(fd, TUNGETIFF, &request) < 0) return -errno;
    memcpy(name, request.ifr_name, sizeof request.ifr_name);
    return (request.ifr_flags & (IFF_TAP | IFF_VNET_HDR)) == (IFF_TAP | IFF_VNET_HDR) ? 0 : -EINVAL;
}

struct link_request {
    struct nlmsghdr header;
    struct ifinfomsg link;
    struct {
        struct rtattr header;
        uint32_t value;
    } attributes[3];
};

int pio_link_set(const char *name, unsigned int mtu, unsigned int gso_bytes, unsigned int gso_segments) {
    const uint16_t types[3] = {IFLA_MTU, IFLA_GSO_MAX_SIZE, IFLA_GSO_MAX_SEGS};
    const uint32_t values[3] = {mtu, gso_bytes, gso_segments};
    struct link_request request = {
        .header = {.nlmsg_type = RTM_NEWLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
        .link = {.ifi_index = (int)if_nametoindex(name), .ifi_flags = IFF_UP, .ifi_change = IFF_UP}};
    if (request.link.ifi_index == 0) return -ENODEV;
    int count = 0;
    for (int each = 0; each < 3; each++) {
        if (values[each] == 0) continue;
        request.attributes[count].header = (struct rtattr){.rta_len = 8, .rta_type = types[each]};
        request.attributes[count++].value = values[each];
    }
    request.header.nlmsg_len = offsetof(struct link_request, attributes) + (size_t)count * 8;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) return -errno;
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        char rest[512];
    } answer = {0};
    ssize_t got = send(fd, &request, request.header.nlmsg_len, 0);
    if (got >= 0) got = recv(fd, &answer, sizeof answer, 0);
    int result = got < 0 ? -errno : answer.header.nlmsg_type == NLMSG_ERROR ? answer.error.error : -EBADMSG;
    close(fd);
    return result;
}
