// SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0)
//
// The data path of wires; what protects them is the ESP engine's. The functions stand in the order in which a frame meets them:
//
//   port_ingress      a frame from an endpoint   check the sender, find the wire, send or ask the leaf
//   underlay_ingress  a datagram from a leaf     find the wire, check the inner sender, deliver
//   vxlan_ingress     the same, for frames that need the VXLAN device to take the tunnel's marks off
//   engine_ingress    a frame that the ESP engine has opened   the same checks, and deliver
//
// Nothing from an endpoint ever reaches the host's own stack: port_ingress redirects or drops.

#include <linux/bpf.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "kernel_path.h"

// Names that Debian 12's headers (6.1) do not have yet (Linux 6.3).
#define ADJ_ROOM_DECAP_L3_IPV4 (1 << 7)
#define ADJ_ROOM_DECAP_L3_IPV6 (1 << 8)

#define ETH_TYPE_AT 12
#define IPV6_AT ETH_HLEN
#define IPV6_PAYLOAD_AT (ETH_HLEN + 40)
#define IPV4_FRAGMENT bpf_htons(0x1fff)
#define IPV4_MORE bpf_htons(0x2000)

char LICENSE[] SEC("license") = "Dual Apache-2.0/GPL-2.0";

// MARK: Maps

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct kp_config);
} config SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 65536);
    __type(key, __u32);
    __type(value, struct kp_port);
} ports SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1048576);
    __type(key, struct kp_wire_key);
    __type(value, struct kp_wire);
} wires SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 65536);
    __type(key, __u32);
    __type(value, struct kp_peer);
} peers SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1048576);
    __type(key, struct kp_receive_key);
    __type(value, struct kp_receive);
} receive SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 65536);
    __type(key, struct kp_wire_key);
    __type(value, struct kp_denied);
} denied SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, KP_DROPS);
    __type(key, __u32);
    __type(value, __u64);
} drops SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4 << 20);
} punts SEC(".maps");

// MARK: Small things

static __always_inline int drop(struct kp_port *port, __u32 reason) {
    __u64 *count = bpf_map_lookup_elem(&drops, &reason);
    if (count) (*count)++;
    if (port && reason < KP_DROPS) __sync_fetch_and_add(&port->drops[reason], 1);
    return TC_ACT_SHOT;
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

/// Gives the frame to the device of a port, whose endpoint is its destination.
static __always_inline int deliver(struct __sk_buff *skb, const struct kp_port *port, __u32 index) {
    if (skb->pkt_type != PACKET_HOST) bpf_skb_change_type(skb, PACKET_HOST);
    return port->kind == KP_PORT_VETH ? bpf_redirect_peer(index, 0) : bpf_redirect(index, 0);
}

// MARK: 1. Telling the leaf

#define PUNT_RECORD(size)                                                                                     \
    ({                                                                                                        \
        struct {                                                                                              \
            struct kp_punt head;                                                                              \
            __u8 frame[size];                                                                                 \
        } *record = bpf_ringbuf_reserve(&punts, sizeof *record, 0);                                           \
        if (record) {                                                                                         \
            record->head = (struct kp_punt){.port = skb->ifindex, .reason = reason, .length = length};        \
            if (bpf_skb_load_bytes(skb, 0, record->frame, length) == 0)                                       \
                bpf_ringbuf_submit(record, 0);                                                                \
            else                                                                                              \
                bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);                                                \
        }                                                                                                     \
        record != NULL;                                                                                       \
    })

/// Hands a copy of the frame to the leaf and drops the frame, counted as told, or by what went wrong.
static __noinline int punt(struct __sk_buff *skb, struct kp_port *port, __u32 reason, __u32 length) {
    bool taken = false;
    __u32 counted = reason == KP_PUNT_MISS ? KP_DROP_NO_WIRE
        : reason == KP_PUNT_TOO_BIG        ? KP_DROP_TOO_BIG
                                           : KP_DROP_PUNTED;
    __u64 now = bpf_ktime_get_ns(), time = port->punt_time;

    // The budget is a virtual clock: each punt moves it on, and it may run ahead of the real one by the burst.
    // Two processors may both win the last token; that is harmless.
    if (time < now) time = now;
    time += port->punt_interval;
    if (time - now > port->punt_burst)
        return drop(port, reason == KP_PUNT_TOO_BIG ? KP_DROP_TOO_BIG : KP_DROP_PUNT_BUDGET);
    port->punt_time = time;

    // A record's size has to be a constant, so there are four. The last is for super-packets: the leaf cannot send
    // one, but it learns that a wire is wanted, and the next one finds it.
    if (length >= ETH_HLEN && length <= 256)
        taken = PUNT_RECORD(256);
    else if (length > 256 && length <= 2048)
        taken = PUNT_RECORD(2048);
    else if (length > 2048 && length <= 9216)
        taken = PUNT_RECORD(9216);
    else if (length > 9216 && length <= 65535)
        taken = PUNT_RECORD(65536);
    else
        return drop(port, KP_DROP_PUNT_SIZE);
    return drop(port, taken || reason == KP_PUNT_TOO_BIG ? counted : KP_DROP_RING_FULL);
}

