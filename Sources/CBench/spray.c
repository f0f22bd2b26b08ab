#define _GNU_SOURCE
#include "batches.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <string.h>

struct frame {
    struct ether_header ethernet;
    struct ip6_hdr ip;
    struct udphdr udp;
    uint8_t payload[largest];
} __attribute__((packed));

struct spray_state {
    struct bench_spray spray;
    uint64_t random;
    uint32_t sum; // of all that is the same in every packet's UDP checksum, not folded
    struct frame frames[batch];
    struct sockaddr_ll to[batch];
};

static void write_number(uint8_t *octets, uint64_t value, int count) {
    for (int i = 0; i < count; i++) octets[i] = (uint8_t)(value >> (8 * (count - 1 - i)));
}

static uint32_t words_of(uint64_t value) {
    return (uint32_t)((value >> 48) + (value >> 32 & 0xffff) + (value >> 16 & 0xffff) + (value & 0xffff));
}

static void draw_pairs(void *context, unsigned n) {
    struct spray_state *state = context;
    const struct bench_spray *spray = &state->spray;
    for (unsigned i = 0; i < n; i++) {
        uint64_t x = state->random; // xorshift64 (Marsaglia 2003)
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        state->random = x;
        uint64_t source = (x >> 32) * spray->sources >> 32, step = (x & 0xffffffff) * spray->fanout >> 32;
        uint64_t from = spray->from_low + source, to = spray->to_low + (source + step) % spray->destinations;
        struct frame *frame = &state->frames[i];
        // The leaf derives an endpoint's Ethernet address from its identity (MACAddress(of:) in NetTypes).
        write_number(frame->ethernet.ether_shost, (from & 0xfcffffffffff) | 0x020000000000, ETH_ALEN);
        write_number(frame->ip.ip6_src.s6_addr + 8, from, 8);
        write_number(frame->ip.ip6_dst.s6_addr + 8, to, 8);
        uint32_t sum = state->sum + words_of(from) + words_of(to);
        sum = (sum & 0xffff) + (sum >> 16);
        sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
        frame->udp.uh_sum = htons(sum ? (uint16_t)sum : 0xffff); // RFC 8200, section 8.1
        state->to[i].sll_ifindex = (int)(spray->first_device + source);
    }
}

static void prepare(struct frame *frame, const struct bench_spray *spray, uint16_t length) {
    write_number(frame->ethernet.ether_dhost, spray->gateway, ETH_ALEN);
    frame->ethernet.ether_type = htons(ETHERTYPE_IPV6);
    frame->ip.ip6_flow = htonl(6u << 28);
    frame->ip.ip6_plen = htons(length);
    frame->ip.ip6_nxt = IPPROTO_UDP;
    frame->ip.ip6_hlim = 64;
    write_number(frame->ip.ip6_src.s6_addr, spray->high, 8);
    write_number(frame->ip.ip6_dst.s6_addr, spray->high, 8);
    frame->udp.uh_sport = frame->udp.uh_dport = htons(spray->port);
    frame->udp.uh_ulen = htons(length);
}

struct bench_flow bench_spray_frames(struct bench_spray spray, uint32_t size, uint32_t milliseconds) {
    static struct spray_state state;
    struct iovec parts[batch];
    struct mmsghdr messages[batch] = {0};
    int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), yes = 1;
    if (s < 0) return (struct bench_flow){.result = -errno};
    setsockopt(s, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes);
    uint16_t length = (uint16_t)(sizeof(struct udphdr) + (size <= largest ? size : largest));
    state.spray = spray, state.random = 0x9e3779b97f4a7c15ull;
    // Pseudo header, UDP header; the payload is zero.
    state.sum = 2 * words_of(spray.high) + 2u * length + IPPROTO_UDP + 2u * spray.port;
    for (int i = 0; i < batch; i++) {
        prepare(&state.frames[i], &spray, length);
        parts[i] = (struct iovec){&state.frames[i], sizeof(struct ether_header) + sizeof(struct ip6_hdr) + length};
        state.to[i] = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_IPV6),
                                           .sll_halen = ETH_ALEN};
        memcpy(state.to[i].sll_addr, state.frames[i].ethernet.ether_dhost, ETH_ALEN);
        messages[i].msg_hdr = (struct msghdr){.msg_name = &state.to[i], .msg_namelen = sizeof state.to[i],
                                              .msg_iov = &parts[i], .msg_iovlen = 1};
    }
    return bench_send_batches(s, messages, 0, milliseconds, draw_pairs, &state);
}
