// SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0)
//
// ARP and neighbour discovery of endpoints, which are answered on the host.
#pragma once

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

/// What follows IPv6 extension headers: the protocol, or -1 when there are too many or they are cut off. For a later
/// fragment, which has no more headers, that is IPPROTO_FRAGMENT.
static __noinline int after_extensions(struct __sk_buff *skb, __u32 next, __u32 *at) {
    __u32 offset = IPV6_PAYLOAD_AT;
    for (int i = 0; i <= KP_MOST_EXTENSIONS; i++) {
        __u8 header[4];
        __u32 length;
        if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS && next != IPPROTO_AH
            && next != IPPROTO_FRAGMENT) {
            *at = offset;
            return next;
        }
        if (bpf_skb_load_bytes(skb, offset, header, sizeof header)) return -1;
        if (next == IPPROTO_FRAGMENT && (header[2] || header[3] & 0xf8)) return next;
        length = next == IPPROTO_FRAGMENT ? 8 : next == IPPROTO_AH ? (header[1] + 2) * 4 : (header[1] + 1) * 8;
        next = header[0];
        offset += length;
    }
    return -1;
}

/// Whether an IPv6 address can be that of a machine outside: neither in ::/96, IPv4-mapped, link-local nor multicast.
static __always_inline bool is_routable(const void *address) {
    const struct kp_address *it = address;
    __u32 first = bpf_ntohl(it->words[0]);
    if (!it->words[0] && !it->words[1]) return it->words[2] != 0 && it->words[2] != bpf_htonl(0xffff);
    return first >> 22 != 0x3fa && first >> 24 != 0xff;
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
    if (protocol < 0) return -KP_DROP_HEADERS;
    if (protocol != IPPROTO_ICMPV6) return 0;
    if (bpf_skb_load_bytes(skb, at, &type, 1)) return -KP_DROP_MALFORMED;
    if (type == 143 || (type >= 130 && type <= 132)) return -KP_DROP_MLD;
    if (type < 133 || type > 137) return 0;
    return at == IPV6_PAYLOAD_AT ? type : -KP_DROP_FORGED_ND;
}