/// Tells the leaf of a frame that is too big by its beginning: as much as the answer quotes (RFC 4443, section 3.2).
static int punt_too_big(struct __sk_buff *skb, struct kp_port *port) {
    __u32 length = skb->len, most = ETH_HLEN + 1280;

    return punt(skb, port, KP_PUNT_TOO_BIG, length < most ? length : most);
}

// MARK: 2. What is answered on the host: ARP and neighbour discovery

static __noinline int port_arp(struct __sk_buff *skb, struct kp_port *port) {
    struct {
        __be16 hardware, protocol;
        __u8 hardware_length, protocol_length;
        __be16 operation;
        __u8 sender_mac[6], sender[4], target_mac[6], target[4];
    } __attribute__((packed)) arp;
    __u32 sender, target;

    if (bpf_skb_load_bytes(skb, ETH_HLEN, &arp, sizeof arp)) return drop(port, KP_DROP_MALFORMED);
    if (arp.hardware != bpf_htons(1) || arp.protocol != bpf_htons(ETH_P_IP) || arp.hardware_length != 6
        || arp.protocol_length != 4)
        return drop(port, KP_DROP_MALFORMED);
    __builtin_memcpy(&sender, arp.sender, 4);
    __builtin_memcpy(&target, arp.target, 4);
    for (int i = 0; i < 6; i++)
        if (arp.sender_mac[i] != port->mac[i]) return drop(port, KP_DROP_SOURCE);
    if (arp.operation != bpf_htons(1)) return drop(port, KP_DROP_FORGED_ND);
    if (sender == 0) return drop(port, KP_DROP_PROBE);
    if (!port->ipv4 || sender != port->ipv4) return drop(port, KP_DROP_SOURCE);
    if (sender == target) return drop(port, KP_DROP_FORGED_ND);
    return punt(skb, port, KP_PUNT_ARP, skb->len);
}

/// Neighbour discovery of an endpoint (RFC 4861); the source address is checked by the caller.
static __noinline int port_discovery(struct __sk_buff *skb, struct kp_port *port, __u32 type) {
    __u8 hops;
    if (bpf_skb_load_bytes(skb, IPV6_AT + offsetof(struct ipv6hdr, hop_limit), &hops, 1) || hops != 255)
        return drop(port, KP_DROP_MALFORMED);
    if (type == 135) return punt(skb, port, KP_PUNT_ND, skb->len);
    if (type == 133) return punt(skb, port, KP_PUNT_RS, skb->len);
    return drop(port, KP_DROP_FORGED_ND);
}

/// What follows IPv6 extension headers: the protocol, or -1 when there are too many or they are cut off.
static __noinline int after_extensions(struct __sk_buff *skb, __u32 next, __u32 *at) {
    __u32 offset = IPV6_PAYLOAD_AT;
    for (int i = 0; i < 6; i++) {
        __u8 header[2];
        if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS) {
            *at = offset;
            return next;
        }
        if (bpf_skb_load_bytes(skb, offset, header, sizeof header)) return -1;
        next = header[0];
        offset += (header[1] + 1) * 8;
    }
    return -1;
}

