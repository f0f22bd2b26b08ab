// SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0)
//
// What every part needs: counted drops, comparing, delivering.
#pragma once

static __always_inline int drop(struct kp_port *port, __u32 reason) {
    __u64 *count = bpf_map_lookup_elem(&drops, &reason);
    if (count) (*count)++;
    if (port && reason < KP_DROPS) __sync_fetch_and_add(&port->drops[reason], 1);
    return TC_ACT_SHOT | RESULT_DROPPED | reason << RESULT_REASON;
}

static __always_inline bool same(const struct kp_address *a, const void *b) {
    const struct kp_address *other = b;
    return a->words[0] == other->words[0] && a->words[1] == other->words[1] && a->words[2] == other->words[2]
        && a->words[3] == other->words[3];
}

static __always_inline void set_mapped(struct kp_address *address, __u32 ipv4) {
    address->words[0] = address->words[1] = 0;
    address->words[2] = bpf_htonl(0xffff);
    address->words[3] = ipv4;
}

/// Makes the first bytes readable; a frame that is shorter stays as it is and fails the caller's check.
static __always_inline void reach(struct __sk_buff *skb, __u32 length) {
    if ((void *)(long)skb->data + length > (void *)(long)skb->data_end) bpf_skb_pull_data(skb, length);
}

static __always_inline __u64 packets_of(const struct __sk_buff *skb) {
    __u32 size = skb->gso_size, segments = skb->gso_segs;
    if (!size) return 1;
    // A super-packet that was pushed once already has lost its count (bpf_skb_adjust_room).
    return segments ? segments : (skb->len + size - 1) / size;
}

/// What a frame counts as on its wire.
struct traffic {
    __u64 packets;
    __u64 bytes;
};

/// The length of the headers that each segment of a super-packet gets.
static __noinline __u32 headers_of(struct __sk_buff *skb, __u32 is_ipv6) {
    __u32 length = sizeof(struct ipv6hdr);
    __u8 first = 0, protocol = 0, words = 0;
    if (is_ipv6) {
        if (bpf_skb_load_bytes(skb, IPV6_AT + offsetof(struct ipv6hdr, nexthdr), &protocol, 1)) return length;
    } else {
        if (bpf_skb_load_bytes(skb, ETH_HLEN, &first, 1)) return length;
        length = (first & 0xf) * 4;
        if (bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct iphdr, protocol), &protocol, 1)) return length;
    }
    if (protocol != IPPROTO_TCP) return length + sizeof(struct udphdr);
    if (bpf_skb_load_bytes(skb, ETH_HLEN + length + 12, &words, 1)) return length;
    return length + (words >> 4) * 4;
}

/// A super-packet counts as the packets that it stands for, each with its headers, so that both ends of a wire count the
/// same, however the frames were put together on their way.
static __always_inline struct traffic traffic_of(struct __sk_buff *skb, bool is_ipv6) {
    struct traffic traffic = {.packets = 1, .bytes = skb->len - ETH_HLEN};
    __u32 size = skb->gso_size, headers;
    if (!size) return traffic;
    headers = headers_of(skb, is_ipv6);
    if (traffic.bytes <= headers) return traffic;
    traffic.packets = (traffic.bytes - headers + size - 1) / size;
    traffic.bytes += (traffic.packets - 1) * headers;
    return traffic;
}

/// Gives the frame to the device of a port, whose endpoint is its destination.
static __always_inline int deliver(struct __sk_buff *skb, const struct kp_port *port) {
    __u32 index = port->device;
    if (skb->pkt_type != PACKET_HOST) bpf_skb_change_type(skb, PACKET_HOST);
    return port->kind == KP_PORT_VETH ? bpf_redirect_peer(index, 0) : bpf_redirect(index, 0);
}

/// The time of the last tick, or of the one before it. Each processor asks for it once a tick: asking costs as much as the
/// search of a flow.
static __always_inline __u64 coarse_now(void) {
    __u64 tick = bpf_jiffies64();
    struct tick *last = bpf_map_lookup_elem(&ticks, &(__u32){0});
    if (!last) return bpf_ktime_get_coarse_ns();
    if (last->tick != tick) {
        last->now = bpf_ktime_get_coarse_ns();
        last->tick = tick;
    }
    return last->now;
}

/// Takes from a budget. It is a virtual clock: each use moves it on, and it may run ahead of the real one by the burst.
/// Two processors may both win the last token; that is harmless.
static __always_inline bool within(__u64 *clock, __u64 now, __u64 interval, __u64 burst) {
    __u64 time = *clock;
    if (time < now) time = now;
    time += interval;
    if (time - now > burst) return false;
    *clock = time;
    return true;
}
