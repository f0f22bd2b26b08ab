// SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0)
//
// Sending on a wire: to a port here, by VXLAN, or to the ESP engine.
#pragma once

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

static __noinline int send_remote(struct __sk_buff *skb, struct kp_port *port, const struct kp_wire *wire) {
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
    struct __sk_buff *skb, struct kp_port *port, __u32 index, const struct kp_address *destination, bool is_ipv6) {
    struct kp_port *target = bpf_map_lookup_elem(&ports, &index);
    if (!target) return drop(port, KP_DROP_PEER_GONE);
    if (is_ipv6 ? !same(&target->identity, destination) : target->ipv4 != destination->words[3])
        return drop(port, KP_DROP_INNER_DESTINATION);
    if (bpf_skb_store_bytes(skb, 0, target->mac, ETH_ALEN, 0)) return drop(port, KP_DROP_MALFORMED);
    return deliver(skb, target);
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

/// The largest packet that a wire carries from a port; what may be cut, the engine cuts.
static __always_inline __u32 mtu_of(
    struct __sk_buff *skb, const struct kp_port *port, const struct kp_wire *wire, bool is_ipv6) {
    __u32 mtu = port->mtu, peer = wire->peer;
    if (wire->label == KP_WIRE_LOCAL) {
        struct kp_port *target = bpf_map_lookup_elem(&ports, &peer);
        if (target && target->mtu < mtu) mtu = target->mtu;
    }
    if (wire->mtu && wire->mtu < mtu && (is_ipv6 || !may_fragment(skb))) mtu = wire->mtu;
    return mtu;
}

/// Counts a frame on its wire and sends it; its size and its rules were looked at.
static __noinline int send(
    struct __sk_buff *skb, struct kp_port *port, struct kp_wire *wire, const struct kp_address *destination,
    bool is_ipv6) {
    __u32 label = wire->label;
    struct traffic traffic = traffic_of(skb, is_ipv6);
    __sync_fetch_and_add(&wire->packets, traffic.packets);
    __sync_fetch_and_add(&wire->bytes, traffic.bytes);
    if (label & KP_WIRE_PROTECTED) return send_protected(skb, port, label & KP_HIGHEST_SLOT);
    if (label == KP_WIRE_LOCAL) return send_local(skb, port, wire->peer, destination, is_ipv6);
    return send_remote(skb, port, wire);
}