/// An IPv6 frame whose source is not the identity: only neighbour discovery from a link-local address is of use.
static __noinline int port_foreign_ipv6(struct __sk_buff *skb, struct kp_port *port) {
    struct ipv6hdr ip;
    __u8 type = 0;
    __u32 at = IPV6_PAYLOAD_AT;
    if (bpf_skb_load_bytes(skb, IPV6_AT, &ip, sizeof ip)) return drop(port, KP_DROP_MALFORMED);
    bool unspecified = !ip.saddr.in6_u.u6_addr32[0] && !ip.saddr.in6_u.u6_addr32[1]
        && !ip.saddr.in6_u.u6_addr32[2] && !ip.saddr.in6_u.u6_addr32[3];
    bool link_local = (ip.saddr.in6_u.u6_addr32[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
    if (!unspecified && !link_local) return drop(port, KP_DROP_SOURCE);

    int protocol = after_extensions(skb, ip.nexthdr, &at);
    if (protocol != IPPROTO_ICMPV6 || bpf_skb_load_bytes(skb, at, &type, 1)) return drop(port, KP_DROP_LINK_LOCAL);
    if (type == 143 || (type >= 130 && type <= 132)) return drop(port, KP_DROP_MLD);
    if (unspecified) return drop(port, type == 135 ? KP_DROP_PROBE : KP_DROP_LINK_LOCAL);
    if (at != IPV6_PAYLOAD_AT || type < 133 || type > 137) return drop(port, KP_DROP_LINK_LOCAL);
    return port_discovery(skb, port, type);
}

/// An ICMPv6 frame, or one with extension headers, from the identity itself. Neighbour discovery behind
/// extension headers is never legitimate here. Returns whether the frame may go on to its wire.
static __noinline int may_go_on(struct __sk_buff *skb, __u32 next) {
    __u32 at = IPV6_PAYLOAD_AT;
    __u8 type = 0;
    int protocol = after_extensions(skb, next, &at);
    if (protocol < 0) return -KP_DROP_MALFORMED;
    if (protocol != IPPROTO_ICMPV6) return 0;
    if (bpf_skb_load_bytes(skb, at, &type, 1)) return -KP_DROP_MALFORMED;
    if (type == 143 || (type >= 130 && type <= 132)) return -KP_DROP_MLD;
    if (type < 133 || type > 137) return 0;
    return at == IPV6_PAYLOAD_AT ? type : -KP_DROP_FORGED_ND;
}

// MARK: 3. Sending on a wire

/// Whether the frame, or each segment of a super-packet, is larger than a device's MTU.
static __always_inline bool is_larger(struct __sk_buff *skb, __u32 mtu, __u32 transport, __u32 protocol) {
    __u32 size = skb->gso_size;
    __u8 words = 2 << 4;
    if (!size) return skb->len > mtu + ETH_HLEN;
    if (protocol == IPPROTO_TCP && bpf_skb_load_bytes(skb, transport + 12, &words, 1)) return true;
    return transport - ETH_HLEN + (words >> 4) * 4 + size > mtu;
}

struct outer_ipv4 {
    __be16 ethertype;
    struct iphdr ip;
    struct udphdr udp;
    __be32 vxlan[2];
    __u8 inner[ETH_HLEN];
} __attribute__((packed));

struct outer_ipv6 {
    __be16 ethertype;
    struct ipv6hdr ip;
    struct udphdr udp;
    __be32 vxlan[2];
    __u8 inner[ETH_HLEN];
} __attribute__((packed));

_Static_assert(sizeof(struct outer_ipv4) == 2 + KP_OVERHEAD_IPV4, "outer_ipv4");
_Static_assert(sizeof(struct outer_ipv6) == 2 + KP_OVERHEAD_IPV6, "outer_ipv6");

#define PUSH                                                                                                  \
    (BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L4_UDP | BPF_F_ADJ_ROOM_ENCAP_L2(ETH_HLEN)               \
     | BPF_F_ADJ_ROOM_ENCAP_L2_ETH)

/// The way of frames that are encapsulated already, which the push refuses: the VXLAN device sends them.
static __noinline int send_by_device(
    struct __sk_buff *skb, struct kp_port *port, const struct kp_peer *peer, __u32 label) {
    struct kp_config *host = bpf_map_lookup_elem(&config, &(__u32){0});
    struct bpf_tunnel_key key = {.tunnel_id = label, .tunnel_ttl = 64};
    __u64 flags = BPF_F_ZERO_CSUM_TX;
    if (!host) return drop(port, KP_DROP_ENCAPSULATION);
    if (peer->is_ipv6) {
        flags |= BPF_F_TUNINFO_IPV6;
        __builtin_memcpy(key.remote_ipv6, &peer->locator, 16);
        __builtin_memcpy(key.local_ipv6, &peer->source, 16);
    } else {
        key.remote_ipv4 = bpf_ntohl(peer->locator.words[3]);
        key.local_ipv4 = bpf_ntohl(peer->source.words[3]);
    }
    if (bpf_skb_set_tunnel_key(skb, &key, sizeof key, flags)) return drop(port, KP_DROP_ENCAPSULATION);
    return bpf_redirect(host->vxlan, 0);
}

static __always_inline int send_remote(struct __sk_buff *skb, struct kp_port *port, const struct kp_wire *wire) {
    __u32 index = wire->peer, label = wire->label, length = skb->len;
    struct kp_peer *peer = bpf_map_lookup_elem(&peers, &index);
    struct kp_config *host = bpf_map_lookup_elem(&config, &(__u32){0});
    if (!peer || !host) return drop(port, KP_DROP_ENCAPSULATION);
    // Read before the push moves the frame. Lengths are the super-packet's; the segmenter writes each segment's.
    __be16 source = bpf_htons(0xc000 | (bpf_get_hash_recalc(skb) & 0x3fff));

    if (!peer->is_ipv6) {
        struct outer_ipv4 outer = {.ethertype = bpf_htons(ETH_P_IP)};
        if (bpf_skb_load_bytes(skb, 0, outer.inner, ETH_HLEN)) return drop(port, KP_DROP_MALFORMED);
        if (bpf_skb_adjust_room(skb, KP_OVERHEAD_IPV4, BPF_ADJ_ROOM_MAC, PUSH | BPF_F_ADJ_ROOM_ENCAP_L3_IPV4))
            return send_by_device(skb, port, peer, label);
        __u32 udp = length + 8 + 8, total = udp + 20, sum;
        if (total > 0xffff) total = 0xffff, udp = 0xffff - 20;
        outer.ip = (struct iphdr){
            .version = 4,
            .ihl = 5,
            .tot_len = bpf_htons(total),
            .frag_off = bpf_htons(0x4000),
            .ttl = 64,
            .protocol = IPPROTO_UDP,
            .saddr = peer->source.words[3],
            .daddr = peer->locator.words[3],
        };
        sum = peer->sum + outer.ip.tot_len;
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        outer.ip.check = ~sum;
        outer.udp = (struct udphdr){.source = source, .dest = host->vxlan_port, .len = bpf_htons(udp)};
        outer.vxlan[0] = bpf_htonl(0x08000000);
        outer.vxlan[1] = bpf_htonl(label << 8);
        if (bpf_skb_store_bytes(skb, ETH_TYPE_AT, &outer, sizeof outer, 0)) return drop(port, KP_DROP_ENCAPSULATION);
    } else {
        struct outer_ipv6 outer = {.ethertype = bpf_htons(ETH_P_IPV6)};
        if (bpf_skb_load_bytes(skb, 0, outer.inner, ETH_HLEN)) return drop(port, KP_DROP_MALFORMED);
        if (bpf_skb_adjust_room(skb, KP_OVERHEAD_IPV6, BPF_ADJ_ROOM_MAC, PUSH | BPF_F_ADJ_ROOM_ENCAP_L3_IPV6))
            return send_by_device(skb, port, peer, label);
        __u32 udp = length + 8 + 8;
        if (udp > 0xffff) udp = 0xffff;
        outer.ip.version = 6;
        outer.ip.payload_len = bpf_htons(udp);
        outer.ip.nexthdr = IPPROTO_UDP;
        outer.ip.hop_limit = 64;
        __builtin_memcpy(&outer.ip.saddr, &peer->source, 16);
        __builtin_memcpy(&outer.ip.daddr, &peer->locator, 16);
        // No checksum: RFC 6935 and RFC 7348 allow it for tunnels.
        outer.udp = (struct udphdr){.source = source, .dest = host->vxlan_port, .len = bpf_htons(udp)};
        outer.vxlan[0] = bpf_htonl(0x08000000);
        outer.vxlan[1] = bpf_htonl(label << 8);
        if (bpf_skb_store_bytes(skb, ETH_TYPE_AT, &outer, sizeof outer, 0)) return drop(port, KP_DROP_ENCAPSULATION);
    }
    return bpf_redirect_neigh(host->underlay, NULL, 0, 0);
}

static __always_inline int send_local(
    struct __sk_buff *skb, struct kp_port *port, __u32 index, const struct kp_address *destination, bool is_ipv6,
    __u32 transport, __u32 protocol) {
    struct kp_port *target = bpf_map_lookup_elem(&ports, &index);
    if (!target) return drop(port, KP_DROP_PEER_GONE);
    if (is_ipv6 ? !same(&target->identity, destination) : target->ipv4 != destination->words[3])
        return drop(port, KP_DROP_INNER_DESTINATION);
    if (is_larger(skb, target->mtu, transport, protocol)) return punt_too_big(skb, port);
    if (bpf_skb_store_bytes(skb, 0, target->mac, ETH_ALEN, 0)) return drop(port, KP_DROP_MALFORMED);
    return deliver(skb, target, index);
}

/// Gives the frame of a protected wire to the ESP engine, which knows the wire by the number in the MAC address.
static __always_inline int send_protected(struct __sk_buff *skb, struct kp_port *port, __u32 slot) {
    struct kp_config *host = bpf_map_lookup_elem(&config, &(__u32){0});
    struct {
        __be16 prefix;
        __be32 slot;
    } __attribute__((packed)) mac = {bpf_htons(KP_ENGINE_MAC), bpf_htonl(slot)};
    // Without an engine nothing goes: a protected wire never sends in the clear.
    if (!host || !host->engine) return drop(port, KP_DROP_ENGINE);
    if (bpf_skb_store_bytes(skb, 0, &mac, sizeof mac, 0)) return drop(port, KP_DROP_MALFORMED);
    return bpf_redirect(host->engine, 0);
}

/// Whether an IPv4 packet may be cut on its way (RFC 791, section 2.3).
static __always_inline bool may_fragment(struct __sk_buff *skb) {
    __be16 fragment;
    if (skb->gso_size || bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct iphdr, frag_off), &fragment, 2))
        return false;
    return !(fragment & bpf_htons(0x4000));
}

