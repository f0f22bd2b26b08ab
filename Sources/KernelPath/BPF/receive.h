// SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0)
//
// Receiving: the checks of an inner frame, and its delivery.
#pragma once

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

/// Asks the rules of the wire's pair, counts the frame, gives it the MACs of the wire's two ends, and delivers it.
static __always_inline int deliver_received(
    struct __sk_buff *skb, struct kp_receive *wire, const struct kp_port *port, bool is_ipv6) {
    struct ethhdr header;
    const __u8 *identity = (const __u8 *)&wire->source;
    __builtin_memcpy(header.h_dest, port->mac, ETH_ALEN);
    // MACAddress(of:) in NetTypes is the same.
    __builtin_memcpy(header.h_source, identity + 10, ETH_ALEN);
    header.h_source[0] = (header.h_source[0] & ~3) | 2;
    header.h_proto = is_ipv6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
    // The sender's host has asked the rules already; this one does not rely on that.
    if (wire->pair) {
        int decision = decide(skb, NULL, wire->pair, is_ipv6);
        if (decision < 0) return drop(NULL, -decision);
    }
    struct traffic traffic = traffic_of(skb, is_ipv6);
    __sync_fetch_and_add(&wire->packets, traffic.packets);
    __sync_fetch_and_add(&wire->bytes, traffic.bytes);
    if (bpf_skb_store_bytes(skb, 0, &header, sizeof header, 0)) return drop(NULL, KP_DROP_MALFORMED);
    return deliver(skb, port);
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