// MARK: 4. A frame from an endpoint

SEC("tc")
int port_ingress(struct __sk_buff *skb) {
    __u32 index = skb->ifindex, protocol, transport;
    bool is_ipv6;
    struct kp_wire_key key = {.port = index};
    struct kp_port *port = bpf_map_lookup_elem(&ports, &index);
    if (!port) return drop(NULL, KP_DROP_CLOSED);

    // 4.1 Who is it?
    reach(skb, IPV6_PAYLOAD_AT);
    reach(skb, ETH_HLEN + sizeof(struct iphdr));
    void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
    struct ethhdr *ethernet = data;
    if (data + ETH_HLEN + sizeof(struct iphdr) > end) return drop(port, KP_DROP_MALFORMED);
    if (*(__u32 *)ethernet->h_source != *(__u32 *)port->mac
        || *(__u16 *)(ethernet->h_source + 4) != *(__u16 *)(port->mac + 4))
        return drop(port, KP_DROP_SOURCE);
    if (skb->vlan_present) return drop(port, KP_DROP_ETHERTYPE);

    if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) {
        struct ipv6hdr *ip = data + ETH_HLEN;
        if ((void *)(ip + 1) > end || ip->version != 6) return drop(port, KP_DROP_MALFORMED);
        if ((__u32)bpf_ntohs(ip->payload_len) + IPV6_PAYLOAD_AT > skb->len) return drop(port, KP_DROP_MALFORMED);
        if (!same(&port->identity, &ip->saddr)) return port_foreign_ipv6(skb, port);
        __builtin_memcpy(&key.destination, &ip->daddr, 16);
        protocol = ip->nexthdr;
        transport = IPV6_PAYLOAD_AT;
        is_ipv6 = true;
        if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) {
            int type = may_go_on(skb, protocol);
            if (type > 0) return port_discovery(skb, port, type);
            if (type < 0) return drop(port, -type);
        }
        __u32 first = bpf_ntohl(key.destination.words[0]);
        if (first >> 24 == 0xff) return drop(port, KP_DROP_MULTICAST);
        if (first >> 22 == 0x3fa) return drop(port, KP_DROP_LINK_LOCAL);
    } else if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
        struct iphdr *ip = data + ETH_HLEN;
        if (ip->version != 4 || ip->ihl < 5) return drop(port, KP_DROP_MALFORMED);
        __u32 total = bpf_ntohs(ip->tot_len);
        if (total + ETH_HLEN > skb->len) return drop(port, KP_DROP_MALFORMED);
        if (!port->ipv4 || ip->saddr != port->ipv4) return drop(port, KP_DROP_SOURCE);
        __u32 first = bpf_ntohl(ip->daddr);
        if (first >> 28 == 0xe || first == 0xffffffff) return drop(port, KP_DROP_MULTICAST);
        set_mapped(&key.destination, ip->daddr);
        protocol = ip->protocol;
        transport = ETH_HLEN + ip->ihl * 4;
        is_ipv6 = false;
    } else if (ethernet->h_proto == bpf_htons(ETH_P_ARP)) {
        return port_arp(skb, port);
    } else {
        return drop(port, KP_DROP_ETHERTYPE);
    }

    // 4.2 Is there a wire?
    struct kp_wire *wire = bpf_map_lookup_elem(&wires, &key);
    if (!wire) {
        struct kp_denied *refusal = bpf_map_lookup_elem(&denied, &key);
        if (!refusal || bpf_ktime_get_ns() >= refusal->until) return punt(skb, port, KP_PUNT_MISS, skb->len);
        __sync_fetch_and_add(&refusal->drops, 1);
        return drop(port, KP_DROP_DENIED);
    }

    // 4.3 Send
    __u32 mtu = port->mtu, label = wire->label;
    // A protected wire carries less than the device's MTU. What may be cut, the engine cuts.
    if (wire->mtu && wire->mtu < mtu && (is_ipv6 || !may_fragment(skb))) mtu = wire->mtu;
    if (is_larger(skb, mtu, transport, protocol)) return punt_too_big(skb, port);
    __sync_fetch_and_add(&wire->packets, packets_of(skb));
    __sync_fetch_and_add(&wire->bytes, skb->len - ETH_HLEN);
    if (label & KP_WIRE_PROTECTED) return send_protected(skb, port, label & KP_HIGHEST_SLOT);
    if (label == KP_WIRE_LOCAL)
        return send_local(skb, port, wire->peer, &key.destination, is_ipv6, transport, protocol);
    return send_remote(skb, port, wire);
}

// MARK: 5. A frame from another leaf

/// Who the inner frame of a datagram is from and for.
struct inner {
    bool is_ipv6;
    __u8 protocol;
};

/// Checks that the inner IP packet behind the offset is the wire's, from its source to its port's endpoint.
/// Returns 0, or the reason to drop it.
static __always_inline __u32 check_inner(
    struct __sk_buff *skb, __u32 offset, const struct kp_receive *wire, const struct kp_port *port,
    struct inner *inner) {
    void *data = (void *)(long)skb->data + offset, *end = (void *)(long)skb->data_end;
    struct ethhdr *ethernet = data;
    if (data + ETH_HLEN + sizeof(struct iphdr) > end) return KP_DROP_MALFORMED;
    if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) {
        struct ipv6hdr *ip = data + ETH_HLEN;
        if ((void *)(ip + 1) > end || ip->version != 6) return KP_DROP_MALFORMED;
        if (!same(&wire->source, &ip->saddr)) return KP_DROP_INNER_SOURCE;
        if (!same(&port->identity, &ip->daddr)) return KP_DROP_INNER_DESTINATION;
        inner->is_ipv6 = true;
        inner->protocol = ip->nexthdr;
        return 0;
    }
    if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
        struct iphdr *ip = data + ETH_HLEN;
        if (ip->version != 4 || ip->ihl < 5) return KP_DROP_MALFORMED;
        if (!wire->source_ipv4 || ip->saddr != wire->source_ipv4) return KP_DROP_INNER_SOURCE;
        if (!port->ipv4 || ip->daddr != port->ipv4) return KP_DROP_INNER_DESTINATION;
        inner->is_ipv6 = false;
        inner->protocol = ip->protocol;
        return 0;
    }
    return KP_DROP_ETHERTYPE;
}

/// Counts the frame on its wire, gives it the MACs of the wire's two ends, and delivers it.
static __always_inline int deliver_received(
    struct __sk_buff *skb, struct kp_receive *wire, const struct kp_port *port, bool is_ipv6) {
    struct ethhdr header;
    const __u8 *identity = (const __u8 *)&wire->source;
    __u32 index = wire->port;
    __builtin_memcpy(header.h_dest, port->mac, ETH_ALEN);
    // MACAddress(of:) in NetTypes is the same.
    __builtin_memcpy(header.h_source, identity + 10, ETH_ALEN);
    header.h_source[0] = (header.h_source[0] & ~3) | 2;
    header.h_proto = is_ipv6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
    __sync_fetch_and_add(&wire->packets, packets_of(skb));
    __sync_fetch_and_add(&wire->bytes, skb->len - ETH_HLEN);
    if (bpf_skb_store_bytes(skb, 0, &header, sizeof header, 0)) return drop(NULL, KP_DROP_MALFORMED);
    return deliver(skb, port, index);
}

/// A datagram to the VXLAN port: offset is where the VXLAN header begins.
static __always_inline int receive_datagram(
    struct __sk_buff *skb, struct kp_receive_key *key, const __u32 offset, bool outer_is_ipv6) {
    void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
    __be32 *vxlan = data + offset;
    struct inner inner = {};
    if ((void *)(vxlan + 2) > end) return drop(NULL, KP_DROP_VXLAN);
    if (!(vxlan[0] & bpf_htonl(0x08000000))) return drop(NULL, KP_DROP_VXLAN);
    key->label = bpf_ntohl(vxlan[1]) >> 8;
    struct kp_receive *wire = bpf_map_lookup_elem(&receive, key);
    if (!wire) return drop(NULL, KP_DROP_UNKNOWN_LABEL);
    __u32 index = wire->port;
    struct kp_port *port = bpf_map_lookup_elem(&ports, &index);
    if (!port) return drop(NULL, KP_DROP_PEER_GONE);

    __u32 reason = check_inner(skb, offset + 8, wire, port, &inner);
    if (reason) return drop(NULL, reason);

    // A super-packet popped here keeps its marks of a tunnel, and a TAP would get it cut up; so the VXLAN device
    // takes those, and all of TCP with them, lest single packets overtake.
    if (port->kind != KP_PORT_VETH && (skb->gso_size || inner.protocol == IPPROTO_TCP)) return TC_ACT_UNSPEC;

    __u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;
    if (inner.is_ipv6 && !outer_is_ipv6) flags |= ADJ_ROOM_DECAP_L3_IPV6;
    if (!inner.is_ipv6 && outer_is_ipv6) flags |= ADJ_ROOM_DECAP_L3_IPV4;
    // What the pop refuses (a kernel before 6.3) the VXLAN device can do.
    if (bpf_skb_adjust_room(skb, -(__s32)(offset + 8), BPF_ADJ_ROOM_MAC, flags)) return TC_ACT_UNSPEC;
    return deliver_received(skb, wire, port, inner.is_ipv6);
}

#define VXLAN_AT_IPV4 (ETH_HLEN + 20 + 8)
#define VXLAN_AT_IPV6 (ETH_HLEN + 40 + 8)

SEC("tc")
int underlay_ingress(struct __sk_buff *skb) {
    void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
    struct kp_receive_key key = {};

    if (skb->protocol == bpf_htons(ETH_P_IP)) {
        struct iphdr *ip = data + ETH_HLEN;
        struct udphdr *udp = (void *)(ip + 1);
        if ((void *)(ip + 1) > end) return TC_ACT_UNSPEC;
        if (ip->protocol != IPPROTO_UDP || ip->frag_off & IPV4_FRAGMENT) return TC_ACT_UNSPEC;
        struct kp_config *host = bpf_map_lookup_elem(&config, &(__u32){0});
        if (!host || ip->daddr != host->locator_ipv4) return TC_ACT_UNSPEC;
        if (ip->ihl != 5) {
            __be16 port;
            if (bpf_skb_load_bytes(skb, ETH_HLEN + ip->ihl * 4 + 2, &port, 2)) return TC_ACT_UNSPEC;
            return port == host->vxlan_port ? drop(NULL, KP_DROP_VXLAN) : TC_ACT_UNSPEC;
        }
        reach(skb, VXLAN_AT_IPV4);
        data = (void *)(long)skb->data, end = (void *)(long)skb->data_end;
        ip = data + ETH_HLEN;
        udp = (void *)(ip + 1);
        if ((void *)(udp + 1) > end || udp->dest != host->vxlan_port) return TC_ACT_UNSPEC;
        if (ip->frag_off & IPV4_MORE) return drop(NULL, KP_DROP_VXLAN);
        set_mapped(&key.locator, ip->saddr);
        reach(skb, VXLAN_AT_IPV4 + 8 + IPV6_PAYLOAD_AT);
        reach(skb, VXLAN_AT_IPV4 + 8 + ETH_HLEN + sizeof(struct iphdr));
        return receive_datagram(skb, &key, VXLAN_AT_IPV4, false);
    }
    if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
        // Behind extension headers, the stack reads them and vxlan_ingress makes the same checks.
        struct ipv6hdr *ip = data + ETH_HLEN;
        if ((void *)(ip + 1) > end || ip->nexthdr != IPPROTO_UDP) return TC_ACT_UNSPEC;
        struct kp_config *host = bpf_map_lookup_elem(&config, &(__u32){0});
        if (!host || !same(&host->locator_ipv6, &ip->daddr)) return TC_ACT_UNSPEC;
        reach(skb, VXLAN_AT_IPV6);
        data = (void *)(long)skb->data, end = (void *)(long)skb->data_end;
        ip = data + ETH_HLEN;
        struct udphdr *udp = (void *)(ip + 1);
        if ((void *)(udp + 1) > end || udp->dest != host->vxlan_port) return TC_ACT_UNSPEC;
        __builtin_memcpy(&key.locator, &ip->saddr, 16);
        reach(skb, VXLAN_AT_IPV6 + 8 + IPV6_PAYLOAD_AT);
        reach(skb, VXLAN_AT_IPV6 + 8 + ETH_HLEN + sizeof(struct iphdr));
        return receive_datagram(skb, &key, VXLAN_AT_IPV6, true);
    }
    return TC_ACT_UNSPEC;
}

/// The inner frame as the VXLAN device gives it; nothing of it is for the host's own stack.
SEC("tc")
int vxlan_ingress(struct __sk_buff *skb) {
    struct bpf_tunnel_key tunnel;
    struct kp_receive_key key = {};
    struct inner inner = {};
    if (bpf_skb_get_tunnel_key(skb, &tunnel, sizeof tunnel, 0) == 0)
        set_mapped(&key.locator, bpf_htonl(tunnel.remote_ipv4));
    else if (bpf_skb_get_tunnel_key(skb, &tunnel, sizeof tunnel, BPF_F_TUNINFO_IPV6) == 0)
        __builtin_memcpy(&key.locator, tunnel.remote_ipv6, 16);
    else
        return drop(NULL, KP_DROP_VXLAN);
    key.label = tunnel.tunnel_id;
    struct kp_receive *wire = bpf_map_lookup_elem(&receive, &key);
    if (!wire) return drop(NULL, KP_DROP_UNKNOWN_LABEL);
    __u32 index = wire->port;
    struct kp_port *port = bpf_map_lookup_elem(&ports, &index);
    if (!port) return drop(NULL, KP_DROP_PEER_GONE);

    reach(skb, IPV6_PAYLOAD_AT);
    reach(skb, ETH_HLEN + sizeof(struct iphdr));
    __u32 reason = check_inner(skb, 0, wire, port, &inner);
    if (reason) return drop(NULL, reason);
    return deliver_received(skb, wire, port, inner.is_ipv6);
}

/// A frame that the ESP engine has authenticated; the wire's number is in the MAC address.
SEC("tc")
int engine_ingress(struct __sk_buff *skb) {
    struct kp_receive_key key = {};
    struct inner inner = {};
    struct {
        __be16 prefix;
        __be32 label;
    } __attribute__((packed)) mac;
    if (bpf_skb_load_bytes(skb, 0, &mac, sizeof mac) || mac.prefix != bpf_htons(KP_ENGINE_MAC))
        return drop(NULL, KP_DROP_ENGINE);
    key.label = KP_RECEIVE_PROTECTED | bpf_ntohl(mac.label);
    struct kp_receive *wire = bpf_map_lookup_elem(&receive, &key);
    if (!wire) return drop(NULL, KP_DROP_ENGINE);
    __u32 index = wire->port;
    struct kp_port *port = bpf_map_lookup_elem(&ports, &index);
    if (!port) return drop(NULL, KP_DROP_PEER_GONE);

    reach(skb, IPV6_PAYLOAD_AT);
    reach(skb, ETH_HLEN + sizeof(struct iphdr));
    __u32 reason = check_inner(skb, 0, wire, port, &inner);
    if (reason) return drop(NULL, reason);
    return deliver_received(skb, wire, port, inner.is_ipv6);
}
